//! Who may accuse. An observer whose own place on a network is in doubt says nothing about others there: every side of a
//! partition accuses the other, and a lone isolated observer accuses everybody.

use themis_core::report::{AgentState, NetworkReport, PeerStatus};
use themis_core::{Moment, NetworkName};

use crate::evidence::Heard;
use crate::world::World;

/// Serf's health score from which an agent's own place is in doubt (measured: an isolated agent shows 7).
const HEALTH_SCORE_MAX: u8 = 4;

/// Whether a report shows its own host to be cut off from `network`: it accuses itself.
#[must_use]
pub fn self_accused(report: &NetworkReport, registered: usize) -> bool {
    report.carrier == Some(false)
        || (report.agent == AgentState::Running
            && (!in_majority(report, registered) || report.health_score.is_some_and(|s| s >= HEALTH_SCORE_MAX)))
}

/// Whether the reporter sees more than half of the members, itself counted. `registered` is how many members the engine
/// knows; a monitor with a shorter host list must not find itself in a majority of its own making.
#[must_use]
pub fn in_majority(report: &NetworkReport, registered: usize) -> bool {
    let members = (report.known as usize + 1).max(registered);
    (report.alive as usize + 1) * 2 > members
}

/// The observers whose word on `target` over `network` counts, each with the word.
pub fn eligible<'a>(
    world: &'a World,
    target: &'a str,
    network: &'a NetworkName,
    now: Moment,
) -> impl Iterator<Item = (&'a str, bool)> {
    let age = world.policy.report_age_max();
    let registered = members(world, network);
    world.evidence.observers.values().filter_map(move |heard| {
        let name = heard.report.observer.as_str();
        if name == target || now.since(heard.at) > age || !may_observe(world, heard) {
            return None;
        }
        let seen = heard.report.networks.get(network)?;
        if seen.agent != AgentState::Running || self_accused(seen, registered) {
            return None;
        }
        match seen.not_alive.get(target) {
            None => Some((name, false)),
            Some(PeerStatus::Failed) => Some((name, true)),
            // Left in order is planned; a peer that was never met is no evidence.
            Some(PeerStatus::Left | PeerStatus::Leaving | PeerStatus::Missing) => None,
        }
    })
}

/// Registered hosts and witnesses may observe, unless they are going down.
fn may_observe(world: &World, heard: &Heard) -> bool {
    !heard.report.shutting_down && (heard.report.witness || world.host_named(&heard.report.observer).is_some())
}

/// Members of a network: the registered hosts and the witnesses that report on it.
#[must_use]
pub fn members(world: &World, network: &NetworkName) -> usize {
    let witnesses = world
        .evidence
        .observers
        .values()
        .filter(|heard| heard.report.witness && heard.report.networks.contains_key(network))
        .count();
    world.hosts.len() + witnesses
}
