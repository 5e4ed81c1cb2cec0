//! From evidence to a verdict per host and network: good, bad or unknown, each with its reason.
//!
//! Gossip is hearsay: one witness heard many times. So an accusation by a quorum makes a host *suspected*, and only
//! probes that nobody answered, or silence everywhere, make it *bad*. Blind is not bad: a host whose own monitor lives
//! and says that its agent is down is unknown, reason `agent`. Absence of accusations proves nothing about life.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use themis_core::report::AgentState;
use themis_core::{Moment, NetworkName, Reason};

use crate::jury::{Jury, Tally};
use crate::world::{HostRecord, World};

/// A living nova-compute moves its service every ten seconds; the poll before such a move may be some seconds older.
const NOVA_MOVES_WITHIN: Duration = Duration::from_secs(25);

/// What is believed of a host on a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// More than half of those who may judge see it alive.
    Good,
    /// Accused by a quorum and a majority for long enough, and no probe was answered.
    Bad,
    /// Not enough is known to say either.
    Unknown,
}

/// A standing with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Good, bad or unknown.
    pub verdict: Standing,
    /// Why.
    pub reason: Reason,
}

/// What the evidence says of one host, over all networks.
#[derive(Debug, Clone)]
pub struct HostVerdicts {
    /// Per network.
    pub networks: BTreeMap<NetworkName, Verdict>,
    /// Networks on which a quorum accuses it (held or not yet, probed or not yet), with the accusers.
    pub accused: BTreeMap<NetworkName, Vec<String>>,
    /// Accused throughout the hold on at least one network: worth a check.
    pub suspected: bool,
    /// Bad on all networks, and it answers neither probe nor question.
    pub silent: bool,
    /// Somebody holds it failed, eligible or not: it did not leave in order.
    pub missed: bool,
    /// Something shows that it lives: who says so.
    pub life: Option<Reason>,
}

/// What probes of the last seconds say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probed {
    Answered,
    Unanswered,
    NotYet,
}

fn probed(world: &World, jury: &Jury, host: &HostRecord, network: &NetworkName, now: Moment) -> Probed {
    let age = world.policy.probe_interval * 3;
    let since = host.watch.checking_since.unwrap_or(now);
    let Some(words) = world.evidence.probes.get(&(host.name.clone(), network.clone())) else {
        return Probed::NotYet;
    };
    let lately: BTreeMap<&str, bool> = words
        .iter()
        .filter(|(_, word)| now.since(word.at) <= age && word.at >= since)
        .filter_map(|(observer, word)| word.reached.map(|reached| (observer.as_str(), reached)))
        .collect();
    // Anybody's answer is life. That there was none must be said by as many as an accusation needs, each in a place to say it.
    let may_say: Vec<&str> = jury.words(world, &host.name, network).map(|(name, _)| name).collect();
    let wanted = world.policy.quorum.min(world.policy.probers).min(may_say.len()).max(1);
    if lately.values().any(|reached| *reached) {
        Probed::Answered
    } else if may_say.iter().filter(|name| lately.contains_key(**name)).count() < wanted {
        Probed::NotYet
    } else {
        Probed::Unanswered
    }
}

/// Whether the host itself had an answer from a peer on `network` within the last seconds.
fn own_proof(world: &World, host: &HostRecord, network: &NetworkName, now: Moment) -> bool {
    let age_max = world.policy.life_age_max;
    let Some(heard) = world.evidence.fresh(&host.name, now, age_max) else {
        return false;
    };
    let proof = heard
        .report
        .networks
        .get(network)
        .and_then(|seen| seen.proof_of_life_age_ms);
    proof.is_some_and(|age_ms| Duration::from_millis(age_ms).saturating_add(now.since(heard.at)) <= age_max)
}

/// Judges one host by what is said at this moment; advances its accusation timers.
pub fn judge_host(world: &mut World, id: themis_core::HostId, now: Moment) -> Option<HostVerdicts> {
    let jury = Jury::of(world, now);
    judge_by(world, &jury, id, now)
}

/// Judges one host by what `jury` says; advances its accusation timers.
pub fn judge_by(world: &mut World, jury: &Jury, id: themis_core::HostId, now: Moment) -> Option<HostVerdicts> {
    let host = world.hosts.get(&id)?;
    let names: Vec<NetworkName> = world.networks.keys().cloned().collect();
    let tallies: BTreeMap<NetworkName, Tally> = names
        .iter()
        .map(|name| (name.clone(), jury.tally(world, &host.name, name)))
        .collect();
    let mut accused_since = host.watch.accused_since.clone();
    for (name, tally) in &tallies {
        if tally.accused(world.policy.quorum) && !world.outages.contains_key(name) {
            accused_since.entry(name.clone()).or_insert(now);
        } else {
            accused_since.remove(name);
        }
    }
    let held = |name: &NetworkName| {
        let hold = world.policy.hold_for(jury.members(name));
        accused_since.get(name).is_some_and(|since| now.since(*since) >= hold)
    };
    let hung = hung(world, host, &tallies, &accused_since, now);
    let networks: BTreeMap<NetworkName, Verdict> = tallies
        .iter()
        .map(|(name, tally)| {
            (
                name.clone(),
                on_network(&Bench { world, jury, host, now }, name, tally, held(name), hung),
            )
        })
        .collect();
    let all_bad = !networks.is_empty() && networks.values().all(|v| v.verdict == Standing::Bad);
    let unanswered = names
        .iter()
        .all(|name| probed(world, jury, host, name, now) == Probed::Unanswered);
    let verdicts = HostVerdicts {
        suspected: names.iter().any(held),
        silent: all_bad && unanswered,
        missed: jury.missed(&host.name),
        life: life(world, host, &networks, now),
        accused: accused_since
            .keys()
            .map(|n| (n.clone(), tallies[n].accusers.clone()))
            .collect(),
        networks,
    };
    if let Some(host) = world.hosts.get_mut(&id) {
        host.watch.accused_since = accused_since;
    }
    Some(verdicts)
}

/// A host whose kernel may still answer probes while everything on it is stopped: accused on every network, its monitor
/// asked and silent, Nova's service not moving.
fn hung(
    world: &World,
    host: &HostRecord,
    tallies: &BTreeMap<NetworkName, Tally>,
    accused: &BTreeMap<NetworkName, Moment>,
    now: Moment,
) -> bool {
    let asked_long_ago = host.watch.asked.is_some_and(|_| {
        host.watch
            .checking_since
            .is_some_and(|since| now.since(since) >= world.policy.probe_interval * 2)
    });
    asked_long_ago
        && accused.len() == tallies.len()
        && !world
            .evidence
            .spoke_within(&host.name, now, world.policy.probe_interval * 3)
        && nova_stands_still(world, host, now)
}

/// Whether Nova was asked since the check began and its service of the host did not move. A Nova that does not answer
/// says neither.
fn nova_stands_still(world: &World, host: &HostRecord, now: Moment) -> bool {
    let service = world.evidence.nova.get(&host.name);
    let asked = service.is_some_and(|service| host.watch.checking_since.is_some_and(|since| service.at > since));
    asked && !nova_moves(world, host, now)
}

/// Whether Nova's service of the host moved since the check began, and lately: a check may last for hours.
fn nova_moves(world: &World, host: &HostRecord, now: Moment) -> bool {
    let Some(since) = host.watch.checking_since else {
        return false;
    };
    world
        .evidence
        .nova
        .get(&host.name)
        .and_then(|s| s.moved_after)
        .is_some_and(|moved| moved > since && now.since(moved) <= NOVA_MOVES_WITHIN)
}

/// Before whom one host stands.
struct Bench<'a> {
    world: &'a World,
    jury: &'a Jury,
    host: &'a HostRecord,
    now: Moment,
}

fn on_network(bench: &Bench<'_>, network: &NetworkName, tally: &Tally, held: bool, hung: bool) -> Verdict {
    let world = bench.world;
    let unknown = |code: &str, text: String| Verdict {
        verdict: Standing::Unknown,
        reason: Reason::new(code, text).with(tally.figures()),
    };
    if let Some(outage) = world.outages.get(network) {
        return Verdict {
            verdict: Standing::Unknown,
            reason: outage.reason.clone(),
        };
    }
    if !tally.has_majority() {
        let (eligible, others) = (tally.eligible, tally.others);
        if tally.unsure > 0 && (eligible + tally.unsure) * 2 > others {
            let text = format!(
                "{} of {others} others say nothing of it on {network} and their host lists may lack it: name it in the \
                 peers of every monitor",
                tally.unsure
            );
            return unknown("host_lists_differ", text);
        }
        let text = format!("{eligible} of {others} others may judge {network}: no majority");
        return unknown("no_majority", text);
    }
    if !tally.accused(world.policy.quorum) {
        if tally.good() {
            let text = format!(
                "seen alive on {network} by {} of {}",
                tally.eligible - tally.accusers.len(),
                tally.eligible
            );
            return Verdict {
                verdict: Standing::Good,
                reason: Reason::new("seen_alive", text),
            };
        }
        return unknown("divided", format!("observers are divided on {network}"));
    }
    if !held {
        return unknown("accused", format!("accused on {network}; not yet for long enough"));
    }
    looked(bench, network, tally, hung)
}

/// An accusation that has held, in the light of what probes and the host itself say.
fn looked(bench: &Bench<'_>, network: &NetworkName, tally: &Tally, hung: bool) -> Verdict {
    let Bench { world, jury, host, now } = *bench;
    let unknown = |code: &str, text: String| Verdict {
        verdict: Standing::Unknown,
        reason: Reason::new(code, text).with(tally.figures()),
    };
    let own = world.evidence.fresh(&host.name, now, world.policy.report_age_max());
    let answers = world
        .evidence
        .spoke_within(&host.name, now, world.policy.probe_interval * 3);
    let seen = own.and_then(|heard| heard.report.networks.get(network));
    match probed(world, jury, host, network, now) {
        Probed::NotYet => unknown(
            "not_probed",
            format!("accused on {network}; too few observers have probed it yet"),
        ),
        Probed::Answered if answers => match seen {
            Some(seen) if seen.agent != AgentState::Running => unknown(
                "agent",
                format!("its serf agent on {network} is down; the host itself answers"),
            ),
            Some(_) | None => unknown(
                "agent_fault",
                format!("it answers over {network}; its serf agent does not"),
            ),
        },
        Probed::Answered if hung => Verdict {
            verdict: Standing::Bad,
            reason: Reason::new(
                "hung",
                format!("its kernel answers on {network}, nothing else on it does"),
            )
            .with(tally.figures()),
        },
        Probed::Answered => unknown("probe_answered", format!("accused on {network}, but it answers there")),
        Probed::Unanswered if own_proof(world, host, network, now) => unknown(
            "own_proof_of_life",
            format!("accused on {network}, but it had an answer from a peer there itself"),
        ),
        Probed::Unanswered => {
            let accusers = tally.accusers.join(", ");
            let text = format!(
                "accused on {network} by {accusers} ({} may judge) and no probe was answered",
                tally.eligible
            );
            Verdict {
                verdict: Standing::Bad,
                reason: Reason::new("accused_and_unreachable", text).with(tally.figures()),
            }
        }
    }
}

/// What shows that the host lives: its own fresh word, others who see it, or Nova's service moving.
fn life(world: &World, host: &HostRecord, networks: &BTreeMap<NetworkName, Verdict>, now: Moment) -> Option<Reason> {
    if let Some((name, _)) = networks.iter().find(|(_, v)| v.verdict == Standing::Good) {
        return Some(Reason::new("life_on_network", format!("alive on {name}")));
    }
    if world.evidence.spoke_within(&host.name, now, world.policy.life_age_max) {
        return Some(Reason::new("life_report", "its own monitor reports"));
    }
    if nova_moves(world, host, now) {
        return Some(Reason::new("life_nova", "its nova-compute reports to Nova"));
    }
    None
}

#[cfg(test)]
mod tests;
