//! When to try again: oslo's waits (1, 3, 5, ... up to 30 s), spread by a fifth so that a hundred monitors do not come
//! back in the same moment.

use std::time::Duration;

use crate::config::RabbitSection;

/// The waits between attempts to connect.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    step: Duration,
    most: Duration,
    /// By how much a wait may be longer, at random.
    splay: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(rabbit: &RabbitSection) -> Self {
        Self {
            first: rabbit.rabbit_retry_interval,
            step: rabbit.rabbit_retry_backoff,
            most: rabbit.rabbit_interval_max,
            splay: rabbit.kombu_reconnect_splay,
            failures: 0,
        }
    }

    /// The wait after one more failure; `random` lies between 0 and 1.
    pub(crate) fn next(&mut self, random: f64) -> Duration {
        let wait = self
            .first
            .saturating_add(self.step.saturating_mul(self.failures))
            .min(self.most);
        self.failures = self.failures.saturating_add(1);
        let random = random.clamp(0.0, 1.0);
        wait.mul_f64(0.8 + 0.4 * random)
            .saturating_add(self.splay.mul_f64(random))
    }

    /// Forgets the failures.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use themis_config::Source;

    use super::*;

    #[test]
    fn waits_grow_as_oslos_and_are_bounded() {
        let mut backoff = Backoff::new(&Source::default().section().unwrap());
        let waits: Vec<u64> = (0..20).map(|_| backoff.next(0.5).as_secs()).collect();
        assert_eq!(waits[..4], [1, 3, 5, 7]);
        assert_eq!(waits[19], 30);
        backoff.reset();
        assert_eq!(
            (backoff.next(0.0).as_millis(), backoff.next(1.0).as_millis()),
            (800, 3600)
        );
    }
}
