//! What can go wrong on the bus, sorted by what the caller must do.

use std::time::Duration;

use crate::declare::DeclareError;
use crate::{RpcError, Topic};

/// What to do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Nothing happened; the same may be tried again later.
    Retry,
    /// It may have happened or not; look before repeating.
    Indeterminate,
    /// Trying again changes nothing until somebody changes something else.
    GiveUp,
}

/// A message that did not get through, or may not have.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BusError {
    /// The broker could not be reached for the whole time that the message was good for.
    #[error("the broker was not reached within {waited:?}")]
    Expired {
        /// How long the message waited.
        waited: Duration,
    },
    /// It was written to the broker, whose confirmation did not come in time.
    #[error("the broker did not confirm within {waited:?}")]
    Unconfirmed {
        /// How long it was waited for.
        waited: Duration,
    },
    /// The broker confirmed that no queue takes it: no server ever listened on the topic.
    #[error("nobody listens on '{topic}'")]
    NoListener {
        /// The topic or queue.
        topic: String,
    },
    /// No queue takes its repetition. An earlier attempt went to a broker that was lost before it confirmed, and may have
    /// been handled.
    #[error("nobody listens on '{topic}' any more; an earlier attempt was not confirmed and may have arrived")]
    ListenerGone {
        /// The topic or queue.
        topic: String,
    },
    /// Too much waits for the broker already.
    #[error("{waiting} messages wait for the broker; no room for more")]
    Full {
        /// How many wait.
        waiting: usize,
    },
    /// The broker does not take this message (permission missing, message too large).
    #[error("the broker refuses the message: {text}")]
    Refused {
        /// The broker's own words.
        text: String,
    },
    /// A queue or exchange exists otherwise than configured.
    #[error(transparent)]
    Declaration(#[from] DeclareError),
    /// The topic is served already by this process.
    #[error("'{topic}' is already served under this name")]
    AlreadyServed {
        /// The topic.
        topic: Topic,
    },
    /// The arguments are no JSON object.
    #[error("arguments of '{method}' are no object; they are passed by name")]
    Arguments {
        /// The method.
        method: String,
    },
    /// The bus is being stopped.
    #[error("the bus is stopping")]
    Stopping,
}

impl BusError {
    /// What the caller should do.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self {
            Self::Expired { .. } | Self::NoListener { .. } | Self::Full { .. } => Advice::Retry,
            Self::Unconfirmed { .. } | Self::ListenerGone { .. } => Advice::Indeterminate,
            Self::Refused { .. }
            | Self::Declaration(_)
            | Self::AlreadyServed { .. }
            | Self::Arguments { .. }
            | Self::Stopping => Advice::GiveUp,
        }
    }
}

/// A call without a result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// The method was run and failed.
    #[error("the method failed: {0}")]
    Remote(#[source] RpcError),
    /// No reply within the time; the method may have run, or may yet.
    #[error("no reply to '{method}' within {waited:?}")]
    Timeout {
        /// The method.
        method: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The server gave no sign that the method runs: it died, is cut off, or has not begun.
    #[error("no sign of life from '{method}' for {silence:?}")]
    Silent {
        /// The method.
        method: String,
        /// How long the last sign, or the request, was ago.
        silence: Duration,
    },
    /// The request did not get through.
    #[error(transparent)]
    Bus(#[from] BusError),
}

impl CallError {
    /// What the caller should do.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self {
            Self::Remote(_) => Advice::GiveUp,
            Self::Timeout { .. } | Self::Silent { .. } => Advice::Indeterminate,
            Self::Bus(error) => error.advice(),
        }
    }
}
