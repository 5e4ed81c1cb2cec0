//! A probe: the target is asked now, over the network in doubt. Three outcomes, and the third is not a weak "no":
//! a question that could not be sent says nothing of the target.

use std::collections::BTreeMap;
use std::time::Duration;

use themis_core::NetworkName;
use themis_core::inquiry::{ProbeAnswer, ProbeInquiry};

use crate::board::Board;
use crate::carrier::read_once;
use crate::config::NetworkConfig;
use crate::icmp::{Origin, echo};

const TIMEOUT_MIN: Duration = Duration::from_millis(100);
const TIMEOUT_MAX: Duration = Duration::from_secs(10);
/// One question per this time, at least [`TRIES_MIN`].
const TRY_EVERY: Duration = Duration::from_millis(300);
const TRIES_MIN: u32 = 3;

/// What a prober needs to know of the networks.
#[derive(Debug, Clone)]
pub struct Prober {
    host: String,
    networks: BTreeMap<NetworkName, NetworkConfig>,
    board: Board,
}

impl Prober {
    /// A prober of these networks.
    #[must_use]
    pub fn new(host: &str, networks: &[NetworkConfig], board: Board) -> Self {
        let networks = networks
            .iter()
            .map(|network| (network.name.clone(), network.clone()))
            .collect();
        Self {
            host: host.to_owned(),
            networks,
            board,
        }
    }

    /// Asks the target; takes at most the inquiry's timeout, and that at most ten seconds.
    pub async fn probe(&self, inquiry: &ProbeInquiry) -> ProbeAnswer {
        ProbeAnswer {
            nonce: inquiry.nonce.clone(),
            observer: self.host.clone(),
            target: inquiry.target.clone(),
            network: inquiry.network.clone(),
            reached: self.reach(inquiry).await,
        }
    }

    async fn reach(&self, inquiry: &ProbeInquiry) -> Option<bool> {
        let network = self.networks.get(&inquiry.network)?;
        let target = network
            .others(&self.host)
            .find(|peer| peer.name == inquiry.target)?
            .address;
        if self.board.read(&network.name, |facts| facts.carrier) == Some(Some(false)) {
            return None;
        }
        let within = Duration::from_millis(inquiry.timeout_ms).clamp(TIMEOUT_MIN, TIMEOUT_MAX);
        let tries = u32::try_from(within.as_millis() / TRY_EVERY.as_millis())
            .unwrap_or(TRIES_MIN)
            .max(TRIES_MIN);
        match echo(&network.origin(), target, tries, within).await {
            Ok(true) => Some(true),
            // The kernel takes a question for an interface that is down without a word.
            Ok(false) => network.could_send().await.then_some(false),
            Err(error) => {
                tracing::warn!("probe of {} on {} not sent: {error}", inquiry.target, inquiry.network);
                None
            }
        }
    }
}

impl NetworkConfig {
    /// Where this host's questions on this network leave from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin {
            address: self.address,
            interface: self.interface.clone(),
        }
    }

    /// Whether the interface, where one is given, is there and has carrier at this moment.
    async fn could_send(&self) -> bool {
        match &self.interface {
            None => true,
            Some(interface) => matches!(read_once(interface).await, Ok(Some(true))),
        }
    }
}
