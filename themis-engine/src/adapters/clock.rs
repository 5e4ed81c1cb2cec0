//! The machine's clocks, and random ids.

use rustix::time::{ClockId, clock_gettime};
use themis_core::Moment;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::ports::{Clock, Ids};

/// `CLOCK_BOOTTIME` and UTC.
#[derive(Debug, Clone, Copy, Default)]
pub struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> Moment {
        let now = clock_gettime(ClockId::Boottime);
        let micros = now.tv_sec.unsigned_abs().saturating_mul(1_000_000);
        Moment(micros.saturating_add(now.tv_nsec.unsigned_abs() / 1000))
    }

    fn wall(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// Random version 4 UUIDs.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn fresh(&self) -> Uuid {
        Uuid::new_v4()
    }
}
