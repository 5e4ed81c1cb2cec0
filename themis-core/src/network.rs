//! Networks: the planes that hosts are attached to, and what the loss of one means.

use serde::{Deserialize, Serialize};

/// The name of a network as configured (`management`, `storage`, `tenant`, or the operator's own).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NetworkName(pub String);

impl NetworkName {
    /// A name from text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl std::fmt::Display for NetworkName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// What the loss of a network means for a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Importance {
    /// Without it the host's instances are lost to their users: the host is fenced.
    Critical,
    /// The instances go on without it: said, not acted upon.
    Tolerated,
}

impl Importance {
    /// The stored and shown name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Tolerated => "tolerated",
        }
    }
}

impl std::str::FromStr for Importance {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "critical" => Ok(Self::Critical),
            "tolerated" => Ok(Self::Tolerated),
            other => Err(format!("unknown importance '{other}': critical or tolerated")),
        }
    }
}
