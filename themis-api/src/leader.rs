//! Asks the leading engine what only its memory holds. The lease row says who leads; the call goes to that engine and
//! waits within a deadline. An engine that is away, busy or no longer leading makes a 503 that says so: nothing here is
//! needed for the API's own work.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use themis_core::leader::{NOT_LEADING, UNKNOWN_DEVICE, UNKNOWN_SEGMENT};
use themis_db::Pool;
use themis_db::lease::lease_read;
use themis_messaging::{Bus, CallError, Context, ServerName, Target};

use crate::fault::Fault;

/// How long the leader may take; a power device has a shorter deadline of its own.
const WITHIN: Duration = Duration::from_secs(10);

/// The way to the leader.
#[derive(Debug, Clone)]
pub struct Leader {
    bus: Arc<dyn Bus>,
    engines: Target,
}

/// Why the leader's answer is not there.
#[derive(Debug, thiserror::Error)]
pub enum LeaderError {
    /// No engine holds the lease.
    #[error("no engine leads")]
    Nobody,
    /// The lease row names what cannot be called.
    #[error("the lease is held by '{0}', which is no name of an engine")]
    Name(String),
    /// It did not answer, or refused.
    #[error("engine {engine} did not answer {method}")]
    Call {
        /// Who was asked.
        engine: String,
        /// What.
        method: &'static str,
        /// Why not.
        #[source]
        source: Box<CallError>,
    },
    /// It answered something else than was asked.
    #[error("engine {engine} answered {method} in another form; are API and engine of one release?")]
    Form {
        /// Who was asked.
        engine: String,
        /// What.
        method: &'static str,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
}

impl LeaderError {
    fn refused_as(&self, class: &str) -> bool {
        match self {
            Self::Call { source, .. } => matches!(&**source, CallError::Remote(error) if error.class == class),
            Self::Nobody | Self::Name(_) | Self::Form { .. } => false,
        }
    }
}

impl Leader {
    /// The leader among the servers of `engines`.
    #[must_use]
    pub fn new(bus: Arc<dyn Bus>, engines: Target) -> Self {
        Self { bus, engines }
    }

    /// Calls a method of [`themis_core::leader`].
    ///
    /// # Errors
    /// The database is away, nobody leads, no usable answer in time.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        store: &Pool,
        context: &Context,
        method: &'static str,
        args: Value,
    ) -> Result<T, Fault> {
        let holder = lease_read(store).await?.map(|lease| lease.holder).unwrap_or_default();
        if holder.is_empty() {
            return Err(LeaderError::Nobody.into());
        }
        let server = ServerName::new(holder.as_str()).map_err(|_| LeaderError::Name(holder.clone()))?;
        let target = self.engines.clone().at(server);
        let answer = self.bus.call(context, &target, method, args, WITHIN).await;
        let answer = answer.map_err(|source| LeaderError::Call {
            engine: holder.clone(),
            method,
            source: Box::new(source),
        })?;
        Ok(serde_json::from_value(answer).map_err(|source| LeaderError::Form {
            engine: holder,
            method,
            source,
        })?)
    }
}

impl From<LeaderError> for Fault {
    fn from(error: LeaderError) -> Self {
        if matches!(error, LeaderError::Nobody) || error.refused_as(NOT_LEADING) {
            Self::NoLeader(error)
        } else if error.refused_as(UNKNOWN_DEVICE) || error.refused_as(UNKNOWN_SEGMENT) {
            Self::LeaderBehind(error)
        } else {
            Self::LeaderAway(error)
        }
    }
}
