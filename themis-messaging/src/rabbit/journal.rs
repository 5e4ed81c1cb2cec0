//! One line in the log when the broker is lost and one when it is back, however many connections there were.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::measures::UP;

/// Which roles are without a connection, and since when the first of them.
#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<Option<Outage>>);

#[derive(Debug)]
struct Outage {
    since: Instant,
    roles: BTreeSet<String>,
}

impl Journal {
    /// A role has no connection. `why` never holds a secret.
    pub(crate) fn lost(&self, role: &str, why: &str) {
        let mut outage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match outage.as_mut() {
            Some(outage) => {
                if outage.roles.insert(role.to_owned()) {
                    tracing::debug!(role, "broker away: {why}");
                }
            }
            None => {
                tracing::warn!(role, "broker away, trying until it is back: {why}");
                *outage = Some(Outage {
                    since: Instant::now(),
                    roles: BTreeSet::from([role.to_owned()]),
                });
            }
        }
        drop(outage);
        metrics::gauge!(UP).set(0.0);
    }

    /// A role is connected, or needs no connection any more.
    pub(crate) fn settled(&self, role: &str, host: Option<&str>) {
        let mut outage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = outage.as_mut() else {
            if host.is_some() {
                metrics::gauge!(UP).set(1.0);
            }
            return;
        };
        known.roles.remove(role);
        if known.roles.is_empty() {
            if let Some(host) = host {
                let seconds = known.since.elapsed().as_secs_f64();
                tracing::info!(host, "broker back after {seconds:.1} s");
            }
            *outage = None;
            metrics::gauge!(UP).set(1.0);
        }
    }
}
