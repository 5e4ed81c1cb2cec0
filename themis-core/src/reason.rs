//! Why: the one shape in which Themis explains itself, to the database, the API and the log alike.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A reason: a stable code for programs, a sentence for people, the figures behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable, snake_case; listed in `docs/reasons.md`.
    pub code: String,
    /// One sentence that names the subject and, for a hold, what would release it.
    pub text: String,
    /// The facts it rests on. Never a secret.
    #[serde(default)]
    pub data: Value,
}

impl Reason {
    /// A reason without figures.
    #[must_use]
    pub fn new(code: &str, text: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            text: text.into(),
            data: Value::Null,
        }
    }

    /// The same reason with the facts it rests on.
    #[must_use]
    pub fn with(mut self, data: Value) -> Self {
        self.data = data;
        self
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.text)
    }
}
