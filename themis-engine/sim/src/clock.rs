//! Virtual time and repeatable ids. Time is tokio's paused clock: it moves only when nobody has anything left to do.

use std::sync::Mutex;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use themis_core::Moment;
use themis_engine::ports::{Clock, Ids};
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::time::Instant;
use uuid::Uuid;

/// The wall time at which every simulation begins.
const EPOCH: OffsetDateTime = datetime!(2026-01-01 00:00:00 UTC);

/// The simulation's time at a wall time.
#[must_use]
pub fn since_epoch(at: OffsetDateTime) -> Duration {
    (at - EPOCH).max(time::Duration::ZERO).unsigned_abs()
}

/// The wall time at a time of the simulation.
#[must_use]
pub fn wall(now: Duration) -> OffsetDateTime {
    EPOCH + now
}

/// One engine's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SimClock {
    start: Instant,
    up: Duration,
}

impl SimClock {
    /// `start` is the simulation's beginning; `up` how long this engine's machine had been up then: moments of two
    /// engines must not be comparable here either.
    #[must_use]
    pub const fn new(start: Instant, up: Duration) -> Self {
        Self { start, up }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Moment {
        Moment::from_start(self.up + self.start.elapsed())
    }

    fn wall(&self) -> OffsetDateTime {
        EPOCH + self.start.elapsed()
    }
}

/// Ids from a seed.
#[derive(Debug)]
pub struct SimIds(Mutex<StdRng>);

impl SimIds {
    /// The ids of `who`, always the same for a seed.
    #[must_use]
    pub fn new(seed: u64, who: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(
            seed.wrapping_mul(1000).wrapping_add(who),
        )))
    }

    /// The next id.
    #[must_use]
    pub fn next(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

impl Ids for SimIds {
    fn fresh(&self) -> Uuid {
        self.next()
    }
}
