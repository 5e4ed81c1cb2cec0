//! Every brake as it stands now: what would hold a failure back if it were confirmed this moment. Asked with the brakes' own
//! rules, so that an operator reads what [`super::hold`] will say.

use serde_json::json;
use themis_core::leader::{Brake, BrakedHost, Brakes};
use themis_core::{HostState, Moment, Reason};

use super::{
    collateral, mass_failing, mass_failure, observed, other_manager, own_host, power_device, power_word, segment,
    site_outage, too_many_in_recovery,
};
use crate::preflight::{settling, too_few_monitors};
use crate::world::{HostRecord, World};

struct Rule {
    code: &'static str,
    reach: Reach,
    release: &'static str,
}

/// Whom a brake can hold.
enum Reach {
    /// All hosts alike.
    All(fn(&World, Moment) -> Option<Reason>),
    /// Each for itself.
    Each(fn(&World, &HostRecord, Moment) -> Option<Reason>),
    /// All hosts alike; when it does not, single ones still.
    AllOrEach(
        fn(&World, Moment) -> Option<Reason>,
        fn(&World, &HostRecord, Moment) -> Option<Reason>,
    ),
}

const RULES: &[Rule] = &[
    Rule {
        code: "settling",
        reach: Reach::All(|world, _| settling(world)),
        release: "the leader's having heard the monitors for settle_period",
    },
    Rule {
        code: "too_few_monitors",
        reach: Reach::All(too_few_monitors),
        release: "as many fresh monitors as [detection] quorum wants",
    },
    Rule {
        code: "network_out",
        reach: Reach::All(|world, _| network_out(world)),
        release: "the network's return for most hosts, outage_cooldown long; holds only what is bad on that network",
    },
    Rule {
        code: "observe_mode",
        reach: Reach::Each(|world, host, _| observed(world, host)),
        release: "'themis arm'",
    },
    Rule {
        code: "segment_disabled",
        reach: Reach::Each(|world, host, _| segment(world, host)),
        release: "'openstack segment update SEGMENT --is_enabled true'",
    },
    Rule {
        code: "own_host",
        reach: Reach::Each(|world, host, _| own_host(world, host)),
        release: "the lead of an engine on another host",
    },
    Rule {
        code: "other_manager",
        reach: Reach::Each(|world, host, _| other_manager(world, host)),
        release: "forced_down of the host's nova-compute set to false by whoever set it",
    },
    Rule {
        code: "site_outage",
        reach: Reach::All(site_outage),
        release: "at least half of the hosts reading on again",
    },
    Rule {
        code: "mass_failure",
        reach: Reach::AllOrEach(mass_failing, held_with_company),
        release: "'themis host retry HOST', for that host alone, or the others' recovery by themselves; a host that reads off \
                  by itself is not held",
    },
    Rule {
        code: "collateral",
        reach: Reach::All(collateral),
        release: "power for the host that lost it, or its recovery; a host that reads off by itself is not held",
    },
    Rule {
        code: "too_many_in_recovery",
        reach: Reach::Each(|world, host, _| too_many_in_recovery(world, host)),
        release: "the end of a recovery, or more of them in [brakes]",
    },
    Rule {
        code: "no_power_device",
        reach: Reach::Each(without_device),
        release: "'themis power-device set HOST ...', or 'themis host confirm-dead HOST' once it failed",
    },
    Rule {
        code: "power_device_unbound",
        reach: Reach::Each(with_unbound_device),
        release: "a power device whose identity is the host's; where it tells none, 'themis power-device set HOST ... \
                  --accept-unbound REASON'",
    },
];

/// All brakes, in the order in which they are asked.
#[must_use]
pub fn standing(world: &World, now: Moment) -> Brakes {
    Brakes {
        brakes: RULES.iter().map(|rule| rule.stands(world, now)).collect(),
    }
}

impl Rule {
    fn stands(&self, world: &World, now: Moment) -> Brake {
        let (reason, hosts) = match self.reach {
            Reach::All(holds) => (holds(world, now), Vec::new()),
            Reach::Each(holds) => (None, each(world, |host| holds(world, host, now))),
            Reach::AllOrEach(all, one) => match all(world, now) {
                Some(reason) => (Some(reason), Vec::new()),
                None => (None, each(world, |host| one(world, host, now))),
            },
        };
        Brake {
            code: self.code.to_owned(),
            holds: reason.is_some() || !hosts.is_empty(),
            reason,
            hosts,
            release: self.release.to_owned(),
        }
    }
}

fn each(world: &World, holds: impl Fn(&HostRecord) -> Option<Reason>) -> Vec<BrakedHost> {
    let held = world.hosts.values().filter_map(|host| {
        Some(BrakedHost {
            reason: holds(host)?,
            uuid: host.id,
            name: host.name.clone(),
        })
    });
    let mut hosts: Vec<BrakedHost> = held.collect();
    hosts.sort_by(|a, b| a.name.cmp(&b.name));
    hosts
}

fn network_out(world: &World) -> Option<Reason> {
    let texts: Vec<&str> = world
        .outages
        .values()
        .map(|outage| outage.reason.text.as_str())
        .collect();
    let networks: Vec<_> = world.outages.keys().collect();
    (!texts.is_empty()).then(|| Reason::new("network_out", texts.join("; ")).with(json!({"networks": networks})))
}

fn device(world: &World, host: &HostRecord, now: Moment) -> Option<Reason> {
    power_device(world, host, power_word(world, host, now))
}

fn without_device(world: &World, host: &HostRecord, now: Moment) -> Option<Reason> {
    device(world, host, now).filter(|reason| reason.code == "no_power_device")
}

fn held_with_company(world: &World, host: &HostRecord, now: Moment) -> Option<Reason> {
    mass_failure(world, host, now).filter(|_| host.state == HostState::Failed)
}

fn with_unbound_device(world: &World, host: &HostRecord, now: Moment) -> Option<Reason> {
    device(world, host, now).filter(|reason| reason.code == "power_device_unbound")
}

#[cfg(test)]
mod tests {
    use themis_core::power::{Binding, PowerReading, PowerState};
    use themis_core::{Mode, NetworkName};

    use super::*;
    use crate::brakes::hold;
    use crate::evidence::NovaService;
    use crate::testing::Cluster;
    use crate::testing::cluster::device_of;
    use crate::world::Outage;

    /// The brakes that hold, each with the hosts that it names; `*` for all.
    fn holding(cluster: &Cluster) -> Vec<(String, String)> {
        let brakes = standing(&cluster.world, cluster.now).brakes;
        assert_eq!(brakes.len(), RULES.len());
        let held = brakes.into_iter().filter(|brake| brake.holds).map(|brake| {
            let names: Vec<&str> = brake.hosts.iter().map(|host| host.name.as_str()).collect();
            for reason in brake.reason.iter().chain(brake.hosts.iter().map(|host| &host.reason)) {
                assert_eq!(reason.code, brake.code);
            }
            let whom = if brake.reason.is_some() {
                "*".to_owned()
            } else {
                names.join(" ")
            };
            (brake.code, whom)
        });
        held.collect()
    }

    fn says(cluster: &Cluster, code: &str, whom: &str) {
        let held = holding(cluster);
        assert!(
            held.contains(&(code.to_owned(), whom.to_owned())),
            "{code} {whom}: {held:?}"
        );
        // Whatever would hold a host back is among what is told, for all or for that host.
        for host in cluster.world.hosts.values() {
            if let Some(reason) = hold(&cluster.world, host, cluster.now) {
                let told = held.iter().find(|(code, _)| *code == reason.code);
                let (_, whom) = told.unwrap_or_else(|| panic!("{reason} is not told: {held:?}"));
                assert!(
                    whom == "*" || whom.split(' ').any(|name| name == host.name),
                    "{reason}: {held:?}"
                );
            }
        }
    }

    #[test]
    fn no_brake_holds_in_an_armed_and_healthy_installation() {
        assert_eq!(holding(&Cluster::of(4)), []);
    }

    #[test]
    fn a_brake_on_single_hosts_names_them() {
        let mut cluster = Cluster::of(4);
        cluster.host_mut("h1").devices.clear();
        says(&cluster, "no_power_device", "h1");
        let id = cluster.id("h2");
        cluster.world.evidence.power.remove(&id);
        says(&cluster, "power_device_unbound", "h2");
        cluster.world.own_hosts.insert("h3".to_owned());
        says(&cluster, "own_host", "h3");
        let forced = NovaService {
            forced_down: true,
            ..NovaService::default()
        };
        cluster.world.evidence.nova.insert("h4".to_owned(), forced);
        says(&cluster, "other_manager", "h4");
        cluster.host_mut("h1").state = HostState::Evacuating;
        cluster.host_mut("h2").state = HostState::Fencing;
        says(&cluster, "too_many_in_recovery", "h3 h4");
        cluster.world.mode = Mode::Observe;
        says(&cluster, "observe_mode", "h1 h2 h3 h4");
        cluster
            .world
            .segments
            .values_mut()
            .for_each(|segment| segment.enabled = false);
        says(&cluster, "segment_disabled", "h1 h2 h3 h4");
    }

    #[test]
    fn a_brake_on_all_hosts_says_so_once() {
        let mut cluster = Cluster::of(4);
        for name in ["h1", "h2", "h3"] {
            cluster.host_mut(name).watch.failed_at = Some(cluster.now);
        }
        says(&cluster, "mass_failure", "*");
        let out = Outage {
            since: cluster.now,
            last: cluster.now,
            reason: Reason::new("network_out", "storage fails for 3 of 4 hosts"),
        };
        cluster.world.outages.insert(NetworkName::new("storage"), out);
        says(&cluster, "network_out", "*");
        cluster.world.settled = false;
        says(&cluster, "settling", "*");
        cluster.world.evidence.observers.clear();
        says(&cluster, "too_few_monitors", "*");
    }

    #[test]
    fn a_host_that_dies_after_our_power_off_of_another_holds_all_others() {
        let mut cluster = Cluster::of(5);
        let (now, id) = (cluster.now, cluster.id("h2"));
        let off = PowerReading {
            state: Ok(PowerState::Off),
            guid: None,
            detail: "off".to_owned(),
        };
        let power = cluster.world.evidence.power.get_mut(&id).expect("its power was read");
        power.hear(device_of(id), Binding::Identity, &off, now);
        cluster.host_mut("h1").watch.commanded = Some(now);
        cluster.host_mut("h2").watch.first_accusation = Some((now, Reason::new("accused", "missed")));
        says(&cluster, "collateral", "*");
    }

    #[test]
    fn a_site_without_power_is_told() {
        let mut cluster = Cluster::of(4);
        for name in ["h1", "h2", "h3"] {
            cluster.lose_power(name);
        }
        cluster.run(30);
        says(&cluster, "site_outage", "*");
    }
}
