//! Time as the decisions see it: a count on one machine's clock that goes on through suspend and is never set back
//! (`CLOCK_BOOTTIME` in the daemons, virtual time in the simulator). Moments of two machines must never be compared;
//! what crosses the wire are durations. Wall time exists for people and for the database only.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point on this engine's own steady clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(
    /// Microseconds since the clock's own beginning.
    pub u64,
);

impl Moment {
    /// The moment that is `since_start` after the clock's beginning.
    #[must_use]
    pub fn from_start(since_start: Duration) -> Self {
        Self(u64::try_from(since_start.as_micros()).unwrap_or(u64::MAX))
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The moment `by` later.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }

    /// The moment `by` earlier, not before the clock's beginning.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let start = Moment(5);
        assert_eq!(start.since(Moment(9)), Duration::ZERO);
        assert_eq!(start.minus(Duration::from_secs(1)), Moment(0));
        assert_eq!(start.plus(Duration::MAX), Moment(u64::MAX));
        assert_eq!(Moment(1_500_000).since(Moment(500_000)), Duration::from_secs(1));
    }
}
