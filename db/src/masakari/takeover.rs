//! Pointing Themis at the database that Masakari used: `db sync` takes its tables as they are when they have the newest
//! shape, and adds Themis's beside them. Masakari's services must have ended for good: nothing keeps two engines that
//! work on one table from evacuating the same instances.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement,
};
use time::OffsetDateTime;

use super::shape::Shape;
use super::{abandoned, is_unfinished};
use crate::entity::notifications::{Column, Entity, Model};
use crate::schema::schema_version;
use crate::stamp::seconds;
use crate::{NotificationStatus, Pool, StoreError, Txn};

/// Notifications that are named; the rest is counted.
pub const ABANDONED_MAX: u64 = 500;

/// What was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Takeover {
    /// Masakari's name for the schema.
    pub version: String,
    /// Notifications that Masakari had not finished, the first [`ABANDONED_MAX`]; they are `failed` now.
    pub abandoned: Vec<Abandoned>,
    /// How many more there were.
    pub more: u64,
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

impl Abandoned {
    /// What a row was before it was settled.
    fn of(row: &Model) -> Option<Self> {
        let status = unfinished().find(|status| row.message.as_deref() == Some(abandoned(*status).as_str()))?;
        Some(Self {
            uuid: row.notification_uuid.to_string(),
            host: row.source_host_uuid.to_string(),
            kind: row.r#type.clone(),
            status,
        })
    }
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
    match pool.transaction(async |txn| settle(&txn, at).await).await {
        Ok((abandoned, more)) => Ok(Some(Takeover {
            version,
            abandoned,
            more,
            connections,
        })),
        Err(StoreError::Stale { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Settles all at once, and names the first of them, those of a run that died before it could tell included.
/// [`StoreError::Stale`]: another `db sync` has begun meanwhile, and what is unfinished now may be Themis's own.
async fn settle(txn: &Txn, at: OffsetDateTime) -> Result<(Vec<Abandoned>, u64), StoreError> {
    for status in unfinished() {
        Entity::update_many()
            .col_expr(Column::Status, Expr::value(NotificationStatus::Failed.name()))
            .col_expr(Column::Message, Expr::value(abandoned(status)))
            .col_expr(Column::UpdatedAt, Expr::value(seconds(at)))
            .filter(Column::Status.eq(status.name()))
            .filter(Column::Deleted.eq(0))
            .exec(txn)
            .await?;
    }
    // The first read of this transaction, after its writes: what they met was there before, and none of Themis's daemons
    // works on a database whose first step is not recorded.
    if let Some(id) = schema_version(txn).await?.database {
        return Err(StoreError::Stale { what: "schema", id });
    }
    let settled = Column::Message.is_in(unfinished().map(abandoned));
    let count = Entity::find().filter(settled.clone()).count(txn).await?;
    let rows = Entity::find()
        .filter(settled)
        .order_by_asc(Column::Id)
        .limit(ABANDONED_MAX)
        .all(txn)
        .await?;
    let named: Vec<Abandoned> = rows.iter().filter_map(Abandoned::of).collect();
    let more = count.saturating_sub(u64::try_from(named.len()).unwrap_or(count));
    Ok((named, more))
}

fn unfinished() -> impl Iterator<Item = NotificationStatus> {
    let all = NotificationStatus::ALL.iter().copied();
    all.filter(|status| is_unfinished(*status))
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
