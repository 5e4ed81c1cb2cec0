//! What the monitor knows at this moment, per network: one place that the watchers write and the publisher reads.
//! A write that changes nothing worth reporting wakes nobody. Nothing is queued here: the newest fact wins.

use std::collections::BTreeMap;
use std::time::Duration;

use themis_core::NetworkName;
use themis_core::report::{AgentState, NetworkReport};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::view::PeersView;

/// The engine believes a host's own word of life on a network while its proof is not older than this.
pub const PROOF_FRESH: Duration = Duration::from_secs(5);
/// What an agent said is believed for this long; it is read each second, so an older sight means that the monitor itself
/// was stopped and has just woken.
pub const SIGHT_FRESH: Duration = Duration::from_secs(5);
/// From this health score on, the engine counts an observer as unfit.
pub const HEALTH_UNFIT: u8 = 4;

/// One network as it is known now.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The agent.
    pub agent: AgentState,
    /// The agent's own opinion of its health.
    pub health_score: Option<u8>,
    /// The peers, as far as the agent answers.
    pub peers: PeersView,
    /// The interface's carrier.
    pub carrier: Option<bool>,
    /// When the agent last said so; `None`: it never did.
    pub seen: Option<Instant>,
    /// When something was last received from a peer on this network.
    pub last_proof: Option<Instant>,
}

impl Facts {
    /// Before anything was seen.
    #[must_use]
    pub fn unseen(peers: PeersView) -> Self {
        Self {
            agent: AgentState::Restarting,
            health_score: None,
            peers,
            carrier: None,
            seen: None,
            last_proof: None,
        }
    }

    /// What may be said of the agent at `now`: nothing of a running one that was not seen lately.
    fn credible(&self, now: Instant) -> (AgentState, Option<u8>, PeersView) {
        let fresh = self
            .seen
            .is_some_and(|seen| now.saturating_duration_since(seen) <= SIGHT_FRESH);
        if self.agent == AgentState::Running && !fresh {
            return (
                AgentState::Silent,
                None,
                PeersView {
                    known: self.peers.known,
                    ..PeersView::default()
                },
            );
        }
        (self.agent, self.health_score, self.peers.clone())
    }

    /// As it stands in a report made at `now`.
    #[must_use]
    pub fn report(&self, now: Instant) -> NetworkReport {
        let age = self.last_proof.map(|proof| now.saturating_duration_since(proof));
        let (agent, health_score, peers) = self.credible(now);
        NetworkReport {
            agent,
            carrier: self.carrier,
            health_score,
            known: peers.known,
            alive: peers.alive,
            proof_of_life_age_ms: age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            not_alive: peers.not_alive,
        }
    }

    /// What must differ for a report to be sent at once.
    fn essence(&self, now: Instant) -> Essence {
        let report = self.report(now);
        Essence {
            unfit: report.health_score.map(|score| score >= HEALTH_UNFIT),
            proof_fresh: self
                .last_proof
                .is_some_and(|proof| now.saturating_duration_since(proof) <= PROOF_FRESH),
            report: NetworkReport {
                health_score: None,
                proof_of_life_age_ms: None,
                ..report
            },
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Essence {
    report: NetworkReport,
    unfit: Option<bool>,
    proof_fresh: bool,
}

#[derive(Debug)]
struct Entry {
    facts: Facts,
    told: Essence,
}

/// Where facts are written and read. Clones share one board.
#[derive(Debug, Clone)]
pub struct Board(watch::Sender<BTreeMap<NetworkName, Entry>>);

impl Board {
    /// A board of networks of which nothing is known yet.
    #[must_use]
    pub fn new(networks: impl IntoIterator<Item = (NetworkName, PeersView)>) -> Self {
        let now = Instant::now();
        let entry = |peers| {
            let facts = Facts::unseen(peers);
            let told = facts.essence(now);
            Entry { facts, told }
        };
        let entries = networks.into_iter().map(|(name, peers)| (name, entry(peers))).collect();
        Self(watch::Sender::new(entries))
    }

    /// Writes facts of one network; readers are woken when the change is worth a report. Fresh proof that has become
    /// old is such a change, though nothing is written: call this with an empty `write` from time to time.
    pub fn write(&self, network: &NetworkName, write: impl FnOnce(&mut Facts)) {
        self.0.send_if_modified(|entries| {
            let Some(entry) = entries.get_mut(network) else {
                return false;
            };
            write(&mut entry.facts);
            let essence = entry.facts.essence(Instant::now());
            let changed = essence != entry.told;
            entry.told = essence;
            changed
        });
    }

    /// Reads facts of one network.
    pub fn read<T>(&self, network: &NetworkName, read: impl FnOnce(&Facts) -> T) -> Option<T> {
        self.0.borrow().get(network).map(|entry| read(&entry.facts))
    }

    /// All networks as they stand in a report made now.
    #[must_use]
    pub fn reports(&self) -> BTreeMap<NetworkName, NetworkReport> {
        let now = Instant::now();
        self.0
            .borrow()
            .iter()
            .map(|(name, entry)| (name.clone(), entry.facts.report(now)))
            .collect()
    }

    /// Tells when something worth a report has changed.
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes(self.0.subscribe())
    }
}

/// A reader that is woken by changes.
#[derive(Debug)]
pub struct Changes(watch::Receiver<BTreeMap<NetworkName, Entry>>);

impl Changes {
    /// Waits for the next change since the last call; several in between count as one. Never returns when the board is
    /// gone.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use themis_core::report::PeerStatus;
    use tokio::time::{advance, timeout};

    use super::*;

    fn board() -> (Board, NetworkName, Changes) {
        let name = NetworkName::new("storage");
        let board = Board::new([(
            name.clone(),
            PeersView {
                known: 2,
                ..PeersView::default()
            },
        )]);
        let changes = board.changes();
        (board, name, changes)
    }

    async fn woken(changes: &mut Changes) -> bool {
        timeout(Duration::from_millis(1), changes.next()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_is_worth_a_report_wakes_the_publisher() {
        let (board, name, mut changes) = board();
        board.write(&name, |facts| facts.carrier = Some(false));
        assert!(woken(&mut changes).await);
        board.write(&name, |facts| facts.carrier = Some(false));
        assert!(!woken(&mut changes).await, "nothing changed");
        let run = |facts: &mut Facts, health_score| {
            (facts.agent, facts.seen, facts.health_score) = (AgentState::Running, Some(Instant::now()), health_score);
        };
        board.write(&name, |facts| run(facts, Some(3)));
        assert!(woken(&mut changes).await, "it answers");
        board.write(&name, |facts| run(facts, Some(1)));
        assert!(!woken(&mut changes).await, "still fit");
        board.write(&name, |facts| run(facts, Some(HEALTH_UNFIT)));
        assert!(woken(&mut changes).await);
        board.write(&NetworkName::new("other"), |facts| facts.carrier = None);
        assert!(!woken(&mut changes).await, "an unknown network");
    }

    #[tokio::test(start_paused = true)]
    async fn a_monitor_that_was_stopped_does_not_repeat_what_its_agent_said_before() {
        let (board, name, mut changes) = board();
        let accused = BTreeMap::from([("compute-2".to_owned(), PeerStatus::Failed)]);
        board.write(&name, |facts| {
            (facts.agent, facts.seen, facts.health_score) = (AgentState::Running, Some(Instant::now()), Some(0));
            facts.peers = PeersView {
                known: 2,
                alive: 1,
                not_alive: accused,
            };
        });
        assert!(woken(&mut changes).await);
        assert_eq!(board.reports()[&name].alive, 1);
        advance(SIGHT_FRESH * 2).await;
        let report = &board.reports()[&name];
        assert_eq!((report.agent, report.known, report.alive), (AgentState::Silent, 2, 0));
        assert!(
            report.not_alive.is_empty() && report.health_score.is_none(),
            "{report:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn proof_of_life_that_grows_old_is_a_change() {
        let (board, name, mut changes) = board();
        board.write(&name, |facts| facts.last_proof = Some(Instant::now()));
        assert!(woken(&mut changes).await);
        advance(PROOF_FRESH).await;
        board.write(&name, |_| {});
        assert!(!woken(&mut changes).await);
        advance(Duration::from_secs(1)).await;
        board.write(&name, |_| {});
        assert!(woken(&mut changes).await);
        let age = board.reports()[&name].proof_of_life_age_ms;
        assert!(age.is_some_and(|age| (6000..6100).contains(&age)), "{age:?}");
    }
}
