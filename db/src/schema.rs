//! The schema's version and how it is brought up to date. `db sync` may be run again and changes nothing then; it may be
//! killed at any moment and run again, and two may run at once, also by different nodes of a Galera cluster.
//!
//! There is no lock: `GET_LOCK` spans no cluster, and a row as a lock outlives whoever dies with it. Instead every step
//! can be done twice (`crate::migration`), and the row that records it has one unique key: whoever comes second finds
//! the step done and goes on. A step that moves data must keep to that.

use std::time::Duration;

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use sea_orm_migration::{MigrationTrait, MigratorTrait, SchemaManager, seaql_migrations};
use time::OffsetDateTime;

use crate::migration::Migrator;
use crate::{Pool, StoreError};

/// How often a step is tried again that met another `db sync`, and how far apart.
const CONFLICT_RETRIES: u32 = 10;
const CONFLICT_PAUSE: Duration = Duration::from_millis(200);

/// What `db sync` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// Steps that this run applied, in order; empty when the schema was up to date, or others brought it there meanwhile.
    pub applied: Vec<String>,
}

/// Where the schema stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The newest step that the database has; `None` before the first `db sync`.
    pub database: Option<String>,
    /// The newest step that this program knows.
    pub program: String,
    /// Steps that the database lacks.
    pub pending: Vec<String>,
}

/// Applies the steps that the database lacks. A step that fails leaves those before it applied; run it again.
///
/// A database with Masakari's tables of the newest shape keeps them; see [`crate::masakari::takeover`].
///
/// # Errors
/// [`StoreError::ForeignSchema`] for tables of these names that Themis cannot work on, nothing changed;
/// [`StoreError::Refused`] also when the database is newer than this program.
pub async fn schema_sync(pool: &Pool) -> Result<Synced, StoreError> {
    let SchemaVersion { database, pending, .. } = schema_version(pool).await?;
    if database.is_none() {
        crate::masakari::takeover::check(pool).await?;
    }
    let mut synced = Synced { applied: Vec::new() };
    if pending.is_empty() {
        return Ok(synced);
    }
    Migrator::install(&pool.raw()).await?;
    for step in Migrator::migrations() {
        let name = step.name().to_owned();
        if pending.contains(&name) && apply_patiently(pool, step.as_ref()).await? {
            synced.applied.push(name);
        }
    }
    Ok(synced)
}

/// Two at once may meet in a deadlock, or in Galera's certification.
async fn apply_patiently(pool: &Pool, step: &dyn MigrationTrait) -> Result<bool, StoreError> {
    for _ in 0..CONFLICT_RETRIES {
        match apply(pool, step).await {
            Err(StoreError::Conflict { .. }) => tokio::time::sleep(CONFLICT_PAUSE).await,
            outcome => return outcome,
        }
    }
    apply(pool, step).await
}

/// One step and its record. `false`: somebody else recorded it meanwhile.
async fn apply(pool: &Pool, step: &dyn MigrationTrait) -> Result<bool, StoreError> {
    // Each DDL statement of MySQL commits by itself and may take long on a large table: no deadline.
    let database = pool.raw();
    step.up(&SchemaManager::new(&database)).await?;
    let record = seaql_migrations::ActiveModel {
        version: Set(step.name().to_owned()),
        applied_at: Set(OffsetDateTime::now_utc().unix_timestamp()),
    };
    let recorded = seaql_migrations::Entity::insert(record)
        .exec_without_returning(&database)
        .await;
    match recorded.map_err(|error| StoreError::unique(error, "step")) {
        Ok(_) => Ok(true),
        Err(StoreError::AlreadyExists { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads where the schema stands; writes nothing.
///
/// # Errors
/// [`StoreError::Refused`] also when the database is newer than this program.
pub async fn schema_version(db: &impl ConnectionTrait) -> Result<SchemaVersion, StoreError> {
    let applied = Migrator::get_applied_migrations_read_only(db).await?;
    let pending = Migrator::get_pending_migrations_read_only(db).await?;
    let program = Migrator::get_migration_files()
        .last()
        .map(|m| m.name().to_owned())
        .unwrap_or_default();
    Ok(SchemaVersion {
        database: applied.last().map(|m| m.name().to_owned()),
        program,
        pending: pending.iter().map(|m| m.name().to_owned()).collect(),
    })
}

/// Whether the database can serve: reads a table, because a Galera node without quorum still answers pings.
///
/// # Errors
/// The database's trouble, or a schema that was never synced.
pub async fn ready(pool: &Pool) -> Result<(), StoreError> {
    crate::lease::lease_read(pool).await.map(drop)
}
