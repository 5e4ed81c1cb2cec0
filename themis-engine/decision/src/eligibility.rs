//! Who may accuse. An observer whose own place on a network is in doubt says nothing about others there: every side of a
//! partition accuses the other, and a lone isolated observer accuses everybody.

use themis_core::report::{AgentState, NetworkReport, PeerStatus};
use themis_core::{Moment, NetworkName};

use crate::evidence::Heard;
use crate::world::World;

/// Serf's health score from which an agent's own place is in doubt (measured: an isolated agent shows 7).
const HEALTH_SCORE_MAX: u8 = 4;

/// Why an observer's word counts for nothing on a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ineligible {
    /// Its newest report is too old.
    Stale,
    /// Its host is being shut down.
    ShuttingDown,
    /// It is neither a registered host nor a witness.
    NotRegistered,
    /// Its report does not name the network.
    NotAttached,
    /// Its own interface has no carrier.
    NoCarrier,
    /// Its serf agent there does not run.
    Agent(AgentState),
    /// It sees no majority: it may be the one that is cut off.
    Minority,
    /// Serf's health score is bad.
    Unhealthy(u8),
}

/// Why the word of `heard` on others counts for nothing on `network`, of which `registered` are members; `None` when it
/// counts.
#[must_use]
pub fn ineligible(
    world: &World,
    heard: &Heard,
    network: &NetworkName,
    registered: usize,
    now: Moment,
) -> Option<Ineligible> {
    let report = &heard.report;
    if now.since(heard.at) > world.policy.report_age_max() {
        return Some(Ineligible::Stale);
    }
    if report.shutting_down {
        return Some(Ineligible::ShuttingDown);
    }
    if !report.witness && world.host_named(&report.observer).is_none() {
        return Some(Ineligible::NotRegistered);
    }
    let Some(seen) = report.networks.get(network) else {
        return Some(Ineligible::NotAttached);
    };
    self_accusation(seen, registered)
        .or_else(|| (seen.agent != AgentState::Running).then_some(Ineligible::Agent(seen.agent)))
}

/// Whether a report shows its own host to be cut off from `network`: it accuses itself.
#[must_use]
pub fn self_accused(report: &NetworkReport, registered: usize) -> bool {
    self_accusation(report, registered).is_some()
}

fn self_accusation(report: &NetworkReport, registered: usize) -> Option<Ineligible> {
    if report.carrier == Some(false) {
        return Some(Ineligible::NoCarrier);
    }
    if report.agent != AgentState::Running {
        return None;
    }
    if !in_majority(report, registered) {
        return Some(Ineligible::Minority);
    }
    report
        .health_score
        .filter(|score| *score >= HEALTH_SCORE_MAX)
        .map(Ineligible::Unhealthy)
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
    let registered = members(world, network);
    world.evidence.observers.values().filter_map(move |heard| {
        let name = heard.report.observer.as_str();
        if name == target || ineligible(world, heard, network, registered, now).is_some() {
            return None;
        }
        let seen = heard.report.networks.get(network)?;
        match seen.not_alive.get(target) {
            None => Some((name, false)),
            Some(PeerStatus::Failed) => Some((name, true)),
            // Left in order is planned; a peer that was never met is no evidence.
            Some(PeerStatus::Left | PeerStatus::Leaving | PeerStatus::Missing) => None,
        }
    })
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
