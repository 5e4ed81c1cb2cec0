//! What can go wrong with Nova.

use crate::error::{Advice, CallError, ServiceError};

/// Why Nova did not do or say what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum NovaError {
    /// The request failed, or there was no session.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A list did not end.
    #[error("nova's list of {what} does not end: page {pages} still names a next one")]
    EndlessList {
        /// What was listed.
        what: &'static str,
        /// Pages read.
        pages: usize,
    },
}

impl From<CallError> for NovaError {
    fn from(error: CallError) -> Self {
        Self::Service(error.into())
    }
}

impl NovaError {
    /// What to do next.
    #[must_use]
    pub const fn advice(&self) -> Advice {
        match self {
            Self::Service(error) => error.advice(),
            Self::EndlessList { .. } => Advice::GiveUp,
        }
    }

    /// Nova's HTTP status, when it answered with one.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Service(error) => error.status(),
            Self::EndlessList { .. } => None,
        }
    }

    /// Nova's own words, when it gave any.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Service(error) => error.message(),
            Self::EndlessList { .. } => None,
        }
    }
}
