//! What those who may judge say, counted once a turn in one pass over their reports: the cost of a turn grows with what
//! is reported, not with the square of the hosts.
//!
//! A monitor names only the peers that it does not hold alive, so its silence about a host means two things: it sees the
//! host, or its host list lacks it. Only a list that is known to hold the host makes silence a word.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use themis_core::report::{NetworkReport, PeerStatus, Report};
use themis_core::{Moment, NetworkName};

use crate::eligibility::{Roll, ineligible, self_accused, witnesses};
use crate::evidence::Heard;
use crate::world::World;

/// Who may judge at one moment, and what they say of whom.
#[derive(Debug, Default)]
pub struct Jury {
    benches: BTreeMap<NetworkName, Bench>,
    missed: BTreeSet<String>,
}

/// The same on one network.
#[derive(Debug, Default)]
struct Bench {
    /// Members that may live.
    members: usize,
    off: BTreeSet<String>,
    jurors: BTreeMap<String, Juror>,
    /// By target.
    accusers: BTreeMap<String, Vec<String>>,
    /// By target: left in order is planned, a peer that was never met is no evidence.
    abstainers: BTreeMap<String, Vec<String>>,
    /// Jurors whose lists may lack somebody, counted by generation of their list.
    partial: BTreeMap<String, usize>,
    partial_total: usize,
    self_accused: BTreeSet<String>,
}

#[derive(Debug)]
struct Juror {
    generation: String,
    partial: bool,
}

/// What is said of one host on one network before any look of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Who holds it failed.
    pub accusers: Vec<String>,
    /// How many may judge it: the accusers, and those who know it and do not accuse it.
    pub eligible: usize,
    /// How many say nothing of it and may not know it.
    pub unsure: usize,
    /// Members that may live, without the host itself.
    pub others: usize,
}

impl Tally {
    /// More than half of the others may judge.
    #[must_use]
    pub const fn has_majority(&self) -> bool {
        self.eligible * 2 > self.others
    }

    /// A quorum and a majority accuse it; who may not know it still weighs against an accusation.
    #[must_use]
    pub fn accused(&self, quorum: usize) -> bool {
        self.has_majority()
            && self.eligible > 0
            && self.accusers.len() >= quorum.min(self.eligible)
            && self.accusers.len() * 2 > self.eligible + self.unsure
    }

    /// A majority sees it alive.
    #[must_use]
    pub const fn good(&self) -> bool {
        self.has_majority() && (self.eligible - self.accusers.len()) * 2 > self.eligible
    }

    /// More than half of those who may judge miss it, be they many or few.
    #[must_use]
    pub const fn missed_by_most(&self) -> bool {
        self.accusers.len() * 2 > self.eligible
    }

    pub(crate) fn figures(&self) -> serde_json::Value {
        let mut figures = json!({"accusers": self.accusers, "eligible": self.eligible, "others": self.others});
        if self.unsure > 0 {
            figures["unsure"] = json!(self.unsure);
        }
        figures
    }
}

impl Jury {
    /// Hears everybody.
    #[must_use]
    pub fn of(world: &World, now: Moment) -> Self {
        let roll = Roll::of(world, now);
        let fresh: Vec<&Heard> = world
            .evidence
            .observers
            .values()
            .filter(|heard| now.since(heard.at) <= world.policy.report_age_max())
            .collect();
        let benches = world.networks.keys().map(|network| {
            let bench = Bench::of(world, &roll, &fresh, network, now);
            (network.clone(), bench)
        });
        Self {
            benches: benches.collect(),
            missed: fresh.iter().flat_map(|heard| missed_by(&heard.report)).collect(),
        }
    }

    /// Whether any fresh observer holds the host failed. Weaker than an accusation: it only lets the power device be
    /// heard where too few are left to accuse.
    #[must_use]
    pub fn missed(&self, host: &str) -> bool {
        self.missed.contains(host)
    }

    /// How many members of a network may live.
    #[must_use]
    pub fn members(&self, network: &NetworkName) -> usize {
        self.benches.get(network).map_or(0, |bench| bench.members)
    }

    /// Whether the host's own monitor shows it to be cut off from the network.
    #[must_use]
    pub fn accuses_itself(&self, host: &str, network: &NetworkName) -> bool {
        let bench = self.benches.get(network);
        bench.is_some_and(|bench| bench.self_accused.contains(host))
    }

    /// What is said of a host.
    #[must_use]
    pub fn tally(&self, world: &World, target: &str, network: &NetworkName) -> Tally {
        let Some(bench) = self.benches.get(network) else {
            return Tally {
                accusers: Vec::new(),
                eligible: 0,
                unsure: 0,
                others: 0,
            };
        };
        let none = Vec::new();
        let accusers = bench.accusers.get(target).unwrap_or(&none);
        let abstainers = bench.abstainers.get(target).unwrap_or(&none);
        let generation = generation_of(world, target);
        let asked = bench.jurors.len() - usize::from(bench.jurors.contains_key(target));
        let unsure = bench.unsure(accusers.iter().chain(abstainers), generation);
        Tally {
            eligible: asked - abstainers.len() - unsure,
            unsure,
            others: bench.members - usize::from(bench.members > 0 && !bench.off.contains(target)),
            accusers: accusers.clone(),
        }
    }

    /// The observers whose word on `target` over `network` counts, each with the word: whether it accuses.
    pub fn words<'a>(
        &'a self,
        world: &'a World,
        target: &'a str,
        network: &NetworkName,
    ) -> impl Iterator<Item = (&'a str, bool)> {
        let generation = generation_of(world, target);
        self.benches.get(network).into_iter().flat_map(move |bench| {
            let says = |of: &BTreeMap<String, Vec<String>>, name: &String| {
                of.get(target).is_some_and(|who| who.binary_search(name).is_ok())
            };
            bench.jurors.iter().filter_map(move |(name, juror)| {
                if name == target || says(&bench.abstainers, name) {
                    return None;
                }
                let accuses = says(&bench.accusers, name);
                (accuses || juror.knows(generation)).then_some((name.as_str(), accuses))
            })
        })
    }
}

/// Which host list the host's own monitor judged by, when it was last heard: it is in its own list.
fn generation_of<'a>(world: &'a World, host: &str) -> Option<&'a str> {
    let heard = world.evidence.observers.get(host);
    heard.map(|heard| heard.report.generation.as_str())
}

fn missed_by(report: &Report) -> impl Iterator<Item = String> {
    let named = report.networks.values().flat_map(|network| &network.not_alive);
    named
        .filter(|(name, status)| **status == PeerStatus::Failed && **name != report.observer)
        .map(|(name, _)| name.clone())
}

impl Juror {
    fn knows(&self, generation: Option<&str>) -> bool {
        !self.partial || Some(self.generation.as_str()) == generation
    }
}

impl Bench {
    fn of(world: &World, roll: &Roll, fresh: &[&Heard], network: &NetworkName, now: Moment) -> Self {
        let mut bench = Self {
            members: roll.members(world, network),
            off: roll.off.clone(),
            ..Self::default()
        };
        let full = roll.registered.len() + witnesses(world, network);
        let may_live = full - roll.gone.len();
        let strangers = strangers(roll, fresh, network);
        // In the order of their names, which the search in what they say relies on.
        for heard in fresh {
            let report = &heard.report;
            let Some(seen) = report.networks.get(network) else {
                continue;
            };
            if self_accused(seen, may_live, &roll.gone) {
                bench.self_accused.insert(report.observer.clone());
            }
            if ineligible(world, roll, heard, network, bench.members, now).is_none() {
                bench.swear_in(report, seen, listed(roll, seen, &strangers) < full);
            }
        }
        bench
    }

    fn swear_in(&mut self, report: &Report, seen: &NetworkReport, partial: bool) {
        let name = &report.observer;
        if partial {
            *self.partial.entry(report.generation.clone()).or_default() += 1;
            self.partial_total += 1;
        }
        for (target, status) in seen.not_alive.iter().filter(|(target, _)| *target != name) {
            let who = match status {
                PeerStatus::Failed => &mut self.accusers,
                PeerStatus::Left | PeerStatus::Leaving | PeerStatus::Missing => &mut self.abstainers,
            };
            who.entry(target.clone()).or_default().push(name.clone());
        }
        let generation = report.generation.clone();
        self.jurors.insert(name.clone(), Juror { generation, partial });
    }

    /// How many of those who say nothing of a host may not know it; `spoke` names those who say something.
    fn unsure<'a>(&self, spoke: impl Iterator<Item = &'a String>, generation: Option<&str>) -> usize {
        if self.partial_total == 0 {
            return 0;
        }
        let same = generation.and_then(|g| self.partial.get(g)).copied().unwrap_or(0);
        let spoke = spoke.filter(|name| self.jurors.get(*name).is_some_and(|juror| !juror.knows(generation)));
        self.partial_total - same - spoke.count()
    }
}

/// Monitors on a network that are neither registered nor witnesses: a host list may name them in place of a host.
fn strangers<'a>(roll: &Roll, fresh: &[&'a Heard], network: &NetworkName) -> BTreeSet<&'a str> {
    let reports = fresh.iter().map(|heard| &heard.report);
    reports
        .filter(|report| !report.witness && report.networks.contains_key(network))
        .map(|report| report.observer.as_str())
        .filter(|name| !roll.registered.contains(*name))
        .collect()
}

/// How many members a monitor's list can hold at most, itself counted: names that are nobody's are taken off.
fn listed(roll: &Roll, seen: &NetworkReport, strangers: &BTreeSet<&str>) -> usize {
    // A witness that is not alive passes for a stranger here: then the generation of the list must decide.
    let named = seen.not_alive.keys().filter(|name| !roll.registered.contains(*name));
    let unnamed = strangers.iter().filter(|name| !seen.not_alive.contains_key(**name));
    (seen.known as usize + 1).saturating_sub(named.count() + unnamed.count())
}

#[cfg(test)]
mod tests;
