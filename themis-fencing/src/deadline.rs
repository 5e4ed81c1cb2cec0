//! One absolute deadline, passed down through everything that a request needs, so that retries and handshakes can never
//! add up to more than the caller allowed.

use std::time::Duration;

use tokio::time::Instant;

/// When the caller stops waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// A deadline that lies `within` ahead.
    pub(crate) fn after(within: Duration) -> Self {
        // An absurdly long wait would overflow the clock; a day is longer than any request may take.
        Self(Instant::now() + within.min(Duration::from_secs(24 * 3600)))
    }

    /// The earlier of this deadline and one that lies `within` ahead.
    pub(crate) fn sooner(self, within: Duration) -> Self {
        self.min(Self::after(within))
    }

    /// Whether it has come.
    pub(crate) fn passed(self) -> bool {
        Instant::now() >= self.0
    }

    /// The point in time, for tokio's timers.
    pub(crate) const fn instant(self) -> Instant {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_sooner_deadline_never_extends_the_outer_one() {
        let outer = Deadline::after(Duration::from_secs(3));
        assert_eq!(outer.sooner(Duration::from_secs(9)), outer);
        assert!(outer.sooner(Duration::from_secs(1)) < outer);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert!(outer.passed());
        assert!(!Deadline::after(Duration::MAX).passed());
    }
}
