//! Copying Masakari's rows into a database of Themis: uuids and times as they are, integer ids where they are free,
//! soft-deleted rows too, because the history names them. May be run again: what is there already is left alone, and
//! what differs there is named, never overwritten. Reads the source only, in batches by id, so memory stays small.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, FromQueryResult, IdenStatic,
    IntoActiveModel, Iterable, ModelTrait, QueryFilter, Statement,
};
use time::OffsetDateTime;

use super::shape::Shape;
use super::takeover::{Abandoned, other_connections};
use crate::entity::{TextUuid, failover_segments, hosts, notifications, vmoves};
use crate::schema::schema_version;
use crate::{Pool, StoreError, Txn};

use rows::Copied;

mod rows;

/// Rows per transaction.
const BATCH: usize = 500;
/// Lines that a report keeps of one kind; the rest is counted.
const LINES_MAX: usize = 500;

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

/// Lines for people, of which only so many are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// The first ones.
    pub kept: Vec<String>,
    /// How many more there were.
    pub more: u64,
}

impl Lines {
    fn add(&mut self, line: String) {
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
    /// Rows that Themis could not show; left out.
    pub unreadable: u64,
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
    /// Notifications copied now that Masakari had not finished.
    pub abandoned: Vec<Abandoned>,
}

/// Copies what is not there yet. With `dry_run` nothing is written and the report says what would be.
///
/// # Errors
/// [`ImportError`]; all but `Store` with nothing written.
pub async fn import(source: &Pool, target: &Pool, dry_run: bool, at: OffsetDateTime) -> Result<Report, ImportError> {
    let pending = schema_version(target).await?.pending.len();
    if pending > 0 {
        return Err(ImportError::SchemaBehind { steps: pending });
    }
    if place(source).await? == place(target).await? {
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

/// Which database of which server.
async fn place(pool: &Pool) -> Result<Option<String>, StoreError> {
    #[derive(FromQueryResult)]
    struct Place {
        p: String,
    }
    let sql = "SELECT CAST(CONCAT_WS('/', @@hostname, @@port, @@datadir, DATABASE()) AS CHAR) AS p";
    let statement = Statement::from_string(pool.get_database_backend(), sql);
    Ok(Place::find_by_statement(statement).one(pool).await?.map(|row| row.p))
}

struct Run<'a> {
    source: &'a Pool,
    target: &'a Pool,
    shape: &'a Shape,
    dry_run: bool,
    at: OffsetDateTime,
    report: Report,
}

/// What is to be done with one row.
enum Plan<M> {
    Insert { row: M, keep_id: bool },
    End { row: M, id: i32 },
}

impl Run<'_> {
    async fn table<E>(&mut self) -> Result<(), StoreError>
    where
        E: Copied,
        E::Model: IntoActiveModel<E::ActiveModel> + FromQueryResult + ModelTrait<Entity = E> + Clone + Send + Sync,
        E::ActiveModel: ActiveModelBehavior + Send,
    {
        let mut report = TableReport {
            table: E::TABLE,
            copied: 0,
            renumbered: 0,
            ended: 0,
            present: 0,
            differing: 0,
            unreadable: 0,
        };
        self.malformed::<E>(&mut report).await?;
        let mut after = 0;
        loop {
            let batch = self.batch::<E>(after).await?;
            let Some(last) = batch.last() else { break };
            after = E::id(last);
            let plans = self.plan::<E>(batch, &mut report).await?;
            if !self.dry_run && !plans.is_empty() {
                let plans = &plans;
                self.target
                    .transaction(async |txn| write::<E>(&txn, plans).await)
                    .await?;
            }
        }
        self.report.tables.push(report);
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
        let sql = format!("SELECT id FROM {} WHERE NOT ({})", E::TABLE, E::well_formed());
        let found = Id::find_by_statement(Statement::from_string(DbBackend::MySql, sql));
        for row in found.all(self.source).await? {
            report.unreadable += 1;
            let line = format!("{} id {}: a uuid in it is none; left out", E::TABLE, row.id);
            self.report.conflicts.add(line);
        }
        Ok(())
    }

    async fn plan<E>(
        &mut self,
        batch: Vec<E::Model>,
        report: &mut TableReport,
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
                    report.unreadable += 1;
                    let line = format!("{} {}: {why}; left out", E::TABLE, E::uuid(&there));
                    self.report.conflicts.add(line);
                    continue;
                }
            };
            let Some(known) = here.get(&E::uuid(&row).0) else {
                let keep_id = !taken.contains(&E::id(&row));
                report.copied += 1;
                report.renumbered += u64::from(!keep_id);
                self.report.abandoned.extend(unfinished);
                plans.push(Plan::Insert { row, keep_id });
                continue;
            };
            let differences = differences::<E>(&row, known, unfinished.is_some());
            if differences.is_empty() {
                report.present += 1;
            } else if unfinished.is_none() && E::was_abandoned(known) {
                report.ended += 1;
                let id = E::id(known);
                plans.push(Plan::End { row, id });
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
    for plan in plans {
        match plan {
            Plan::Insert { row, keep_id } => {
                let deleted = E::deleted(row) != 0;
                let mut new = row.clone().into_active_model().reset_all();
                if !keep_id {
                    new.not_set(E::ID);
                    if deleted {
                        // Until the new id is known; a deleted row's own id is never negative.
                        new.set(E::DELETED, Some(-E::id(row)).into());
                    }
                }
                E::insert(new).exec_without_returning(txn).await?;
                if deleted && !keep_id {
                    E::update_many()
                        .col_expr(E::DELETED, sea_orm::sea_query::Expr::col(E::ID))
                        .filter(E::UUID.eq(E::uuid(row)))
                        .exec(txn)
                        .await?;
                }
            }
            Plan::End { row, id } => {
                let mut ended = row.clone().into_active_model().reset_all();
                ended.set(E::ID, (*id).into());
                ended.set(E::DELETED, Some(if E::deleted(row) == 0 { 0 } else { *id }).into());
                E::update(ended).validate()?.exec(txn).await?;
            }
        }
    }
    Ok(())
}
