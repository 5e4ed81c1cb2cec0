//! What the monitor knows at this moment, per network: one place that the watchers write and the publisher reads.
//! A write that changes nothing worth reporting wakes nobody. Nothing is queued here: the newest fact wins.

use std::collections::BTreeMap;
use std::time::Duration;

use themis_core::NetworkName;
use themis_core::report::{AgentState, NetworkReport, PeerStatus};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::view::PeersView;

/// The engine believes a host's own word of life on a network while its proof is not older than this.
pub const PROOF_FRESH: Duration = Duration::from_secs(5);
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
            last_proof: None,
        }
    }

    /// As it stands in a report made at `now`.
    #[must_use]
    pub fn report(&self, now: Instant) -> NetworkReport {
        let age = self.last_proof.map(|proof| now.saturating_duration_since(proof));
        NetworkReport {
            agent: self.agent,
            carrier: self.carrier,
            health_score: self.health_score,
            known: self.peers.known,
            alive: self.peers.alive,
            proof_of_life_age_ms: age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            not_alive: self.peers.not_alive.clone(),
        }
    }

    /// What must differ for a report to be sent at once.
    fn essence(&self, now: Instant) -> Essence {
        Essence {
            agent: self.agent,
            carrier: self.carrier,
            unfit: self.health_score.map(|score| score >= HEALTH_UNFIT),
            counts: (self.peers.known, self.peers.alive),
            not_alive: self.peers.not_alive.clone(),
            proof_fresh: self
                .last_proof
                .is_some_and(|proof| now.saturating_duration_since(proof) <= PROOF_FRESH),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Essence {
    agent: AgentState,
    carrier: Option<bool>,
    unfit: Option<bool>,
    counts: (u32, u32),
    not_alive: BTreeMap<String, PeerStatus>,
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
        board.write(&name, |facts| facts.health_score = Some(3));
        assert!(woken(&mut changes).await, "it answers");
        board.write(&name, |facts| facts.health_score = Some(1));
        assert!(!woken(&mut changes).await, "still fit");
        board.write(&name, |facts| facts.health_score = Some(HEALTH_UNFIT));
        assert!(woken(&mut changes).await);
        board.write(&NetworkName::new("other"), |facts| facts.carrier = None);
        assert!(!woken(&mut changes).await, "an unknown network");
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
