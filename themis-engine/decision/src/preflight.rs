//! The preflight: what would be missing if the installation were armed now. The same rules as the brakes, asked before
//! anything fails; the mode itself is left out, for it is what the asker is about to change.

use serde_json::json;
use themis_core::leader::{Preflight, PreflightHost, PreflightWarning};
use themis_core::{Moment, Reason};

use crate::brakes::unprotected;
use crate::world::{AUTO, SegmentRecord, World};

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
        warnings: warnings(world),
    }
}

/// The segments whose hosts are recovered otherwise than they say, by name.
fn warnings(world: &World) -> Vec<PreflightWarning> {
    let mut segments: Vec<_> = world.segments.iter().collect();
    segments.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
    segments
        .into_iter()
        .filter_map(|(id, segment)| {
            Some(PreflightWarning {
                segment_uuid: *id,
                reason: recovered_as_auto(segment)?,
            })
        })
        .collect()
}

/// The methods that want a reserved host are kept as the segment's, and not carried out.
pub(crate) fn recovered_as_auto(segment: &SegmentRecord) -> Option<Reason> {
    let (name, method) = (&segment.name, &segment.recovery_method);
    (method != AUTO).then(|| {
        let text = format!(
            "segment {name} has the recovery method {method}, but its hosts are recovered as auto: Nova's scheduler chooses \
             where instances go, and no reserved host is enabled for them; leave spare hosts enabled in Nova"
        );
        Reason::new("recovered_as_auto", text).with(json!({"recovery_method": method}))
    })
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
    fn a_segment_that_wants_a_reserved_host_is_pointed_out_and_holds_nothing_back() {
        let mut world = world(3, NOW);
        assert_eq!(preflight(&world, NOW).warnings, []);
        let ready = preflight(&world, NOW).ready;
        for (number, method) in ["reserved_host", "auto_priority", "auto", "rh_priority"]
            .into_iter()
            .enumerate()
        {
            let mut segment = SegmentRecord::enabled(&format!("rack-{number}"));
            segment.recovery_method = method.to_owned();
            let id = themis_core::SegmentId(uuid::Uuid::from_u128(100 - number as u128));
            world.segments.insert(id, segment);
        }
        let looked = preflight(&world, NOW);
        assert_eq!(looked.ready, ready);
        let said: Vec<_> = looked.warnings.iter().map(|warning| &warning.reason).collect();
        let methods: Vec<_> = said.iter().map(|reason| &reason.data["recovery_method"]).collect();
        assert_eq!(methods, ["reserved_host", "auto_priority", "rh_priority"]);
        let text = "segment rack-0 has the recovery method reserved_host, but its hosts are recovered as auto: ";
        assert!(said[0].text.starts_with(text), "{}", said[0].text);
        let of_one = looked.of(Some(&uuid::Uuid::from_u128(97).to_string())).warnings;
        assert_eq!(of_one.len(), 1);
        assert_eq!(of_one[0].reason.data["recovery_method"], "rh_priority");
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
