//! The ten states of a host. What leads from one to another is in the crate `themis-decision`; the table of every state
//! times every event is printed from there into `docs/states.md`.

use serde::{Deserialize, Serialize};

/// Where a host stands. Names are seen by operators and stored in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostState {
    /// Ignored on the operator's word.
    Disabled,
    /// Registered or enabled; not yet seen good; never fenced from here.
    Initializing,
    /// Healthy.
    Active,
    /// A fault is being confirmed.
    Checking,
    /// The fault is confirmed; the brakes decide when it is fenced.
    Failed,
    /// Power-off is under way.
    Fencing,
    /// Proof that it is off is held.
    Fenced,
    /// Its instances are on their way.
    Evacuating,
    /// Recovery ended.
    Evacuated,
    /// Back, on probation.
    Recovering,
}

impl HostState {
    /// All states, in the order of a host's life.
    pub const ALL: [Self; 10] = [
        Self::Disabled,
        Self::Initializing,
        Self::Active,
        Self::Checking,
        Self::Failed,
        Self::Fencing,
        Self::Fenced,
        Self::Evacuating,
        Self::Evacuated,
        Self::Recovering,
    ];

    /// The stored and shown name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Initializing => "initializing",
            Self::Active => "active",
            Self::Checking => "checking",
            Self::Failed => "failed",
            Self::Fencing => "fencing",
            Self::Fenced => "fenced",
            Self::Evacuating => "evacuating",
            Self::Evacuated => "evacuated",
            Self::Recovering => "recovering",
        }
    }

    /// Whether an incident's recovery holds this host: it counts against the limit of hosts in recovery at once.
    #[must_use]
    pub const fn in_recovery(self) -> bool {
        matches!(self, Self::Fencing | Self::Fenced | Self::Evacuating)
    }
}

impl std::fmt::Display for HostState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A stored name that is none of the ten.
#[derive(Debug, thiserror::Error)]
#[error("unknown host state '{0}'")]
pub struct UnknownHostState(pub String);

impl std::str::FromStr for HostState {
    type Err = UnknownHostState;
    fn from_str(text: &str) -> Result<Self, UnknownHostState> {
        Self::ALL
            .into_iter()
            .find(|s| s.name() == text)
            .ok_or_else(|| UnknownHostState(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_as_its_state() {
        for state in HostState::ALL {
            assert_eq!(state.name().parse::<HostState>().unwrap(), state);
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
        assert!("Active".parse::<HostState>().is_err());
    }
}
