//! The monitors that were heard, and what the word of each is worth: the rule of [`crate::eligibility`], told to an operator
//! who asks why nobody judges a host.

use serde_json::json;
use themis_core::leader::{Observer, ObserverPlace, Observers};
use themis_core::report::AgentState;
use themis_core::{Moment, NetworkName, Reason};

use crate::eligibility::{Ineligible, Roll, ineligible};
use crate::evidence::Heard;
use crate::world::World;

/// Every monitor heard since this leader started, by name, also those that have fallen silent.
#[must_use]
pub fn heard(world: &World, now: Moment) -> Observers {
    let roll = Roll::of(world, now);
    let members = |name| (name, roll.members(world, name));
    let networks: Vec<(&NetworkName, usize)> = world.networks.keys().map(members).collect();
    let observers = world.evidence.observers.values().map(|heard| Observer {
        name: heard.report.observer.clone(),
        witness: heard.report.witness,
        age_ms: u64::try_from(now.since(heard.at).as_millis()).unwrap_or(u64::MAX),
        networks: networks
            .iter()
            .map(|(name, members)| ((*name).clone(), place(world, &roll, heard, name, *members, now)))
            .collect(),
    });
    Observers {
        observers: observers.collect(),
    }
}

fn place(
    world: &World,
    roll: &Roll,
    heard: &Heard,
    network: &NetworkName,
    members: usize,
    now: Moment,
) -> ObserverPlace {
    let why = ineligible(world, roll, heard, network, members, now);
    ObserverPlace {
        eligible: why.is_none(),
        reason: why.map(|why| reason(why, world, heard, network, members)),
        health_score: heard.report.networks.get(network).and_then(|seen| seen.health_score),
    }
}

fn reason(why: Ineligible, world: &World, heard: &Heard, network: &NetworkName, members: usize) -> Reason {
    let name = &heard.report.observer;
    match why {
        Ineligible::Stale => {
            let after = world.policy.report_age_max().as_secs();
            let text = format!("no report from {name} for more than {after} s: does its themis-hostmonitor run?");
            Reason::new("observer_stale", text)
        }
        Ineligible::ShuttingDown => Reason::new("observer_shutting_down", format!("{name} is being shut down")),
        Ineligible::NotRegistered => {
            let text = format!("{name} is neither a registered host nor a witness; register it in a segment");
            Reason::new("observer_not_registered", text)
        }
        Ineligible::Off => Reason::new("observer_off", format!("{name} is off: what it said was said before")),
        Ineligible::NotAttached => {
            let text = format!("{name} reports nothing of {network}: its configuration lacks [network:{network}]");
            Reason::new("observer_not_attached", text)
        }
        Ineligible::NoCarrier => Reason::new(
            "observer_without_carrier",
            format!("{name} has no carrier on {network}"),
        ),
        Ineligible::Agent(state) => {
            let said = match state {
                AgentState::Running => "runs",
                AgentState::Restarting => "is being restarted",
                AgentState::Refused => "cannot be started",
                AgentState::Silent => "does not answer",
            };
            let text =
                format!("the serf agent of {name} on {network} {said}; the log of its themis-hostmonitor says why");
            Reason::new("observer_agent_down", text)
        }
        Ineligible::Minority => {
            let seen = heard.report.networks.get(network).map_or(0, |seen| seen.alive);
            let text =
                format!("{name} sees {seen} others of {members} members alive on {network}: it may be cut off itself");
            Reason::new("observer_in_minority", text).with(json!({"alive": seen, "members": members}))
        }
        Ineligible::Unhealthy(score) => {
            let text = format!("serf's health score of {name} on {network} is {score}: its own place is in doubt");
            Reason::new("observer_unhealthy", text).with(json!({"health_score": score}))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jury::Jury;
    use crate::testing::{hear, report, world};
    use themis_core::report::PeerStatus;

    const NOW: Moment = Moment(1_000_000_000);

    fn after(seconds: u64) -> Moment {
        Moment(NOW.0 + seconds * 1_000_000)
    }

    fn code(world: &World, name: &str, network: &str, now: Moment) -> Option<String> {
        let observers = heard(world, now).observers;
        let observer = observers.iter().find(|o| o.name == name).expect("it was heard");
        let place = &observer.networks[&NetworkName::new(network)];
        assert_eq!(place.eligible, place.reason.is_none());
        place.reason.as_ref().map(|reason| reason.code.clone())
    }

    #[test]
    fn a_healthy_monitor_is_eligible_on_every_network_and_its_age_is_told() {
        let mut world = world(3, NOW);
        hear(&mut world, report("w").witness().build(), after(3));
        let told = heard(&world, after(5)).observers;
        let names: Vec<_> = told.iter().map(|o| (o.name.as_str(), o.witness, o.age_ms)).collect();
        let expected = [
            ("h1", false, 5000),
            ("h2", false, 5000),
            ("h3", false, 5000),
            ("w", true, 2000),
        ];
        assert_eq!(names, expected);
        for place in told.iter().flat_map(|observer| observer.networks.values()) {
            assert!(place.eligible && place.health_score == Some(0), "{place:?}");
        }
    }

    #[test]
    fn each_monitor_whose_word_counts_for_nothing_says_why() {
        let mut world = world(5, NOW);
        let now = after(30);
        let failed = |target: &str, name: &str| report(name).says(target, PeerStatus::Failed, &["storage"]);
        let cut_off = ["h1", "h3", "h4", "h5"]
            .into_iter()
            .fold(report("h2"), |report, peer| report.accuses(peer, &["tenant"]));
        hear(&mut world, cut_off.build(), now);
        let worn = failed("h1", "h3").on("storage", |seen| seen.health_score = Some(4));
        hear(
            &mut world,
            worn.on("tenant", |seen| seen.carrier = Some(false)).build(),
            now,
        );
        let mut blind = report("h4").on("storage", |seen| {
            seen.agent = AgentState::Restarting;
            seen.health_score = None;
        });
        blind = blind.on("tenant", |seen| seen.agent = AgentState::Refused);
        let mut blind = blind.build();
        blind.networks.remove(&NetworkName::new("management"));
        hear(&mut world, blind, now);
        hear(&mut world, report("h5").shutting_down().build(), now);
        hear(&mut world, report("stranger").build(), now);

        let all = [
            ("h1", "storage", Some("observer_stale")),
            ("h2", "tenant", Some("observer_in_minority")),
            ("h2", "storage", None),
            ("h3", "storage", Some("observer_unhealthy")),
            ("h3", "tenant", Some("observer_without_carrier")),
            ("h3", "management", None),
            ("h4", "storage", Some("observer_agent_down")),
            ("h4", "tenant", Some("observer_agent_down")),
            ("h4", "management", Some("observer_not_attached")),
            ("h5", "storage", Some("observer_shutting_down")),
            ("stranger", "storage", Some("observer_not_registered")),
        ];
        for (name, network, expected) in all {
            assert_eq!(
                code(&world, name, network, now).as_deref(),
                expected,
                "{name} on {network}"
            );
            // What is told is what is judged by.
            let network = NetworkName::new(network);
            let whom = if name == "h2" { "h1" } else { "h2" };
            let counts = Jury::of(&world, now)
                .words(&world, whom, &network)
                .any(|(who, _)| who == name);
            assert_eq!(counts, expected.is_none(), "{name} on {network}");
        }
    }
}
