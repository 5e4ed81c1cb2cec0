//! Removing rows in bounded statements, and counting them.

use sea_orm::sea_query::IntoCondition;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, TryGetError};
use sea_orm::{QueryResult, TryGetableMany, Value};

use super::Purged;
use crate::progress::Progress;
use crate::{Pool, StoreError};

/// Rows per statement.
const ROWS: u64 = 500;

/// In the order in which they are reported.
const TABLES: [&str; 14] = [
    "failover_segments",
    "hosts",
    "notifications",
    "vmoves",
    "corroborations",
    "refused_reports",
    "incidents",
    "incident_events",
    "workflow_steps",
    "requests",
    "host_states",
    "segment_networks",
    "modes",
    "leases",
];

/// Removes, or only counts, within a number of rows.
pub(super) struct Sweep<'a> {
    pool: &'a Pool,
    progress: Progress<'a>,
    left: u64,
    dry_run: bool,
    counts: [u64; TABLES.len()],
}

/// A key of any type.
struct Key(Value);

impl TryGetableMany for Key {
    fn try_get_many(row: &QueryResult, prefix: &str, columns: &[String]) -> Result<Self, TryGetError> {
        i64::try_get_many(row, prefix, columns)
            .map(|key| Self(key.into()))
            .or_else(|_| String::try_get_many(row, prefix, columns).map(|key| Self(key.into())))
    }

    fn try_get_many_by_index(row: &QueryResult) -> Result<Self, TryGetError> {
        i64::try_get_many_by_index(row)
            .map(|key| Self(key.into()))
            .or_else(|_| i32::try_get_many_by_index(row).map(|key| Self(key.into())))
            .or_else(|_| String::try_get_many_by_index(row).map(|key| Self(key.into())))
    }
}

impl<'a> Sweep<'a> {
    pub(super) fn new(pool: &'a Pool, rows_max: Option<u64>, dry_run: bool, progress: Progress<'a>) -> Self {
        Self {
            pool,
            progress,
            left: rows_max.unwrap_or(u64::MAX),
            dry_run,
            counts: [0; TABLES.len()],
        }
    }

    /// Whether no more rows may go.
    pub(super) const fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Removes the rows of `which`, as far as the number allows. `key` is the primary key.
    pub(super) async fn table<E>(
        &mut self,
        name: &'static str,
        key: E::Column,
        which: impl IntoCondition,
    ) -> Result<(), StoreError>
    where
        E: EntityTrait,
        E::Model: Sync,
    {
        let which = which.into_condition();
        if self.dry_run {
            let rows = E::find().filter(which).count(self.pool).await?.min(self.left);
            self.count(name, rows);
            return Ok(());
        }
        while !self.is_spent() {
            let keys: Vec<Key> = E::find()
                .select_only()
                .column(key)
                .filter(which.clone())
                .order_by_asc(key)
                .limit(ROWS.min(self.left))
                .into_tuple()
                .all(self.pool)
                .await?;
            if keys.is_empty() {
                break;
            }
            let keys = keys.into_iter().map(|key| key.0);
            // Still such a row: somebody may have changed it since.
            let gone = E::delete_many()
                .filter(which.clone())
                .filter(key.is_in(keys))
                .exec(self.pool)
                .await?;
            self.count(name, gone.rows_affected);
        }
        Ok(())
    }

    fn count(&mut self, name: &str, rows: u64) {
        self.left -= rows.min(self.left);
        if let Some(index) = TABLES.iter().position(|table| *table == name) {
            self.counts[index] += rows;
            if rows > 0 {
                (self.progress)(TABLES[index], self.counts[index], None);
            }
        }
    }

    pub(super) fn into_counts(self) -> Vec<Purged> {
        let counted = TABLES.iter().zip(self.counts);
        counted.map(|(table, rows)| Purged { table, rows }).collect()
    }
}
