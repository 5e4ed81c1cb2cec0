//! Reply queues that were given up a moment ago: no further reply is tried, as in oslo.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Most names that are remembered.
const MOST: usize = 200;
/// For how long.
const FOR: Duration = Duration::from_secs(60);

/// The names.
#[derive(Debug, Default)]
pub(crate) struct Vanished(Mutex<VecDeque<(String, Instant)>>);

impl Vanished {
    /// Remembers a queue that is gone.
    pub(crate) fn insert(&self, queue: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() == MOST {
            names.pop_front();
        }
        names.push_back((queue.to_owned(), Instant::now() + FOR));
    }

    /// Whether a queue is known to be gone.
    pub(crate) fn contains(&self, queue: &str) -> bool {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while names.front().is_some_and(|(_, until)| *until <= now) {
            names.pop_front();
        }
        names.iter().any(|(name, _)| name == queue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_queue_is_given_another_chance_after_a_minute() {
        let vanished = Vanished::default();
        vanished.insert("reply_1");
        assert!(vanished.contains("reply_1") && !vanished.contains("reply_2"));
        tokio::time::advance(FOR).await;
        assert!(!vanished.contains("reply_1"));
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_are_remembered() {
        let vanished = Vanished::default();
        for n in 0..=MOST {
            vanished.insert(&n.to_string());
        }
        assert!(!vanished.contains("0") && vanished.contains("1"));
    }
}
