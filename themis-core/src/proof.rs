//! The proof that a host is off, without which nothing is evacuated. Only two things make one: a device that is bound to
//! the host and was read off twice after an accepted command, or a named operator's word.

use serde::{Deserialize, Serialize};

use crate::{HostId, IncidentId, Moment, PowerDeviceId};

/// Evidence that `host` does not run, in this incident.
///
/// Functions that start instances elsewhere take it by reference; it is built by `themis-decision` only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FenceProof {
    /// The host that is proven off.
    pub host: HostId,
    /// The incident it was proven in; a proof of an earlier one counts for nothing.
    pub incident: IncidentId,
    /// Where it comes from.
    pub source: ProofSource,
    /// When it was last confirmed, on the present leader's clock.
    pub confirmed: Moment,
}

/// Where a fence proof comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofSource {
    /// Every device of one level was read off as the fence rule demands.
    PowerOff {
        /// The devices that read off.
        devices: Vec<PowerDeviceId>,
    },
    /// An operator vouches; void at the first sign of life.
    Operator {
        /// The user who said so.
        user: String,
        /// Why, in their words.
        reason: String,
    },
}
