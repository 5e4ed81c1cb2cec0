//! Pointing Themis at the database that Masakari used: `db sync` takes its tables as they are when they have the newest
//! shape, and adds Themis's beside them. Masakari's services must have ended for good: nothing keeps two engines that
//! work on one table from evacuating the same instances.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, Statement,
};
use time::OffsetDateTime;

use super::shape::Shape;
use super::{abandoned, is_unfinished};
use crate::entity::notifications::{ActiveModel, Column, Entity};
use crate::schema::schema_version;
use crate::stamp::seconds;
use crate::{NotificationStatus, Pool, StoreError};

/// What was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Takeover {
    /// Masakari's name for the schema.
    pub version: String,
    /// Notifications that Masakari had not finished; they are `failed` now.
    pub abandoned: Vec<Abandoned>,
    /// Other connections to this database that the account may see: is Masakari still running?
    pub connections: u64,
}

/// A notification that Masakari had not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abandoned {
    /// Its `notification_uuid`.
    pub uuid: String,
    /// The host's uuid.
    pub host: String,
    /// Its type, as stored.
    pub kind: String,
    /// Where Masakari had it.
    pub status: NotificationStatus,
}

/// Refuses tables of the four names that Themis cannot work on. A database that `db sync` has once begun with is ours.
///
/// # Errors
/// [`StoreError::ForeignSchema`] names every difference; the database's trouble.
pub async fn check(pool: &Pool) -> Result<Shape, StoreError> {
    let shape = Shape::read(pool).await?;
    let differences = shape.differences();
    if differences.is_empty() {
        return Ok(shape);
    }
    Err(StoreError::ForeignSchema {
        version: shape.version.unwrap_or_else(|| "none".to_owned()),
        differences,
    })
}

/// Before the first `db sync` of a database with Masakari's tables: settles what Masakari had not finished. `None` when
/// there is nothing to take over. May be run again.
///
/// # Errors
/// As [`check`].
pub async fn take_over(pool: &Pool, at: OffsetDateTime) -> Result<Option<Takeover>, StoreError> {
    if pool.get_database_backend() != DbBackend::MySql || schema_version(pool).await?.database.is_some() {
        return Ok(None);
    }
    let Some(version) = check(pool).await?.version else {
        return Ok(None);
    };
    let connections = other_connections(pool).await?;
    let abandoned = pool.transaction(async |txn| settle(&txn, at).await).await?;
    Ok(Some(Takeover {
        version,
        abandoned,
        connections,
    }))
}

async fn settle(db: &impl ConnectionTrait, at: OffsetDateTime) -> Result<Vec<Abandoned>, StoreError> {
    let unfinished = NotificationStatus::ALL.iter().filter(|status| is_unfinished(**status));
    let rows = Entity::find()
        .filter(Column::Status.is_in(unfinished.map(|status| status.name())))
        .filter(Column::Deleted.eq(0))
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    let mut settled = Vec::with_capacity(rows.len());
    for row in rows {
        let status = crate::store::notifications::status_of(&row)?;
        settled.push(Abandoned {
            uuid: row.notification_uuid.to_string(),
            host: row.source_host_uuid.to_string(),
            kind: row.r#type.clone(),
            status,
        });
        let failed = ActiveModel {
            id: sea_orm::ActiveValue::Unchanged(row.id),
            status: sea_orm::ActiveValue::Set(NotificationStatus::Failed.name().to_owned()),
            message: sea_orm::ActiveValue::Set(Some(abandoned(status))),
            updated_at: sea_orm::ActiveValue::Set(Some(seconds(at))),
            ..Default::default()
        };
        Entity::update(failed).exec(db).await?;
    }
    Ok(settled)
}

/// Connections to this database beside those of this program. An account without the privilege PROCESS sees its own only.
///
/// # Errors
/// The database's trouble.
pub async fn other_connections(db: &impl ConnectionTrait) -> Result<u64, StoreError> {
    #[derive(FromQueryResult)]
    struct Count {
        n: i64,
    }
    // One program's connections come from one address; ours are told apart by their ports, so count programs of others
    // by what they run: a connection that is not this session and was not opened by this process.
    let sql = "SELECT CAST(COUNT(*) AS SIGNED) AS n FROM information_schema.processlist \
         WHERE db = DATABASE() AND id <> CONNECTION_ID() AND time > 0";
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let count = Count::find_by_statement(statement).one(db).await?;
    Ok(count.map_or(0, |count| u64::try_from(count.n).unwrap_or(0)))
}
