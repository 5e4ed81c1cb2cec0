//! Whether this engine could act now: what `/readiness` answers. A standby that hears and reads is ready; nothing here is
//! asked before a decision, and nothing follows from the answer but what whoever asks makes of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use themis_core::Moment;
use themis_db::{Pool, schema};
use themis_messaging::rabbit::RabbitBus;

use crate::adapters::clock::MachineClock;
use crate::ports::Clock;

/// Longest that the database is waited for.
const DATABASE_DEADLINE: Duration = Duration::from_secs(2);

/// When an engine last read or wrote the lease. It does neither while its loop stands still.
#[derive(Debug, Clone, Default)]
pub struct LeaseKnown(Arc<AtomicU64>);

impl LeaseKnown {
    /// It did at `now`.
    pub fn note(&self, now: Moment) {
        self.0.store(now.0, Ordering::Relaxed);
    }

    /// Fails unless that was within `fresh`; the text says so.
    ///
    /// # Errors
    /// Never yet, or too long ago: this engine does not know who leads.
    pub fn check(&self, now: Moment, fresh: Duration) -> Result<(), String> {
        match self.0.load(Ordering::Relaxed) {
            0 => Err("the lease was not read yet".to_owned()),
            at => {
                let age = now.since(Moment(at));
                if age <= fresh {
                    Ok(())
                } else {
                    Err(format!("the lease was last read or renewed {} s ago", age.as_secs()))
                }
            }
        }
    }
}

/// What an engine needs, once it has it all.
#[derive(Debug)]
pub struct Needs {
    /// Reports, wake-ups and calls in, questions out.
    pub bus: RabbitBus,
    /// The truth.
    pub pool: Pool,
    /// Who leads.
    pub lease: LeaseKnown,
    /// For how long that is known.
    pub lease_ttl: Duration,
}

/// What is asked from the first moment, and filled in as the start goes on.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<OnceLock<Needs>>);

impl Readiness {
    /// The engine has what it needs. The first word counts.
    pub fn begun(&self, needs: Needs) {
        drop(self.0.set(needs));
    }

    /// Whether it could act now.
    ///
    /// # Errors
    /// What is missing, in words.
    pub async fn check(&self) -> Result<(), String> {
        let needs = self.0.get().ok_or("the database was not reached yet")?;
        let away = needs.bus.away();
        if !away.is_empty() {
            return Err(format!("no broker for {}", away.join(", ")));
        }
        let pool = needs.pool.clone().with_deadline(DATABASE_DEADLINE);
        schema::ready(&pool).await.map_err(|error| error.to_string())?;
        needs.lease.check(MachineClock.now(), needs.lease_ttl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(10);

    fn at(s: u64) -> Moment {
        Moment(s * 1_000_000)
    }

    #[tokio::test]
    async fn an_engine_that_has_no_database_yet_is_not_ready() {
        let why = Readiness::default().check().await.unwrap_err();
        assert_eq!(why, "the database was not reached yet");
    }

    #[test]
    fn who_leads_is_known_for_as_long_as_a_lease_lasts() {
        let known = LeaseKnown::default();
        assert_eq!(known.check(at(5), TTL).unwrap_err(), "the lease was not read yet");
        known.note(at(5));
        assert_eq!(known.clone().check(at(15), TTL), Ok(()));
        let why = known.check(at(17), TTL).unwrap_err();
        assert_eq!(why, "the lease was last read or renewed 12 s ago");
    }
}
