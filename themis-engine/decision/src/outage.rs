//! When a network fails for everybody it is the network, not the hosts. Mass failure is nearly always a switch, a broker
//! or a storage cluster; fencing its victims would turn an outage into a disaster.

use std::collections::BTreeMap;

use serde_json::json;
use themis_core::{HostId, HostState, Moment, NetworkName, Reason, SegmentId};

use crate::eligibility::{eligible, members, self_accused};
use crate::world::{HostRecord, Outage, World};

/// Updates which networks are out; ends an outage `outage_cooldown` after it was last seen.
pub fn judge_outages(world: &mut World, now: Moment) {
    let cooldown = world.policy.outage_cooldown;
    let names: Vec<NetworkName> = world.networks.keys().cloned().collect();
    for name in names {
        if let Some(reason) = out(world, &name, now) {
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
fn out(world: &World, network: &NetworkName, now: Moment) -> Option<Reason> {
    let mut by_segment: BTreeMap<SegmentId, (usize, Vec<String>)> = BTreeMap::new();
    // A host that was never seen good says nothing of the network: ten new ones without cables are no outage.
    let judged = |host: &&HostRecord| host.counts() && host.state != HostState::Initializing;
    for host in world.hosts.values().filter(judged) {
        let entry = by_segment.entry(host.segment).or_default();
        entry.0 += 1;
        if suffers(world, host.id, network, now) {
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

fn suffers(world: &World, id: HostId, network: &NetworkName, now: Moment) -> bool {
    let Some(host) = world.hosts.get(&id) else { return false };
    if accuses_itself(world, host, network, now) {
        return true;
    }
    let words: Vec<bool> = eligible(world, &host.name, network, now)
        .map(|(_, accuses)| accuses)
        .collect();
    let accusers = words.iter().filter(|accuses| **accuses).count();
    !words.is_empty() && accusers * 2 > words.len()
}

fn accuses_itself(world: &World, host: &HostRecord, network: &NetworkName, now: Moment) -> bool {
    let registered = members(world, network);
    world
        .evidence
        .fresh(&host.name, now, world.policy.report_age_max())
        .and_then(|heard| heard.report.networks.get(network))
        .is_some_and(|seen| self_accused(seen, registered))
}
