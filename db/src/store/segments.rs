//! Failover segments (table `failover_segments`).

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, sea_query::Expr,
};
use themis_core::{HostId, SegmentId};
use time::OffsetDateTime;

use crate::entity::TextUuid;
use crate::entity::failover_segments::{ActiveModel, Column, Entity, Model};
use crate::entity::{hosts, notifications, power_devices, segment_networks};
use crate::stamp::seconds;
use crate::store::queue::{queue_at_host, queue_at_segment};
use crate::store::{Page, json, page};
use crate::{NotificationStatus, Pool, RecoveryMethod, StoreError, Txn};

const TABLE: &str = "failover_segments";

/// A living segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRow {
    /// Masakari's integer id.
    pub id: i64,
    /// Its id everywhere else.
    pub uuid: SegmentId,
    /// Unique among the living.
    pub name: String,
    /// Free text; `COMPUTE` by custom.
    pub service_type: String,
    /// Whether its notifications are acted upon.
    pub enabled: bool,
    /// For people.
    pub description: Option<String>,
    /// How its instances are brought back.
    pub recovery_method: RecoveryMethod,
    /// When it was registered.
    pub created_at: Option<OffsetDateTime>,
    /// When it was last changed.
    pub updated_at: Option<OffsetDateTime>,
}

/// A segment to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSegment {
    /// Drawn by the caller.
    pub uuid: SegmentId,
    /// Unique among the living.
    pub name: String,
    /// Free text.
    pub service_type: String,
    /// Whether its notifications are acted upon.
    pub enabled: bool,
    /// For people.
    pub description: Option<String>,
    /// How its instances are brought back.
    pub recovery_method: RecoveryMethod,
}

/// What is to be changed; `None` leaves a column as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentChange {
    /// Unique among the living.
    pub name: Option<String>,
    /// Free text.
    pub service_type: Option<String>,
    /// Whether its notifications are acted upon.
    pub enabled: Option<bool>,
    /// `Some(None)` clears it.
    pub description: Option<Option<String>>,
    /// How its instances are brought back.
    pub recovery_method: Option<RecoveryMethod>,
}

/// Which segments a list shows. Texts are compared by the database, unvalidated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentFilter {
    /// Equal to this.
    pub recovery_method: Option<String>,
    /// Equal to this.
    pub service_type: Option<String>,
    /// Enabled or not.
    pub enabled: Option<bool>,
}

impl TryFrom<Model> for SegmentRow {
    type Error = StoreError;
    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            uuid: SegmentId(row.uuid.0),
            recovery_method: json::word(TABLE, "recovery method", &row.recovery_method)?,
            name: row.name,
            service_type: row.service_type,
            enabled: row.enabled.unwrap_or(true),
            description: row.description,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Living segments, one page.
///
/// # Errors
/// An unknown sort key or marker; the database's trouble.
pub async fn segment_list(
    db: &impl ConnectionTrait,
    filter: &SegmentFilter,
    page: &Page,
) -> Result<Vec<SegmentRow>, StoreError> {
    let select = Entity::find()
        .apply_if(filter.recovery_method.as_ref(), |q, v| {
            q.filter(Column::RecoveryMethod.eq(v))
        })
        .apply_if(filter.service_type.as_ref(), |q, v| q.filter(Column::ServiceType.eq(v)))
        .apply_if(filter.enabled, |q, v| q.filter(Column::Enabled.eq(v)));
    page::fetch(db, select, Column::Deleted.eq(0), page)
        .await?
        .into_iter()
        .map(SegmentRow::try_from)
        .collect()
}

/// All living segments.
///
/// # Errors
/// The database's trouble.
pub async fn segment_list_all(db: &impl ConnectionTrait) -> Result<Vec<SegmentRow>, StoreError> {
    living().all(db).await?.into_iter().map(SegmentRow::try_from).collect()
}

/// One living segment.
///
/// # Errors
/// The database's trouble.
pub async fn segment_get(db: &impl ConnectionTrait, segment: SegmentId) -> Result<Option<SegmentRow>, StoreError> {
    find(db, segment).await?.map(SegmentRow::try_from).transpose()
}

/// Registers a segment.
///
/// # Errors
/// [`StoreError::AlreadyExists`] when a living one has the name.
pub async fn segment_create(pool: &Pool, new: NewSegment, at: OffsetDateTime) -> Result<SegmentRow, StoreError> {
    let row = ActiveModel {
        uuid: Set(TextUuid(new.uuid.0)),
        name: Set(new.name),
        service_type: Set(new.service_type),
        enabled: Set(Some(new.enabled)),
        description: Set(new.description),
        recovery_method: Set(new.recovery_method.name().to_owned()),
        created_at: Set(Some(seconds(at))),
        deleted: Set(Some(0)),
        ..Default::default()
    };
    // What is written is read back on the same connection, or not written.
    let row = pool
        .transaction(async |txn| {
            Entity::insert(row.clone())
                .exec_with_returning(&txn)
                .await
                .map_err(|e| StoreError::unique(e, "segment"))
        })
        .await?;
    row.try_into()
}

/// Changes a segment and shows it as it is then. Its name and its method stay while it is in use; a notification that comes
/// in at the same time is before the change or after it.
///
/// # Errors
/// [`StoreError::NotFound`]; [`StoreError::AlreadyExists`] when another living one has the new name;
/// [`StoreError::InUse`] for a new name or method.
pub async fn segment_update(
    pool: &Pool,
    segment: SegmentId,
    change: SegmentChange,
    at: OffsetDateTime,
) -> Result<SegmentRow, StoreError> {
    pool.transaction(async |txn| {
        let txn = &txn;
        if change.name.is_some() || change.recovery_method.is_some() {
            queue_at_members(txn, segment).await?;
        }
        let row = find(txn, segment).await?.ok_or_else(|| not_found(segment))?;
        let touches_recovery = change.name.as_ref().is_some_and(|name| *name != row.name)
            || change
                .recovery_method
                .is_some_and(|method| method.name() != row.recovery_method);
        if touches_recovery && segment_in_use(txn, segment).await? {
            return Err(in_use(segment));
        }
        write(txn, row, change.clone(), at).await
    })
    .await
}

async fn write(
    db: &impl ConnectionTrait,
    row: Model,
    change: SegmentChange,
    at: OffsetDateTime,
) -> Result<SegmentRow, StoreError> {
    let mut row = row.into_active_model();
    row.updated_at = Set(Some(seconds(at)));
    if let Some(name) = change.name {
        row.name = Set(name);
    }
    if let Some(service_type) = change.service_type {
        row.service_type = Set(service_type);
    }
    if let Some(enabled) = change.enabled {
        row.enabled = Set(Some(enabled));
    }
    if let Some(description) = change.description {
        row.description = Set(description);
    }
    if let Some(method) = change.recovery_method {
        row.recovery_method = Set(method.name().to_owned());
    }
    let row = Entity::update(row)
        .exec(db)
        .await
        .map_err(|e| StoreError::unique(e, "segment"))?;
    row.try_into()
}

/// Deletes a segment softly, with all its hosts, their power devices and its network table. Not while it is in use; a
/// notification that comes in at the same time is before it or after it.
///
/// # Errors
/// [`StoreError::NotFound`]; [`StoreError::InUse`].
pub async fn segment_delete(pool: &Pool, segment: SegmentId, at: OffsetDateTime) -> Result<(), StoreError> {
    pool.transaction(async |txn| {
        let txn = &txn;
        let of_segment = hosts::Column::FailoverSegmentId.eq(TextUuid(segment.0));
        let members = queue_at_members(txn, segment).await?;
        if segment_in_use(txn, segment).await? {
            return Err(in_use(segment));
        }
        let gone = Entity::update_many()
            .col_expr(Column::Deleted, Expr::col(Column::Id))
            .col_expr(Column::DeletedAt, Expr::value(seconds(at)))
            .filter(Column::Uuid.eq(TextUuid(segment.0)))
            .filter(Column::Deleted.eq(0))
            .exec(txn)
            .await?;
        if gone.rows_affected == 0 {
            return Err(not_found(segment));
        }
        hosts::Entity::update_many()
            .col_expr(hosts::Column::Deleted, Expr::col(hosts::Column::Id))
            .col_expr(hosts::Column::DeletedAt, Expr::value(seconds(at)))
            .filter(of_segment)
            .filter(hosts::Column::Deleted.eq(0))
            .exec(txn)
            .await?;
        power_devices::Entity::delete_many()
            .filter(power_devices::Column::HostUuid.is_in(members))
            .exec(txn)
            .await?;
        segment_networks::Entity::delete_many()
            .filter(segment_networks::Column::SegmentUuid.eq(TextUuid(segment.0)))
            .exec(txn)
            .await?;
        Ok(())
    })
    .await
}

/// Whether a living host of the segment has a notification that is `new`, `running` or `error` (Masakari's in-use rule).
///
/// # Errors
/// The database's trouble.
pub async fn segment_in_use(db: &impl ConnectionTrait, segment: SegmentId) -> Result<bool, StoreError> {
    let members = hosts::Entity::find()
        .select_only()
        .column(hosts::Column::Uuid)
        .filter(hosts::Column::FailoverSegmentId.eq(TextUuid(segment.0)))
        .filter(hosts::Column::Deleted.eq(0))
        .into_query();
    let unsettled = [
        NotificationStatus::New,
        NotificationStatus::Running,
        NotificationStatus::Error,
    ];
    let one = notifications::Entity::find()
        .filter(notifications::Column::SourceHostUuid.in_subquery(members))
        .filter(notifications::Column::Status.is_in(unsettled.map(NotificationStatus::name)))
        .filter(notifications::Column::Deleted.eq(0))
        .limit(1)
        .one(db)
        .await?;
    Ok(one.is_some())
}

/// Waits for its turn among all that concerns a segment and the notifications of its living hosts, which it gives.
async fn queue_at_members(txn: &Txn, segment: SegmentId) -> Result<Vec<TextUuid>, StoreError> {
    queue_at_segment(txn, segment).await?;
    let members: Vec<TextUuid> = hosts::Entity::find()
        .select_only()
        .column(hosts::Column::Uuid)
        .filter(hosts::Column::FailoverSegmentId.eq(TextUuid(segment.0)))
        .filter(hosts::Column::Deleted.eq(0))
        .order_by_asc(hosts::Column::Uuid)
        // A locking read fixes no moment: the look at what is in use, after the queues, must not be of an earlier one.
        .lock_exclusive()
        .into_tuple()
        .all(txn)
        .await?;
    for member in &members {
        queue_at_host(txn, HostId(member.0)).await?;
    }
    Ok(members)
}

fn living() -> sea_orm::Select<Entity> {
    Entity::find().filter(Column::Deleted.eq(0))
}

async fn find(db: &impl ConnectionTrait, segment: SegmentId) -> Result<Option<Model>, StoreError> {
    Ok(living().filter(Column::Uuid.eq(TextUuid(segment.0))).one(db).await?)
}

fn not_found(segment: SegmentId) -> StoreError {
    StoreError::NotFound {
        what: "segment",
        id: segment.to_string(),
    }
}

fn in_use(segment: SegmentId) -> StoreError {
    StoreError::InUse {
        what: "segment",
        id: segment.to_string(),
    }
}
