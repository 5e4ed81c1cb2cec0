//! Leadership on this engine's own clock. A lease row's age is how long this engine saw it unchanged; no wall clock is
//! compared. A leader stops acting `margin` before its time is over, whatever the database says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use themis_core::{Epoch, Moment};

use crate::ports::Clock;
use crate::ports::store::LeaseRow;

/// The times of the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTimes {
    /// A row unchanged for so long may be taken.
    pub ttl: Duration,
    /// How often it is renewed.
    pub renew: Duration,
    /// How long before its end the leader stops.
    pub margin: Duration,
}

impl LeaseTimes {
    /// How long the database may take for one answer: a renewal that is asked for in time is answered, or given up, before
    /// the leader must have stopped.
    #[must_use]
    pub fn answer_within(&self) -> Duration {
        let left = self.ttl.saturating_sub(self.margin).saturating_sub(self.renew);
        left.max(Duration::from_secs(1))
    }
}

/// Until when effects may be sent; shared with the executors, which read it again right before each request.
#[derive(Debug, Clone, Default)]
pub struct Permit(Arc<AtomicU64>);

impl Permit {
    /// Whether a request may be sent at `now`.
    #[must_use]
    pub fn holds(&self, now: Moment) -> bool {
        now.0 < self.0.load(Ordering::Acquire)
    }

    fn until(&self, moment: Moment) {
        self.0.store(moment.0, Ordering::Release);
    }

    fn revoke(&self) {
        self.0.store(0, Ordering::Release);
    }
}

/// What this engine knows of the lease.
#[derive(Debug)]
pub struct Lease {
    times: LeaseTimes,
    permit: Permit,
    held: Option<Held>,
    seen: Option<(LeaseRow, Moment)>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    epoch: Epoch,
    confirmed: Moment,
}

impl Lease {
    /// Not held.
    #[must_use]
    pub fn new(times: LeaseTimes) -> Self {
        Self {
            times,
            permit: Permit::default(),
            held: None,
            seen: None,
        }
    }

    /// The permit for executors.
    #[must_use]
    pub fn permit(&self) -> Permit {
        self.permit.clone()
    }

    /// The epoch, while it is held and its time is not over.
    #[must_use]
    pub fn epoch(&self, now: Moment) -> Option<Epoch> {
        self.held.filter(|held| now < self.end(*held)).map(|held| held.epoch)
    }

    fn end(&self, held: Held) -> Moment {
        held.confirmed.plus(self.times.ttl.saturating_sub(self.times.margin))
    }

    /// Whether it was held and its time ran out.
    #[must_use]
    pub fn expired(&self, now: Moment) -> bool {
        self.held.is_some_and(|held| now >= self.end(held))
    }

    /// Whether it should be renewed.
    #[must_use]
    pub fn due(&self, now: Moment) -> bool {
        self.held
            .is_some_and(|held| now.since(held.confirmed) >= self.times.renew)
    }

    /// A write under `epoch` that was sent at `sent` succeeded.
    pub fn confirmed(&mut self, epoch: Epoch, sent: Moment) {
        let held = Held { epoch, confirmed: sent };
        self.held = Some(held);
        self.permit.until(self.end(held));
    }

    /// Leadership ends.
    pub fn resign(&mut self) {
        self.held = None;
        self.seen = None;
        self.permit.revoke();
    }

    /// A candidate's look: the row if it may be taken (`Some(None)`: there is none). The row stands still from when the answer
    /// came, not from when it was asked for: a database may be slow, and the leader have renewed meanwhile.
    ///
    /// # Errors
    /// What `read` met.
    pub async fn candidate<E>(
        &mut self,
        read: impl Future<Output = Result<Option<LeaseRow>, E>>,
        clock: &dyn Clock,
    ) -> Result<Option<Option<LeaseRow>>, E> {
        let row = read.await?;
        Ok(self.judged(row, clock.now()))
    }

    fn judged(&mut self, row: Option<LeaseRow>, now: Moment) -> Option<Option<LeaseRow>> {
        let Some(row) = row else { return Some(None) };
        if row.holder.is_empty() {
            return Some(Some(row));
        }
        match &self.seen {
            Some((seen, since)) if *seen == row => (now.since(*since) >= self.times.ttl).then_some(Some(row)),
            Some(_) | None => {
                self.seen = Some((row, now));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: LeaseTimes = LeaseTimes {
        ttl: Duration::from_secs(10),
        renew: Duration::from_secs(3),
        margin: Duration::from_secs(2),
    };

    fn at(s: u64) -> Moment {
        Moment(s * 1_000_000)
    }

    fn row(beat: i64) -> Option<LeaseRow> {
        Some(LeaseRow {
            holder: "other".into(),
            token: 7,
            beat,
        })
    }

    #[test]
    fn a_row_is_taken_only_after_it_stood_still_for_the_whole_ttl() {
        let mut lease = Lease::new(TIMES);
        assert_eq!(lease.judged(row(1), at(0)), None);
        assert_eq!(lease.judged(row(2), at(9)), None, "it moved");
        assert_eq!(lease.judged(row(2), at(18)), None);
        assert_eq!(lease.judged(row(2), at(19)), Some(row(2)));
        assert_eq!(lease.judged(None, at(20)), Some(None));
    }

    /// Moved on by hand.
    struct Hand(AtomicU64);

    impl Clock for Hand {
        fn now(&self) -> Moment {
            at(self.0.load(Ordering::SeqCst))
        }
        fn wall(&self) -> time::OffsetDateTime {
            time::OffsetDateTime::UNIX_EPOCH
        }
    }

    #[tokio::test]
    async fn the_time_that_an_answer_took_is_no_time_that_the_row_stood_still() {
        let (mut lease, clock) = (Lease::new(TIMES), Hand(AtomicU64::new(0)));
        let mut look = async |asked: u64, answered: u64| {
            clock.0.store(asked, Ordering::SeqCst);
            let read = async {
                clock.0.store(answered, Ordering::SeqCst);
                Ok::<_, ()>(row(5))
            };
            lease.candidate(read, &clock).await
        };
        // The leader may have renewed at 4 s, and then acts until 12 s.
        assert_eq!(look(0, 4).await, Ok(None));
        assert_eq!(look(10, 11).await, Ok(None));
        assert_eq!(look(13, 14).await, Ok(Some(row(5))));
    }

    #[test]
    fn a_renewal_is_answered_or_given_up_before_the_permit_ends() {
        assert_eq!(TIMES.renew + TIMES.answer_within(), Duration::from_secs(8));
    }

    #[test]
    fn the_permit_ends_before_the_lease_does() {
        let mut lease = Lease::new(TIMES);
        let permit = lease.permit();
        assert!(!permit.holds(at(0)));
        lease.confirmed(Epoch(1), at(0));
        assert!(permit.holds(at(7)));
        assert!(!permit.holds(at(8)), "two seconds before the end");
        assert!(lease.expired(at(8)));
        lease.confirmed(Epoch(1), at(3));
        assert!(permit.holds(at(10)));
        lease.resign();
        assert!(!permit.holds(at(4)));
    }
}
