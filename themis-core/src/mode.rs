//! Whether Themis acts. A new installation observes; `themis arm` changes that, for all or for one segment.

use serde::{Deserialize, Serialize};

/// What Themis may do with its decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Decide, read power, record "would have fenced"; touch nothing.
    #[default]
    Observe,
    /// Fence and evacuate.
    Armed,
}

impl Mode {
    /// The stored and shown name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Armed => "armed",
        }
    }

    /// The mode of a segment: armed only where the installation and the segment both are.
    #[must_use]
    pub const fn with_segment(self, segment: Option<Self>) -> Self {
        match (self, segment) {
            (Self::Armed, None | Some(Self::Armed)) => Self::Armed,
            (Self::Observe, _) | (Self::Armed, Some(Self::Observe)) => Self::Observe,
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Mode {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "observe" => Ok(Self::Observe),
            "armed" => Ok(Self::Armed),
            other => Err(format!("unknown mode '{other}': observe or armed")),
        }
    }
}
