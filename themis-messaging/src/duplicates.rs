//! The last sixteen message ids of a listener. A publisher that lost its connection sends again under the same id.

use std::collections::VecDeque;

/// How many ids are remembered, as in oslo.messaging.
const REMEMBERED: usize = 16;

/// Tells a message that was seen a moment ago.
#[derive(Debug, Default)]
pub struct Duplicates(VecDeque<String>);

impl Duplicates {
    /// Whether this id is among the last sixteen; remembers it if not. A message without id is never a duplicate.
    pub fn seen(&mut self, unique_id: Option<&str>) -> bool {
        let Some(id) = unique_id else { return false };
        if self.contains(id) {
            return true;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(id.to_owned());
        false
    }

    /// Whether this id is among the last sixteen.
    #[must_use]
    pub fn contains(&self, unique_id: &str) -> bool {
        self.0.iter().any(|seen| seen == unique_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_forgotten_after_sixteen_others() {
        let mut duplicates = Duplicates::default();
        assert!(!duplicates.seen(Some("first")));
        for n in 0..15 {
            assert!(!duplicates.seen(Some(&n.to_string())));
        }
        assert!(duplicates.seen(Some("first")));
        assert!(!duplicates.seen(Some("15")));
        assert!(!duplicates.seen(Some("first")));
        assert!(!duplicates.seen(None) && !duplicates.seen(None));
    }
}
