//! Time and ids. Decisions use the steady clock; wall time is for people and the database.

use themis_core::Moment;
use time::OffsetDateTime;
use uuid::Uuid;

/// The engine's own clocks.
pub trait Clock: Send + Sync {
    /// Now on the steady clock (`CLOCK_BOOTTIME`: goes on through suspend, never set back).
    fn now(&self) -> Moment;
    /// Now on the wall clock, UTC.
    fn wall(&self) -> OffsetDateTime;
    /// The wall time of a moment of this clock.
    fn wall_of(&self, moment: Moment) -> OffsetDateTime {
        let now = self.now();
        if moment <= now {
            self.wall() - now.since(moment)
        } else {
            self.wall() + moment.since(now)
        }
    }
}

/// Source of ids.
pub trait Ids: Send + Sync {
    /// A fresh id.
    fn fresh(&self) -> Uuid;
}
