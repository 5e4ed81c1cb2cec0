//! How long to wait before an agent is started again: short at first, doubling to a bound, never in step with others.

use std::time::Duration;

/// The first wait after a failure.
pub const FIRST: Duration = Duration::from_millis(500);
/// The longest wait, before jitter.
pub const LONGEST: Duration = Duration::from_secs(15);
/// An agent that ran this long has recovered; the next failure waits [`FIRST`] again.
pub const STABLE: Duration = Duration::from_secs(30);

/// Counts failures in a row.
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Notes a failure after `uptime` and says how long to wait. `chance`, from 0 to 1, moves the wait by up to a fifth
    /// in either direction.
    pub fn failed(&mut self, uptime: Duration, chance: f64) -> Duration {
        if uptime >= STABLE {
            self.failures = 0;
        }
        let doubled = FIRST.saturating_mul(1 << self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        doubled.min(LONGEST).mul_f64(0.8 + 0.4 * chance.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_the_bound_and_begin_anew_after_a_stable_run() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..8)
            .map(|_| backoff.failed(Duration::ZERO, 0.5).as_millis())
            .collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
        assert_eq!(backoff.failed(STABLE, 0.5), FIRST);
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        let wait = |chance| Backoff::default().failed(Duration::ZERO, chance).as_millis();
        assert_eq!((wait(0.0), wait(1.0), wait(f64::MAX)), (400, 600, 600));
    }
}
