//! What an import tells: counts per table, and lines, of which a bounded number is kept however large the tables are.

use super::super::takeover::{ABANDONED_MAX, Abandoned};

/// Lines that a report keeps of one kind; the rest is counted.
const LINES_MAX: usize = 500;

/// Lines for people, of which only so many are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// The first ones.
    pub kept: Vec<String>,
    /// How many more there were.
    pub more: u64,
}

impl Lines {
    pub(super) fn add(&mut self, line: String) {
        if self.kept.len() < LINES_MAX {
            self.kept.push(line);
        } else {
            self.more += 1;
        }
    }

    /// Whether there was none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

/// What became of one table's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReport {
    /// The table.
    pub table: &'static str,
    /// Rows copied now.
    pub copied: u64,
    /// Of these, rows whose integer id was taken here, so that they have another.
    pub renumbered: u64,
    /// Rows that an earlier run copied while Masakari worked on them, and that now are as they ended there.
    pub ended: u64,
    /// Rows that were here already, as they are there.
    pub present: u64,
    /// Rows that are here with other contents; left as they are here.
    pub differing: u64,
    /// Rows that Themis could not show, or that its database refuses; left out.
    pub left_out: u64,
}

impl TableReport {
    pub(super) const fn of(table: &'static str) -> Self {
        Self {
            table,
            copied: 0,
            renumbered: 0,
            ended: 0,
            present: 0,
            differing: 0,
            left_out: 0,
        }
    }
}

/// What an import did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Masakari's name for its schema.
    pub version: Option<String>,
    /// Other connections to Masakari's database: is it still running?
    pub connections: u64,
    /// One per table.
    pub tables: Vec<TableReport>,
    /// Rows that differ or are unreadable, with why.
    pub conflicts: Lines,
    /// Notifications copied now that Masakari had not finished, the first [`ABANDONED_MAX`].
    pub abandoned: Vec<Abandoned>,
    /// How many more there were.
    pub abandoned_more: u64,
}

impl Report {
    pub(super) fn name_abandoned(&mut self, one: Option<Abandoned>) {
        let Some(one) = one else { return };
        if u64::try_from(self.abandoned.len()).is_ok_and(|named| named < ABANDONED_MAX) {
            self.abandoned.push(one);
        } else {
            self.abandoned_more += 1;
        }
    }
}
