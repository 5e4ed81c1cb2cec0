//! The preflight: what would be missing if the installation were armed now. The same rules as the brakes, asked before
//! anything fails; the mode itself is left out, for it is what the asker is about to change.

use serde_json::json;
use themis_core::leader::{Preflight, PreflightHost};
use themis_core::{Moment, Reason};

use crate::brakes::unprotected;
use crate::world::World;

/// Looks at all hosts.
#[must_use]
pub fn preflight(world: &World, now: Moment) -> Preflight {
    let mut hosts: Vec<PreflightHost> = world
        .hosts
        .values()
        .map(|host| {
            let mut reasons = unprotected(world, host, now);
            reasons.retain(|reason| reason.code != "observe_mode");
            PreflightHost {
                uuid: host.id,
                name: host.name.clone(),
                segment_uuid: host.segment,
                state: host.state,
                protected: reasons.is_empty(),
                reasons,
            }
        })
        .collect();
    hosts.sort_by(|a, b| a.name.cmp(&b.name));
    let reasons = for_all(world, now);
    Preflight {
        ready: reasons.is_empty() && hosts.iter().all(|host| host.protected),
        reasons,
        hosts,
    }
}

/// What is missing for all hosts.
fn for_all(world: &World, now: Moment) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if world.hosts.is_empty() {
        let text = "no host is registered; 'openstack segment host create' registers one";
        reasons.push(Reason::new("no_hosts", text));
    }
    reasons.extend(settling(world));
    reasons.extend(too_few_monitors(world, now));
    reasons
}

/// The leader opens no incident before it has heard for long enough.
pub(crate) fn settling(world: &World) -> Option<Reason> {
    let text = "the leader has not heard the monitors for long enough; ask again in some seconds";
    (!world.settled).then(|| Reason::new("settling", text))
}

/// Nobody can be judged by fewer monitors than the quorum.
pub(crate) fn too_few_monitors(world: &World, now: Moment) -> Option<Reason> {
    let (observers, quorum) = (observers(world, now), world.policy.quorum);
    (observers < quorum).then(|| {
        let text = format!(
            "{observers} monitors are heard, {quorum} are wanted to judge a host; start themis-hostmonitor on the hosts"
        );
        Reason::new("too_few_monitors", text).with(json!({"observers": observers, "quorum": quorum}))
    })
}

/// How many monitors' reports are fresh.
#[must_use]
pub fn observers(world: &World, now: Moment) -> usize {
    let age = world.policy.report_age_max();
    let names = world.evidence.observers.keys();
    names
        .filter(|name| world.evidence.fresh(name, now, age).is_some())
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{hear, report, world};

    const NOW: Moment = Moment(1_000_000_000);

    fn codes(reasons: &[Reason]) -> Vec<&str> {
        reasons.iter().map(|reason| reason.code.as_str()).collect()
    }

    #[test]
    fn the_mode_is_no_obstacle_and_a_missing_power_device_is() {
        let mut world = world(3, NOW);
        world.mode = themis_core::Mode::Observe;
        for observer in ["h1", "h2", "h3"] {
            hear(&mut world, report(observer).build(), NOW);
        }
        let looked = preflight(&world, NOW);
        assert!(looked.reasons.is_empty(), "{:?}", looked.reasons);
        assert!(!looked.ready);
        assert_eq!(looked.hosts.len(), 3);
        for host in &looked.hosts {
            assert!(codes(&host.reasons).contains(&"no_power_device"), "{host:?}");
            assert!(!codes(&host.reasons).contains(&"observe_mode"), "{host:?}");
        }
    }

    #[test]
    fn a_leader_that_hears_nobody_says_so() {
        let mut world = world(3, NOW);
        world.settled = false;
        world.evidence.observers.clear();
        assert_eq!(codes(&preflight(&world, NOW).reasons), ["settling", "too_few_monitors"]);
        world.hosts.clear();
        assert!(codes(&preflight(&world, NOW).reasons).contains(&"no_hosts"));
    }
}
