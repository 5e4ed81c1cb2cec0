//! Copying Masakari's rows into a database of Themis: uuids and times as they are, integer ids where they are free,
//! soft-deleted rows too, because the history names them. May be run again: what is there already is left alone, and
//! what differs there is named, never overwritten. Reads the source only, in batches by id, so memory stays small.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ColumnTrait, DbBackend, FromQueryResult, IdenStatic, IntoActiveModel,
    Iterable, ModelTrait, QueryFilter, Statement,
};
use time::OffsetDateTime;

use super::shape::Shape;
use super::takeover::other_connections;
use crate::entity::{TextUuid, failover_segments, hosts, notifications, vmoves};
use crate::progress::{Progress, untold};
use crate::schema::schema_version;
use crate::{Pool, StoreError, Txn};

use place::same_database;
use rows::Copied;

pub use report::{Lines, Report, TableReport};

mod place;
mod report;
mod rows;

/// Rows per transaction.
const BATCH: usize = 500;
/// Rows per statement: with the longest texts that a row can hold it stays below 16 MiB, the least `max_allowed_packet`.
const ROWS: usize = 100;

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Not a database of Masakari.
    #[error("there is no Masakari in the database to import from: it has no table {table}")]
    NotMasakari {
        /// The first that is missing.
        table: &'static str,
    },
    /// Nothing to copy.
    #[error(
        "both are the same database; to take Masakari's tables over where they are, stop Masakari and run themis-manage db sync"
    )]
    SameDatabase,
    /// The own schema is not ready.
    #[error("the schema of Themis's own database is {steps} steps behind; run themis-manage db sync first")]
    SchemaBehind {
        /// How many.
        steps: usize,
    },
    /// A living segment or host here has the name of another one there.
    #[error("nothing was imported, rename or delete one of each pair first: {}", .names.join("; "))]
    NamesTaken {
        /// One line each.
        names: Vec<String>,
    },
    /// The database's trouble, with what was copied before it; run it again to go on.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies what is not there yet. With `dry_run` nothing is written and the report says what would be.
///
/// # Errors
/// [`ImportError`]; all but `Store` with nothing written.
pub async fn import(source: &Pool, target: &Pool, dry_run: bool, at: OffsetDateTime) -> Result<Report, ImportError> {
    import_telling(source, target, dry_run, at, &mut untold).await
}

/// The same for a caller who waits; told are the rows of each table that were looked at.
///
/// # Errors
/// As [`import`].
pub async fn import_telling(
    source: &Pool,
    target: &Pool,
    dry_run: bool,
    at: OffsetDateTime,
    progress: Progress<'_>,
) -> Result<Report, ImportError> {
    let pending = schema_version(target).await?.pending.len();
    if pending > 0 {
        return Err(ImportError::SchemaBehind { steps: pending });
    }
    if same_database(source, target).await? {
        return Err(ImportError::SameDatabase);
    }
    let shape = Shape::read(source).await?;
    for table in ["failover_segments", "hosts", "notifications"] {
        if !shape.has(table, "id") {
            return Err(ImportError::NotMasakari { table });
        }
    }
    let mut run = Run {
        source,
        target,
        shape: &shape,
        dry_run,
        at,
        progress,
        report: Report {
            version: shape.version.clone(),
            connections: other_connections(source).await?,
            ..Report::default()
        },
    };
    let mut names = run.names_taken::<failover_segments::Entity>().await?;
    names.extend(run.names_taken::<hosts::Entity>().await?);
    if !names.is_empty() {
        return Err(ImportError::NamesTaken { names });
    }
    run.table::<failover_segments::Entity>().await?;
    run.table::<hosts::Entity>().await?;
    run.table::<notifications::Entity>().await?;
    if shape.has("vmoves", "id") {
        run.table::<vmoves::Entity>().await?;
    }
    Ok(run.report)
}

/// How many rows a table has, deleted ones too, and the highest id.
async fn extent<E: Copied>(pool: &Pool) -> Result<(u64, i32), StoreError> {
    #[derive(FromQueryResult)]
    struct Extent {
        n: i64,
        last: i64,
    }
    let sql = format!(
        "SELECT CAST(COUNT(*) AS SIGNED) AS n, CAST(COALESCE(MAX(id), 0) AS SIGNED) AS last FROM {}",
        E::TABLE
    );
    let found = Extent::find_by_statement(Statement::from_string(DbBackend::MySql, sql));
    let extent = found.one(pool).await?;
    let (rows, last) = extent.map_or((0, 0), |extent| (extent.n, extent.last));
    Ok((
        u64::try_from(rows).unwrap_or_default(),
        i32::try_from(last).unwrap_or(i32::MAX),
    ))
}

struct Run<'a> {
    source: &'a Pool,
    target: &'a Pool,
    shape: &'a Shape,
    dry_run: bool,
    at: OffsetDateTime,
    progress: Progress<'a>,
    report: Report,
}

/// What is to be done with one row.
enum Plan<M> {
    Insert(M),
    /// The row that is here with this id becomes this one.
    End(M),
}

impl Run<'_> {
    async fn table<E>(&mut self) -> Result<(), StoreError>
    where
        E: Copied,
        E::Model: IntoActiveModel<E::ActiveModel> + FromQueryResult + ModelTrait<Entity = E> + Clone + Send + Sync,
        E::ActiveModel: ActiveModelBehavior + Send,
    {
        let mut report = TableReport::of(E::TABLE);
        self.malformed::<E>(&mut report).await?;
        let (rows, last) = extent::<E>(self.source).await?;
        // Behind all ids of both sides: a row that gives way must not take the place of one that comes later.
        let mut free = last.max(extent::<E>(self.target).await?.1).saturating_add(1);
        let (mut after, mut seen) = (0, 0);
        loop {
            let batch = self.batch::<E>(after).await?;
            let Some(last) = batch.last() else { break };
            after = E::id(last);
            seen += u64::try_from(batch.len()).unwrap_or_default();
            let plans = self.plan::<E>(batch, &mut report, &mut free).await?;
            if !self.dry_run && !plans.is_empty() {
                self.put::<E>(&plans, &mut report).await?;
            }
            (self.progress)(E::TABLE, seen, Some(rows));
        }
        self.report.tables.push(report);
        Ok(())
    }

    /// Writes a batch at once, or row by row when the database refuses something in it: a host whose segment Masakari made
    /// after its segments were read, a name that somebody took just now.
    async fn put<E>(&mut self, plans: &[Plan<E::Model>], report: &mut TableReport) -> Result<(), StoreError>
    where
        E: Copied,
        E::Model: IntoActiveModel<E::ActiveModel> + Clone + Send + Sync,
        E::ActiveModel: ActiveModelBehavior + Send,
    {
        let target = self.target;
        let whole = target.transaction(async |txn| write::<E>(&txn, plans).await).await;
        let Err(error) = whole else { return Ok(()) };
        if error.is_outage() {
            return Err(error);
        }
        for plan in plans {
            let one = std::slice::from_ref(plan);
            let Err(error) = target.transaction(async |txn| write::<E>(&txn, one).await).await else {
                continue;
            };
            if error.is_outage() {
                return Err(error);
            }
            report.left_out += 1;
            let (row, counted) = match plan {
                Plan::Insert(row) => (row, &mut report.copied),
                Plan::End(row) => (row, &mut report.ended),
            };
            *counted -= 1;
            let line = format!("{} {}: {error}; left out", E::TABLE, E::uuid(row));
            self.report.conflicts.add(line);
        }
        Ok(())
    }

    /// The columns of our entity as this Masakari has them.
    fn columns<E: Copied>(&self) -> String {
        let shown = E::Column::iter().map(|column| {
            let name = column.as_str();
            let there = self.shape.has(E::TABLE, name);
            if there {
                format!("`{name}`")
            } else {
                format!("NULL AS `{name}`")
            }
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    async fn batch<E>(&self, after: i32) -> Result<Vec<E::Model>, StoreError>
    where
        E: Copied,
        E::Model: FromQueryResult,
    {
        let sql = format!(
            "SELECT {} FROM {} WHERE id > ? AND {} ORDER BY id LIMIT {BATCH}",
            self.columns::<E>(),
            E::TABLE,
            E::well_formed(),
        );
        let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, [after.into()]);
        Ok(E::Model::find_by_statement(statement).all(self.source).await?)
    }

    /// Rows whose uuids are none cannot even be read as ours.
    async fn malformed<E: Copied>(&mut self, report: &mut TableReport) -> Result<(), StoreError> {
        #[derive(FromQueryResult)]
        struct Id {
            id: i32,
        }
        let mut after = 0;
        loop {
            let sql = format!(
                "SELECT id FROM {} WHERE id > ? AND NOT ({}) ORDER BY id LIMIT {BATCH}",
                E::TABLE,
                E::well_formed()
            );
            let statement = Statement::from_sql_and_values(DbBackend::MySql, sql, [after.into()]);
            let batch = Id::find_by_statement(statement).all(self.source).await?;
            let Some(last) = batch.last() else { return Ok(()) };
            after = last.id;
            for row in batch {
                report.left_out += 1;
                let line = format!("{} id {}: a uuid or a time in it is none; left out", E::TABLE, row.id);
                self.report.conflicts.add(line);
            }
        }
    }

    async fn plan<E>(
        &mut self,
        batch: Vec<E::Model>,
        report: &mut TableReport,
        free: &mut i32,
    ) -> Result<Vec<Plan<E::Model>>, StoreError>
    where
        E: Copied,
        E::Model: ModelTrait<Entity = E> + Clone + Send + Sync,
    {
        let uuids: Vec<TextUuid> = batch.iter().map(E::uuid).collect();
        let ids: Vec<i32> = batch.iter().map(E::id).collect();
        let here = E::find().filter(E::UUID.is_in(uuids)).all(self.target).await?;
        let here: BTreeMap<uuid::Uuid, E::Model> = here.into_iter().map(|row| (E::uuid(&row).0, row)).collect();
        let with_id = E::find().filter(E::ID.is_in(ids)).all(self.target).await?;
        let taken: BTreeSet<i32> = with_id.iter().map(E::id).collect();
        let mut plans = Vec::new();
        for there in batch {
            let mut row = there.clone();
            let unfinished = match E::prepare(&mut row, self.at) {
                Ok(unfinished) => unfinished,
                Err(why) => {
                    report.left_out += 1;
                    let line = format!("{} {}: {why}; left out", E::TABLE, E::uuid(&there));
                    self.report.conflicts.add(line);
                    continue;
                }
            };
            let Some(known) = here.get(&E::uuid(&row).0) else {
                let mut id = E::id(&row);
                if taken.contains(&id) {
                    id = *free;
                    *free = free.saturating_add(1);
                    report.renumbered += 1;
                }
                E::renumber(&mut row, id);
                report.copied += 1;
                self.report.name_abandoned(unfinished);
                plans.push(Plan::Insert(row));
                continue;
            };
            let differences = differences::<E>(&row, known, unfinished.is_some());
            if differences.is_empty() {
                report.present += 1;
            } else if unfinished.is_none() && E::was_abandoned(known) {
                report.ended += 1;
                E::renumber(&mut row, E::id(known));
                plans.push(Plan::End(row));
            } else {
                report.differing += 1;
                let line = format!(
                    "{} {}: {}; left as it is here",
                    E::TABLE,
                    E::uuid(&row),
                    differences.join(", ")
                );
                self.report.conflicts.add(line);
            }
        }
        Ok(plans)
    }

    /// Living rows there whose name a living row with another uuid has here.
    async fn names_taken<E>(&self) -> Result<Vec<String>, StoreError>
    where
        E: Copied,
        E::Model: FromQueryResult + ModelTrait<Entity = E> + Send + Sync,
    {
        let Some(name) = E::NAME else { return Ok(Vec::new()) };
        let mut taken = Vec::new();
        let mut after = 0;
        loop {
            let batch = self.batch::<E>(after).await?;
            let Some(last) = batch.last() else { return Ok(taken) };
            after = E::id(last);
            let living: Vec<&E::Model> = batch.iter().filter(|row| E::deleted(row) == 0).collect();
            let names = living.iter().map(|row| row.get(name));
            let here = E::find()
                .filter(name.is_in(names))
                .filter(E::DELETED.eq(0))
                .all(self.target)
                .await?;
            for known in here {
                // By the database's own comparison: case does not matter.
                let text = |row: &E::Model| shown(&row.get(name)).to_lowercase();
                let other = living.iter().find(|row| text(row) == text(&known));
                if let Some(other) = other.filter(|row| E::uuid(row) != E::uuid(&known)) {
                    taken.push(format!(
                        "{} {} is {} there and {} here",
                        E::TABLE,
                        shown(&other.get(name)),
                        E::uuid(other),
                        E::uuid(&known)
                    ));
                }
            }
        }
    }
}

/// Columns in which a row differs, with both values. The id may differ; `deleted` only in whether it is.
fn differences<E>(there: &E::Model, here: &E::Model, unfinished: bool) -> Vec<String>
where
    E: Copied,
    E::Model: ModelTrait<Entity = E>,
{
    let mut found = Vec::new();
    for column in E::Column::iter() {
        let differs = match column.as_str() {
            "id" => false,
            "deleted" => (E::deleted(there) == 0) != (E::deleted(here) == 0),
            // Ours, of the run that copied it.
            "updated_at" if unfinished => false,
            _ => there.get(column) != here.get(column),
        };
        if differs {
            found.push(format!(
                "{} is {} there and {} here",
                column.as_str(),
                shown(&there.get(column)),
                shown(&here.get(column))
            ));
        }
    }
    found
}

/// A value for people, not longer than a line bears.
fn shown(value: &sea_orm::Value) -> String {
    let text = match value {
        sea_orm::Value::String(Some(text)) => text.clone(),
        other => other.to_string(),
    };
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    short.replace('\n', " ")
}

async fn write<E>(txn: &Txn, plans: &[Plan<E::Model>]) -> Result<(), StoreError>
where
    E: Copied,
    E::Model: IntoActiveModel<E::ActiveModel> + Clone + Sync,
    E::ActiveModel: ActiveModelBehavior + Send,
{
    let new: Vec<E::ActiveModel> = plans
        .iter()
        .filter_map(|plan| match plan {
            Plan::Insert(row) => Some(row.clone().into_active_model().reset_all()),
            Plan::End(_) => None,
        })
        .collect();
    let mut new = new.into_iter().peekable();
    while new.peek().is_some() {
        let some: Vec<_> = new.by_ref().take(ROWS).collect();
        E::insert_many(some).exec_without_returning(txn).await?;
    }
    for plan in plans {
        if let Plan::End(row) = plan {
            let ended = row.clone().into_active_model().reset_all();
            E::update(ended).validate()?.exec(txn).await?;
        }
    }
    Ok(())
}
