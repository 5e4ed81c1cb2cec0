//! Compute hosts (table `hosts`).

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryTrait,
    sea_query::Expr,
};
use themis_core::{HostId, SegmentId};
use time::OffsetDateTime;

use crate::entity::TextUuid;
use crate::entity::hosts::{ActiveModel, Column, Entity, Model};
use crate::entity::{failover_segments, power_devices};
use crate::stamp::seconds;
use crate::store::queue::{queue_at_host, queue_at_segment};
use crate::store::segments::segment_in_use;
use crate::store::{Page, page};
use crate::{EpochTxn, Pool, StoreError};

/// A living host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRow {
    /// Masakari's integer id.
    pub id: i64,
    /// Its id everywhere else.
    pub uuid: HostId,
    /// As Nova's service host names it; unique among the living of all segments.
    pub name: String,
    /// The segment it belongs to (`failover_segment_id`).
    pub segment_uuid: SegmentId,
    /// Free text of letters and digits (`type`).
    pub host_type: String,
    /// Whether it is kept free for the instances of others.
    pub reserved: bool,
    /// Free text, or a power device as a URL.
    pub control_attributes: String,
    /// Whether its notifications are ignored.
    pub on_maintenance: bool,
    /// When it was registered.
    pub created_at: Option<OffsetDateTime>,
    /// When it was last changed.
    pub updated_at: Option<OffsetDateTime>,
}

/// A host to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHost {
    /// Drawn by the caller.
    pub uuid: HostId,
    /// As Nova's service host names it.
    pub name: String,
    /// The segment it belongs to.
    pub segment_uuid: SegmentId,
    /// Free text of letters and digits.
    pub host_type: String,
    /// Whether it is kept free for the instances of others.
    pub reserved: bool,
    /// Free text, or a power device as a URL.
    pub control_attributes: String,
    /// Whether its notifications are ignored.
    pub on_maintenance: bool,
}

/// What is to be changed; `None` leaves a column as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostChange {
    /// Unique among the living of all segments.
    pub name: Option<String>,
    /// Free text of letters and digits.
    pub host_type: Option<String>,
    /// Whether it is kept free for the instances of others.
    pub reserved: Option<bool>,
    /// Free text, or a power device as a URL.
    pub control_attributes: Option<String>,
    /// Whether its notifications are ignored.
    pub on_maintenance: Option<bool>,
}

/// Which hosts a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostFilter {
    /// Of this segment.
    pub segment_uuid: Option<SegmentId>,
    /// Equal to this; compared by the database.
    pub host_type: Option<String>,
    /// Under maintenance or not.
    pub on_maintenance: Option<bool>,
    /// Reserved or not.
    pub reserved: Option<bool>,
}

impl From<Model> for HostRow {
    fn from(row: Model) -> Self {
        Self {
            id: row.id.into(),
            uuid: HostId(row.uuid.0),
            name: row.name,
            segment_uuid: SegmentId(row.failover_segment_id.0),
            host_type: row.r#type,
            reserved: row.reserved.unwrap_or(false),
            control_attributes: row.control_attributes,
            on_maintenance: row.on_maintenance.unwrap_or(false),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Living hosts, one page.
///
/// # Errors
/// An unknown sort key or marker; the database's trouble.
pub async fn host_list(
    db: &impl ConnectionTrait,
    filter: &HostFilter,
    page: &Page,
) -> Result<Vec<HostRow>, StoreError> {
    let select = Entity::find()
        .apply_if(filter.segment_uuid, |q, v| {
            q.filter(Column::FailoverSegmentId.eq(TextUuid(v.0)))
        })
        .apply_if(filter.host_type.as_ref(), |q, v| q.filter(Column::Type.eq(v)))
        .apply_if(filter.on_maintenance, |q, v| q.filter(Column::OnMaintenance.eq(v)))
        .apply_if(filter.reserved, |q, v| q.filter(Column::Reserved.eq(v)));
    Ok(page::fetch(db, select, Column::Deleted.eq(0), page)
        .await?
        .into_iter()
        .map(HostRow::from)
        .collect())
}

/// All living hosts of all segments.
///
/// # Errors
/// The database's trouble.
pub async fn host_list_all(db: &impl ConnectionTrait) -> Result<Vec<HostRow>, StoreError> {
    Ok(living().all(db).await?.into_iter().map(HostRow::from).collect())
}

/// One living host.
///
/// # Errors
/// The database's trouble.
pub async fn host_get(db: &impl ConnectionTrait, host: HostId) -> Result<Option<HostRow>, StoreError> {
    Ok(find(db, host).await?.map(HostRow::from))
}

/// The living host of exactly this name.
///
/// # Errors
/// The database's trouble.
pub async fn host_find_by_name(db: &impl ConnectionTrait, name: &str) -> Result<Option<HostRow>, StoreError> {
    // The column compares without regard to case and trailing spaces; a host name is exact.
    Ok(living()
        .filter(Column::Name.eq(name))
        .one(db)
        .await?
        .filter(|row| row.name == name)
        .map(HostRow::from))
}

/// Registers a host in a living segment.
///
/// # Errors
/// [`StoreError::NotFound`] for the segment; [`StoreError::AlreadyExists`] when a living host of any segment has the name.
pub async fn host_create(pool: &Pool, new: NewHost, at: OffsetDateTime) -> Result<HostRow, StoreError> {
    pool.transaction(async |txn| {
        let txn = &txn;
        // The segment cannot be deleted between this look and the insert.
        queue_at_segment(txn, new.segment_uuid).await?;
        failover_segments::Entity::find()
            .filter(failover_segments::Column::Uuid.eq(TextUuid(new.segment_uuid.0)))
            .filter(failover_segments::Column::Deleted.eq(0))
            .one(txn)
            .await?
            .ok_or_else(|| StoreError::NotFound {
                what: "segment",
                id: new.segment_uuid.to_string(),
            })?;
        let row = ActiveModel {
            uuid: Set(TextUuid(new.uuid.0)),
            name: Set(new.name.clone()),
            failover_segment_id: Set(TextUuid(new.segment_uuid.0)),
            r#type: Set(new.host_type.clone()),
            reserved: Set(Some(new.reserved)),
            control_attributes: Set(new.control_attributes.clone()),
            on_maintenance: Set(Some(new.on_maintenance)),
            created_at: Set(Some(seconds(at))),
            deleted: Set(Some(0)),
            ..Default::default()
        };
        let row = Entity::insert(row)
            .exec_with_returning(txn)
            .await
            .map_err(|e| StoreError::unique(e, "host"))?;
        Ok(row.into())
    })
    .await
}

/// Changes a host and shows it as it is then. Its name stays while its segment is in use; a notification of the host that
/// comes in at the same time is before the change or after it.
///
/// # Errors
/// [`StoreError::NotFound`]; [`StoreError::AlreadyExists`] when another living host has the new name;
/// [`StoreError::InUse`] for a new name.
pub async fn host_update(
    pool: &Pool,
    host: HostId,
    change: HostChange,
    at: OffsetDateTime,
) -> Result<HostRow, StoreError> {
    pool.transaction(async |txn| {
        let txn = &txn;
        if change.name.is_some() {
            // Before anything is read, or the look at what is in use would be of an earlier moment.
            queue_at_host(txn, host).await?;
        }
        let row = find(txn, host).await?.ok_or_else(|| not_found(host))?;
        let renames = change.name.as_ref().is_some_and(|name| *name != row.name);
        if renames && segment_in_use(txn, SegmentId(row.failover_segment_id.0)).await? {
            return Err(in_use(host));
        }
        write(txn, row, change.clone(), at).await
    })
    .await
}

async fn write(
    db: &impl ConnectionTrait,
    row: Model,
    change: HostChange,
    at: OffsetDateTime,
) -> Result<HostRow, StoreError> {
    let mut row = row.into_active_model();
    row.updated_at = Set(Some(seconds(at)));
    if let Some(name) = change.name {
        row.name = Set(name);
    }
    if let Some(host_type) = change.host_type {
        row.r#type = Set(host_type);
    }
    if let Some(reserved) = change.reserved {
        row.reserved = Set(Some(reserved));
    }
    if let Some(attributes) = change.control_attributes {
        row.control_attributes = Set(attributes);
    }
    if let Some(on_maintenance) = change.on_maintenance {
        row.on_maintenance = Set(Some(on_maintenance));
    }
    let row = Entity::update(row)
        .exec(db)
        .await
        .map_err(|e| StoreError::unique(e, "host"))?;
    Ok(row.into())
}

/// Deletes a host softly, and its power devices, so that they can be registered again. Not while its segment is in use;
/// a notification that comes in at the same time is before it or after it.
///
/// # Errors
/// [`StoreError::NotFound`]; [`StoreError::InUse`].
pub async fn host_delete(pool: &Pool, host: HostId, at: OffsetDateTime) -> Result<(), StoreError> {
    pool.transaction(async |txn| {
        let txn = &txn;
        queue_at_host(txn, host).await?;
        let row = find(txn, host).await?.ok_or_else(|| not_found(host))?;
        if segment_in_use(txn, SegmentId(row.failover_segment_id.0)).await? {
            return Err(in_use(host));
        }
        let gone = Entity::update_many()
            .col_expr(Column::Deleted, Expr::col(Column::Id))
            .col_expr(Column::DeletedAt, Expr::value(seconds(at)))
            .filter(Column::Uuid.eq(TextUuid(host.0)))
            .filter(Column::Deleted.eq(0))
            .exec(txn)
            .await?;
        if gone.rows_affected == 0 {
            return Err(not_found(host));
        }
        power_devices::Entity::delete_many()
            .filter(power_devices::Column::HostUuid.eq(TextUuid(host.0)))
            .exec(txn)
            .await?;
        Ok(())
    })
    .await
}

/// Sets `on_maintenance` and `reserved` of a host during a recovery.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn host_flags_in_txn(
    epoch: &EpochTxn,
    host: HostId,
    on_maintenance: Option<bool>,
    reserved: Option<bool>,
    at: OffsetDateTime,
) -> Result<HostRow, StoreError> {
    let row = find(epoch.txn(), host).await?.ok_or_else(|| not_found(host))?;
    let change = HostChange {
        on_maintenance,
        reserved,
        ..HostChange::default()
    };
    write(epoch.txn(), row, change, at).await
}

fn living() -> sea_orm::Select<Entity> {
    Entity::find().filter(Column::Deleted.eq(0))
}

async fn find(db: &impl ConnectionTrait, host: HostId) -> Result<Option<Model>, StoreError> {
    Ok(living().filter(Column::Uuid.eq(TextUuid(host.0))).one(db).await?)
}

fn not_found(host: HostId) -> StoreError {
    StoreError::NotFound {
        what: "host",
        id: host.to_string(),
    }
}

fn in_use(host: HostId) -> StoreError {
    StoreError::InUse {
        what: "host",
        id: host.to_string(),
    }
}
