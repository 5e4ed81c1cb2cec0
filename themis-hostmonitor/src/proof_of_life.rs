//! Positive proof that this host still receives on a network: an ICMP answer from a peer, asked for each second, from
//! another peer each time. A kernel answers even when programs hang, and that is what is wanted: the proof is of this
//! host's reception, not of the peer's health. Nobody's silence is taken for proof of anything.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::board::Board;
use crate::config::NetworkConfig;
use crate::icmp::{EchoError, echo};

/// Between two rounds.
pub const ROUND_INTERVAL: Duration = Duration::from_secs(1);
/// How long one peer may take to answer.
const ANSWER_DEADLINE: Duration = Duration::from_millis(250);
/// Peers asked in one round, one after another, until one answers.
const ASKED_MAX: usize = 3;

/// Asks for ever and writes the time of each answer to the board.
pub async fn seek(network: NetworkConfig, host: String, board: Board) {
    let mut next = 0;
    let mut complained = false;
    let mut rounds = interval(ROUND_INTERVAL);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        let peers = candidates(&network, &host, &board);
        let mut proof = None;
        for _ in 0..ASKED_MAX.min(peers.len()) {
            let Some(target) = peers.get(next % peers.len()) else {
                break;
            };
            next = next.wrapping_add(1);
            match echo(&network.origin(), *target, 1, ANSWER_DEADLINE).await {
                Ok(true) => proof = Some(Instant::now()),
                Ok(false) => continue,
                Err(error @ EchoError::NotAllowed(_)) if !complained => {
                    complained = true;
                    tracing::error!("no proof of life on network {}: {error}", network.name);
                }
                Err(error) => tracing::debug!("no proof of life on network {}: {error}", network.name),
            }
            break;
        }
        board.write(&network.name, |facts| facts.last_proof = proof.or(facts.last_proof));
    }
}

/// The peers that serf holds alive; all of them when there is none, as after the agent's start.
fn candidates(network: &NetworkConfig, host: &str, board: &Board) -> Vec<IpAddr> {
    let not_alive = board
        .read(&network.name, |facts| facts.peers.not_alive.clone())
        .unwrap_or_default();
    let alive: Vec<IpAddr> = network
        .others(host)
        .filter(|peer| !not_alive.contains_key(&peer.name))
        .map(|peer| peer.address)
        .collect();
    if alive.is_empty() {
        network.others(host).map(|peer| peer.address).collect()
    } else {
        alive
    }
}
