//! When a network fails for everybody it is the network, not the hosts. Mass failure is nearly always a switch, a broker
//! or a storage cluster; fencing its victims would turn an outage into a disaster.

use std::collections::BTreeMap;

use serde_json::json;
use themis_core::{HostState, Moment, NetworkName, Reason, SegmentId};

use crate::jury::Jury;
use crate::world::{HostRecord, Outage, World};

/// Updates which networks are out; ends an outage `outage_cooldown` after it was last seen.
pub fn judge_outages(world: &mut World, jury: &Jury, now: Moment) {
    let cooldown = world.policy.outage_cooldown;
    let names: Vec<NetworkName> = world.networks.keys().cloned().collect();
    for name in names {
        if let Some(reason) = out(world, jury, &name) {
            let entry = world.outages.entry(name).or_insert(Outage {
                since: now,
                last: now,
                reason: reason.clone(),
            });
            entry.last = now;
            entry.reason = reason;
        } else if let Some(outage) = world.outages.get(&name)
            && now.since(outage.last) >= cooldown
        {
            world.outages.remove(&name);
        }
    }
}

/// Why `network` is out: for more than the ratio of hosts, overall or in one segment, it is bad or self-accused.
fn out(world: &World, jury: &Jury, network: &NetworkName) -> Option<Reason> {
    let mut by_segment: BTreeMap<SegmentId, (usize, Vec<String>)> = BTreeMap::new();
    // A host that was never seen good says nothing of the network: ten new ones without cables are no outage.
    let judged = |host: &&HostRecord| host.counts() && host.state != HostState::Initializing;
    for host in world.hosts.values().filter(judged) {
        let entry = by_segment.entry(host.segment).or_default();
        entry.0 += 1;
        if suffers(world, jury, host, network) {
            entry.1.push(host.name.clone());
        }
    }
    let count: usize = by_segment.values().map(|(count, _)| count).sum();
    let victims: Vec<String> = by_segment.values().flat_map(|(_, names)| names.clone()).collect();
    let beyond = |victims: usize, count: usize| {
        #[allow(clippy::cast_precision_loss, reason = "counts of hosts are far below 2^52")]
        let share = victims as f64 / count as f64;
        victims >= 2 && share > world.policy.network_outage_ratio
    };
    let segment_out = by_segment.values().any(|(count, names)| beyond(names.len(), *count));
    if !(beyond(victims.len(), count) || segment_out) {
        return None;
    }
    let text = format!(
        "{network} fails for {} of {count} hosts: the network is out, not the hosts",
        victims.len()
    );
    Some(Reason::new("network_out", text).with(json!({"network": network, "hosts": victims, "of": count})))
}

fn suffers(world: &World, jury: &Jury, host: &HostRecord, network: &NetworkName) -> bool {
    jury.accuses_itself(&host.name, network) || jury.tally(world, &host.name, network).missed_by_most()
}
