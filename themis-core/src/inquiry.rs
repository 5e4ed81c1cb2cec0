//! Questions asked of monitors now, and their answers. Questions are fanout casts on `themis_hostmonitor` with the one
//! argument `inquiry`; answers are fanout casts on `themis_observations` with the one argument `answer` (a `life`
//! question is answered by a [`crate::report::Report`] that carries its nonce).

use serde::{Deserialize, Serialize};

use crate::{InstanceId, NetworkName};

/// `probe`: try to reach `target` over `network`, by ICMP echo from this network's own interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeInquiry {
    /// Matches answers to this question.
    pub nonce: String,
    /// The host in doubt.
    pub target: String,
    /// The network in doubt.
    pub network: NetworkName,
    /// Monitors that are asked; others ignore it.
    pub observers: Vec<String>,
    /// How long to try before answering "not reached".
    pub timeout_ms: u64,
}

/// Answer to a probe, method `probe_answer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeAnswer {
    /// Of the question.
    pub nonce: String,
    /// Who answers.
    pub observer: String,
    /// The host in doubt.
    pub target: String,
    /// The network in doubt.
    pub network: NetworkName,
    /// Whether an answer came back; `None` when the probe could not be sent (own carrier down, address unknown).
    pub reached: Option<bool>,
}

/// `life`: the target, and only it, answers with a whole report that carries the nonce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifeInquiry {
    /// Echoed in the report.
    pub nonce: String,
    /// Who is asked.
    pub target: String,
}

/// `census`: which guests really run there, asked of the hypervisor, not of Nova.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CensusInquiry {
    /// Matches answers to this question.
    pub nonce: String,
    /// Who is asked.
    pub target: String,
}

/// Answer to a census, method `census_answer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CensusAnswer {
    /// Of the question.
    pub nonce: String,
    /// Who answers.
    pub observer: String,
    /// Running guests; `None` when the hypervisor could not be asked.
    pub running: Option<Vec<InstanceId>>,
}

/// `resend`: everybody sends a whole report now, spread over half a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResendInquiry {
    /// Who asks, for the log.
    pub engine: String,
}
