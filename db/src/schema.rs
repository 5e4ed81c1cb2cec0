//! The schema's version and how it is brought up to date. `db sync` may be run again and changes nothing then; two runs
//! at the same time are refused by nobody, so run it once per upgrade (`themis-manage db sync`).

use sea_orm_migration::MigratorTrait;

use crate::migration::Migrator;
use crate::{Pool, StoreError};

/// What `db sync` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// Steps that were applied now, in order; empty when the schema was up to date.
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
    if !pending.is_empty() {
        // Each DDL statement of MySQL commits by itself and may take long on a large table: no deadline.
        Migrator::up(&pool.raw(), None).await?;
    }
    Ok(Synced { applied: pending })
}

/// Reads where the schema stands; writes nothing.
///
/// # Errors
/// [`StoreError::Refused`] also when the database is newer than this program.
pub async fn schema_version(pool: &Pool) -> Result<SchemaVersion, StoreError> {
    let applied = Migrator::get_applied_migrations_read_only(pool).await?;
    let pending = Migrator::get_pending_migrations_read_only(pool).await?;
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
