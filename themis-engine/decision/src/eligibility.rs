//! Who may accuse. An observer whose own place on a network is in doubt says nothing about others there: every side of a
//! partition accuses the other, and a lone isolated observer accuses everybody.
//!
//! A majority is one of the members that may live ([`Roll`]). What they say is counted in [`crate::jury`].

use std::collections::BTreeSet;

use themis_core::report::{AgentState, NetworkReport};
use themis_core::{HostState, Moment, NetworkName};

use crate::evidence::Heard;
use crate::power::{PowerWord, REPORT_DELAY_MAX};
use crate::world::{HostRecord, World};

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
    /// Its host is known to be off: what it said was said before.
    Off,
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

/// Who is registered, and who of them cannot be alive on the other side of a partition (ADR 9). Made once a turn.
#[derive(Debug, Clone, Default)]
pub struct Roll {
    /// The names of all registered hosts.
    pub registered: BTreeSet<String>,
    /// Those whose own bound devices read off lately, after a proof or on the operator's word that they are out.
    pub off: BTreeSet<String>,
    /// Those that were proven off in their incident, whatever their devices say by now.
    pub gone: BTreeSet<String>,
}

impl Roll {
    /// The roll as it is now.
    #[must_use]
    pub fn of(world: &World, now: Moment) -> Self {
        let names = |of: &dyn Fn(&HostRecord) -> bool| {
            let hosts = world.hosts.values().filter(|host| of(host));
            hosts.map(|host| host.name.clone()).collect()
        };
        Self {
            registered: names(&|_| true),
            off: names(&|host| (proven(host) || host.state == HostState::Disabled) && reads_off(world, host, now)),
            gone: names(&proven),
        }
    }

    /// Members of a network that may live: the registered hosts that are not known to be off, and the witnesses that
    /// report on it.
    #[must_use]
    pub fn members(&self, world: &World, network: &NetworkName) -> usize {
        self.registered.len() - self.off.len() + witnesses(world, network)
    }
}

/// Witnesses that report on a network.
#[must_use]
pub fn witnesses(world: &World, network: &NetworkName) -> usize {
    let reporting = |heard: &&Heard| heard.report.witness && heard.report.networks.contains_key(network);
    world.evidence.observers.values().filter(reporting).count()
}

const fn proven(host: &HostRecord) -> bool {
    matches!(
        host.state,
        HostState::Fenced | HostState::Evacuating | HostState::Evacuated
    )
}

/// An operator's word is none here: whoever vouches on one side of a partition must not make that side a majority.
fn reads_off(world: &World, host: &HostRecord, now: Moment) -> bool {
    let lately = world.policy.power_idle_interval * 2;
    let heard = world.evidence.observers.get(&host.name).map(|heard| heard.at);
    let power = world.evidence.power.get(&host.id);
    power.is_some_and(|power| {
        // Idle devices are read seldom: a monitor that reported since is the younger word.
        let alive = power
            .read_at()
            .is_some_and(|read| heard > Some(read.plus(REPORT_DELAY_MAX)));
        !alive && power.word(now, lately) == PowerWord::Off && power.all_bound()
    })
}

/// Why the word of `heard` on others counts for nothing on `network`, of which `members` may live; `None` when it
/// counts.
#[must_use]
pub fn ineligible(
    world: &World,
    roll: &Roll,
    heard: &Heard,
    network: &NetworkName,
    members: usize,
    now: Moment,
) -> Option<Ineligible> {
    let report = &heard.report;
    if now.since(heard.at) > world.policy.report_age_max() {
        return Some(Ineligible::Stale);
    }
    if report.shutting_down {
        return Some(Ineligible::ShuttingDown);
    }
    if !report.witness && !roll.registered.contains(&report.observer) {
        return Some(Ineligible::NotRegistered);
    }
    if roll.off.contains(&report.observer) {
        return Some(Ineligible::Off);
    }
    let Some(seen) = report.networks.get(network) else {
        return Some(Ineligible::NotAttached);
    };
    self_accusation(seen, members, &roll.off)
        .or_else(|| (seen.agent != AgentState::Running).then_some(Ineligible::Agent(seen.agent)))
}

/// Whether a report shows its own host to be cut off from a network, of which `members` may live besides those that
/// are `off`: it accuses itself.
#[must_use]
pub fn self_accused(report: &NetworkReport, members: usize, off: &BTreeSet<String>) -> bool {
    self_accusation(report, members, off).is_some()
}

fn self_accusation(report: &NetworkReport, members: usize, off: &BTreeSet<String>) -> Option<Ineligible> {
    if report.carrier == Some(false) {
        return Some(Ineligible::NoCarrier);
    }
    if report.agent != AgentState::Running {
        return None;
    }
    if !in_majority(report, members, off) {
        return Some(Ineligible::Minority);
    }
    report
        .health_score
        .filter(|score| *score >= HEALTH_SCORE_MAX)
        .map(Ineligible::Unhealthy)
}

/// Whether the reporter sees more than half of the members that may live, itself counted. `members` is how many the
/// engine knows; a monitor with a shorter host list must not find itself in a majority of its own making. Those that
/// are `off` and that it misses are taken off its own list too.
#[must_use]
pub fn in_majority(report: &NetworkReport, members: usize, off: &BTreeSet<String>) -> bool {
    let missed = if off.is_empty() {
        0
    } else {
        report.not_alive.keys().filter(|name| off.contains(*name)).count()
    };
    let members = (report.known as usize + 1).saturating_sub(missed).max(members);
    (report.alive as usize + 1) * 2 > members
}
