//! A line to standard error now and then, for whoever waits for a long job.

use std::io::Write;
use std::time::Duration;

use tokio::time::Instant;

/// Between two lines; a job that is shorter says nothing.
const PAUSE: Duration = Duration::from_secs(5);

/// See the module.
pub(super) struct Waiting {
    verb: &'static str,
    told: Instant,
}

impl Waiting {
    /// `verb`: what is done with the rows.
    pub(super) fn new(verb: &'static str) -> Self {
        Self {
            verb,
            told: Instant::now(),
        }
    }

    pub(super) fn tell(&mut self, table: &str, rows: u64, of: Option<u64>) {
        if let Some(line) = self.line(table, rows, of, Instant::now()) {
            // Nobody may read it.
            drop(std::io::stderr().write_all(line.as_bytes()));
        }
    }

    /// `None`: it is too soon.
    fn line(&mut self, table: &str, rows: u64, of: Option<u64>, now: Instant) -> Option<String> {
        if now.saturating_duration_since(self.told) < PAUSE {
            return None;
        }
        self.told = now;
        let all = of.map(|all| format!(" of {all}")).unwrap_or_default();
        Some(format!("{table}: {rows} rows{all} {}\n", self.verb))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_at_most_every_few_seconds() {
        let mut waiting = Waiting::new("looked at");
        let begun = waiting.told;
        assert_eq!(waiting.line("hosts", 1, None, begun), None);
        let line = waiting.line("notifications", 500, Some(100_000), begun + PAUSE);
        assert_eq!(line.unwrap(), "notifications: 500 rows of 100000 looked at\n");
        assert_eq!(waiting.line("notifications", 1000, Some(100_000), begun + PAUSE), None);
        let line = waiting.line("hosts", 7, None, begun + 2 * PAUSE);
        assert_eq!(line.unwrap(), "hosts: 7 rows looked at\n");
    }
}
