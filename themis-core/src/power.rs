//! What a power device said, and whether it may be believed: readings and the binding to a host.

use serde::{Deserialize, Serialize};

use crate::reason::Reason;

/// One reading of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerState {
    /// Positively read as on.
    On,
    /// Positively read as off.
    Off,
}

/// Why a device gave no reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerTrouble {
    /// No answer within the deadline. A dead device is not a dead host.
    Unreachable,
    /// It answers and refuses: wrong password, user, privilege or device. Mend the configuration.
    Refused,
}

/// The outcome of asking a device once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerReading {
    /// What it read, or why nothing was read.
    pub state: Result<PowerState, PowerTrouble>,
    /// The System GUID that it showed in the same session, 16 bytes as hex; absent when it has none worth believing.
    #[serde(default)]
    pub guid: Option<String>,
    /// Detail for people, without secrets.
    #[serde(default)]
    pub detail: String,
}

/// Whether a device is proven to switch the host it is registered for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// Its System GUID equals the system UUID that the host's own monitor reports.
    Identity,
    /// An operator accepted it by name; recorded.
    Accepted,
    /// Not bound, and why. Its readings are no evidence and its off no proof.
    Unbound(Reason),
}

impl Binding {
    /// Whether the device's word counts.
    #[must_use]
    pub const fn holds(&self) -> bool {
        matches!(self, Self::Identity | Self::Accepted)
    }
}
