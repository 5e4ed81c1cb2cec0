//! The leader's fencing token. Each engine that takes the lease gets a larger one; see ARCHITECTURE.md, "Leadership".

use serde::{Deserialize, Serialize};

/// The token of one leadership. Larger means later; a write made under an older one is refused by the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch(pub i64);

impl std::fmt::Display for Epoch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}
