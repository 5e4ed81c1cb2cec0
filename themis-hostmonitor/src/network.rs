//! One network's watchers put together: the agent's supervisor, what the agent says, proof of life. Each writes to the
//! board; each change of a peer or of the agent is one line in the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use secrecy::SecretString;
use themis_core::report::{AgentState, PeerStatus};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::board::Board;
use crate::config::NetworkConfig;
use crate::proof_of_life;
use crate::serf::supervisor::{Agent, Order, Supervisor};
use crate::serf::watch::{HUNG_AFTER, Sight, Watcher};
use crate::serf::wire::Member;
use crate::view::{PeersView, strangers};

/// Names of strangers kept, so that each is told of once.
const STRANGERS_MAX: usize = 1000;

/// Starts the watchers of one network. The supervisor goes to `supervisors`, to be waited for at the end; the others to
/// `watchers`, which may simply be dropped.
pub fn start(
    agent: Agent,
    board: &Board,
    orders: watch::Receiver<Order>,
    supervisors: &mut JoinSet<()>,
    watchers: &mut JoinSet<()>,
) {
    let (network, host) = (agent.network.clone(), agent.host.clone());
    let rpc_key: SecretString = agent.rpc_key.clone();
    let hung = Arc::new(Notify::new());
    let (supervisor, process) = Supervisor::new(agent, orders, hung.clone());
    supervisors.spawn(supervisor.run());
    let mut chronicle = Chronicle::new(network.clone(), host.clone(), board.clone());
    let watcher = Watcher::new(network.clone(), rpc_key, process, hung, HUNG_AFTER);
    watchers.spawn(watcher.run(move |sight| chronicle.note(sight)));
    watchers.spawn(proof_of_life::seek(network, host, board.clone()));
}

/// Turns what an agent says into facts and log lines.
#[derive(Debug)]
struct Chronicle {
    network: NetworkConfig,
    host: String,
    board: Board,
    state: AgentState,
    seen: PeersView,
    strangers: BTreeSet<String>,
}

impl Chronicle {
    fn new(network: NetworkConfig, host: String, board: Board) -> Self {
        // As if all were missing, so that the first sight of each peer is told.
        let all: BTreeMap<_, _> = network
            .others(&host)
            .map(|peer| (peer.name.clone(), PeerStatus::Missing))
            .collect();
        let seen = PeersView {
            not_alive: all,
            ..PeersView::default()
        };
        Self {
            network,
            host,
            board,
            state: AgentState::Restarting,
            seen,
            strangers: BTreeSet::new(),
        }
    }

    fn note(&mut self, sight: Sight) {
        self.tell_state(sight.state);
        let peers = match &sight.members {
            Some(members) => {
                self.tell_strangers(members);
                let seen = PeersView::compare(&self.host, &self.network.peers, members);
                self.tell_peers(&seen);
                self.seen = seen.clone();
                seen
            }
            None => PeersView::blind(&self.host, &self.network.peers),
        };
        let network = self.network.name.0.clone();
        metrics::gauge!("themis_hostmonitor_alive_peers", "network" => network).set(f64::from(peers.alive));
        self.board.write(&self.network.name, |facts| {
            facts.agent = sight.state;
            facts.health_score = sight.health_score;
            facts.seen = sight.members.is_some().then(Instant::now);
            facts.peers = peers;
        });
    }

    fn tell_state(&mut self, state: AgentState) {
        if state == self.state {
            return;
        }
        let name = &self.network.name;
        match state {
            AgentState::Running => tracing::info!("serf agent of network {name} answers"),
            AgentState::Silent => tracing::warn!("serf agent of network {name} runs but does not answer"),
            // Told by the supervisor, with the cause.
            AgentState::Restarting | AgentState::Refused => {}
        }
        self.state = state;
    }

    fn tell_peers(&self, seen: &PeersView) {
        for (peer, before, after) in seen.changes(&self.seen) {
            let name = &self.network.name;
            match after {
                "failed" => tracing::warn!("peer {peer} on network {name}: {before}, now {after}"),
                _ => tracing::info!("peer {peer} on network {name}: {before}, now {after}"),
            }
        }
    }

    fn tell_strangers(&mut self, members: &[Member]) {
        for member in strangers(&self.network.peers, members) {
            if self.strangers.len() < STRANGERS_MAX && self.strangers.insert(member.name.clone()) {
                tracing::warn!(
                    "serf on network {} knows '{}', which [network:{}] peers does not name; it is left out",
                    self.network.name,
                    member.name,
                    self.network.name
                );
            }
        }
    }
}
