//! Notifications (table `notifications`): what monitors and operators reported, and what became of it. How a posted one
//! gets in is told in [`super::intake`].

use std::time::Duration;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, Order, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, sea_query::Expr,
};
use serde_json::Value;
use themis_core::{HostId, NotificationId, SegmentId};
use time::OffsetDateTime;

use crate::entity::TextUuid;
use crate::entity::notifications::{ActiveModel, Column, Entity, Model};
use crate::stamp::seconds;
use crate::store::{Page, json, page};
use crate::{EpochTxn, NotificationKind, NotificationStatus, StoreError};

const TABLE: &str = "notifications";

/// Rows that a duplicate check looks at, those that are spelt alike first: some seconds at the worst.
const DUPLICATE_CANDIDATES: u64 = 100_000;

/// Payloads that a duplicate check holds in memory at a time.
const PAYLOADS_AT_ONCE: usize = 500;

/// A notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationRow {
    /// Masakari's integer id.
    pub id: i64,
    /// Its id everywhere else (`notification_uuid`).
    pub uuid: NotificationId,
    /// When the reporter saw it.
    pub generated_time: OffsetDateTime,
    /// The host it is about.
    pub source_host_uuid: HostId,
    /// What it is about (`type`).
    pub kind: NotificationKind,
    /// As posted; an object.
    pub payload: Value,
    /// How far it is.
    pub status: NotificationStatus,
    /// The host's segment at that time.
    pub segment_uuid: Option<SegmentId>,
    /// Why it stands where it stands, for people.
    pub message: Option<String>,
    /// When it was accepted.
    pub created_at: Option<OffsetDateTime>,
    /// When it was last changed.
    pub updated_at: Option<OffsetDateTime>,
}

/// A notification to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotification {
    /// Drawn by the caller.
    pub uuid: NotificationId,
    /// When the reporter saw it.
    pub generated_time: OffsetDateTime,
    /// The host it is about.
    pub source_host_uuid: HostId,
    /// What it is about.
    pub kind: NotificationKind,
    /// As posted; an object.
    pub payload: Value,
    /// `new` when posted; `running` when the engine writes it for its own incident.
    pub status: NotificationStatus,
    /// The host's segment.
    pub segment_uuid: SegmentId,
    /// Why it stands where it stands.
    pub message: Option<String>,
}

/// Which notifications a list shows. Texts are compared by the database, unvalidated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotificationFilter {
    /// Equal to this.
    pub status: Option<String>,
    /// Equal to this.
    pub kind: Option<String>,
    /// Equal to this.
    pub source_host_uuid: Option<String>,
    /// Seen then or later.
    pub generated_since: Option<OffsetDateTime>,
}

impl TryFrom<Model> for NotificationRow {
    type Error = StoreError;
    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            uuid: NotificationId(row.notification_uuid.0),
            generated_time: row.generated_time,
            source_host_uuid: HostId(row.source_host_uuid.0),
            kind: json::word(TABLE, "notification type", &row.r#type)?,
            payload: json::read_optional(TABLE, "payload", row.payload.as_deref())?.unwrap_or(Value::Null),
            status: json::word(TABLE, "notification status", &row.status)?,
            segment_uuid: row.failover_segment_uuid.map(|uuid| SegmentId(uuid.0)),
            message: row.message,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Notifications, one page.
///
/// # Errors
/// An unknown sort key or marker; the database's trouble.
pub async fn notification_list(
    db: &impl ConnectionTrait,
    filter: &NotificationFilter,
    page: &Page,
) -> Result<Vec<NotificationRow>, StoreError> {
    let select = Entity::find()
        .apply_if(filter.status.as_ref(), |q, v| q.filter(Column::Status.eq(v)))
        .apply_if(filter.kind.as_ref(), |q, v| q.filter(Column::Type.eq(v)))
        .apply_if(filter.source_host_uuid.as_ref(), |q, v| {
            q.filter(Expr::col(Column::SourceHostUuid).eq(v))
        })
        .apply_if(filter.generated_since, |q, v| q.filter(Column::GeneratedTime.gte(v)));
    page::fetch(db, select, Column::Deleted.eq(0), page)
        .await?
        .into_iter()
        .map(NotificationRow::try_from)
        .collect()
}

/// One notification.
///
/// # Errors
/// The database's trouble.
pub async fn notification_get(
    db: &impl ConnectionTrait,
    notification: NotificationId,
) -> Result<Option<NotificationRow>, StoreError> {
    let row = Entity::find()
        .filter(Column::NotificationUuid.eq(TextUuid(notification.0)))
        .filter(Column::Deleted.eq(0))
        .one(db)
        .await?;
    row.map(NotificationRow::try_from).transpose()
}

/// The oldest notifications in status `new`; those about hosts first, so that a flood about instances delays none.
///
/// # Errors
/// The database's trouble.
pub async fn notification_list_new(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<NotificationRow>, StoreError> {
    let rows = Entity::find()
        .filter(Column::Status.eq(NotificationStatus::New.name()))
        .filter(Column::Deleted.eq(0))
        // COMPUTE_HOST, PROCESS, VM.
        .order_by_asc(Column::Type)
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter().map(NotificationRow::try_from).collect()
}

/// The oldest notifications about instances and processes that an engine took up and has not ended: `running` or `error`.
///
/// # Errors
/// The database's trouble.
pub async fn notification_list_taken_up(
    db: &impl ConnectionTrait,
    limit: u64,
) -> Result<Vec<NotificationRow>, StoreError> {
    let statuses = [NotificationStatus::Running, NotificationStatus::Error];
    let kinds = [NotificationKind::Vm, NotificationKind::Process];
    let rows = Entity::find()
        .filter(Column::Status.is_in(statuses.map(NotificationStatus::name)))
        .filter(Column::Type.is_in(kinds.map(NotificationKind::name)))
        .filter(Column::Deleted.eq(0))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter().map(NotificationRow::try_from).collect()
}

/// A notification, of any status, that says the same as `new`: equal type, host and payload object, seen not earlier than
/// `window` before it. There is no upper bound: an older report that arrives late is a duplicate too.
///
/// # Errors
/// The database's trouble.
pub async fn notification_duplicate(
    db: &impl ConnectionTrait,
    new: &NewNotification,
    window: Duration,
) -> Result<Option<NotificationId>, StoreError> {
    // The database knows texts, not objects: one with its keys in another order says the same.
    let alike = Expr::col(Column::Payload).eq(json::write_ascii(TABLE, "payload", &new.payload)?);
    let candidates: Vec<i32> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::SourceHostUuid.eq(TextUuid(new.source_host_uuid.0)))
        .filter(Column::Type.eq(new.kind.name()))
        .filter(Column::GeneratedTime.gte(seconds(new.generated_time - window)))
        .filter(Column::Deleted.eq(0))
        .order_by(alike, Order::Desc)
        .order_by_desc(Column::Id)
        .limit(DUPLICATE_CANDIDATES)
        .into_tuple()
        .all(db)
        .await?;
    for ids in candidates.chunks(PAYLOADS_AT_ONCE) {
        let rows: Vec<(TextUuid, Option<String>)> = Entity::find()
            .select_only()
            .column(Column::NotificationUuid)
            .column(Column::Payload)
            .filter(Column::Id.is_in(ids.iter().copied()))
            .order_by_desc(Column::Id)
            .into_tuple()
            .all(db)
            .await?;
        for (uuid, payload) in rows {
            if json::read_optional::<Value>(TABLE, "payload", payload.as_deref())?.as_ref() == Some(&new.payload) {
                return Ok(Some(NotificationId(uuid.0)));
            }
        }
    }
    Ok(None)
}

/// Stores a notification that the engine makes for its own incident.
///
/// # Errors
/// [`StoreError::AlreadyExists`] for the id; the database's trouble.
pub async fn notification_create_in_txn(
    epoch: &EpochTxn,
    new: &NewNotification,
    at: OffsetDateTime,
) -> Result<NotificationRow, StoreError> {
    insert(epoch.txn(), new, at).await
}

/// Stores a notification without looking for duplicates.
///
/// # Errors
/// [`StoreError::AlreadyExists`] for the id; the database's trouble.
pub async fn notification_create(
    db: &impl ConnectionTrait,
    new: &NewNotification,
    at: OffsetDateTime,
) -> Result<NotificationRow, StoreError> {
    insert(db, new, at).await
}

async fn insert(
    db: &impl ConnectionTrait,
    new: &NewNotification,
    at: OffsetDateTime,
) -> Result<NotificationRow, StoreError> {
    let row = ActiveModel {
        notification_uuid: Set(TextUuid(new.uuid.0)),
        generated_time: Set(seconds(new.generated_time)),
        source_host_uuid: Set(TextUuid(new.source_host_uuid.0)),
        r#type: Set(new.kind.name().to_owned()),
        payload: Set(Some(json::write_ascii(TABLE, "payload", &new.payload)?)),
        status: Set(new.status.name().to_owned()),
        failover_segment_uuid: Set(Some(TextUuid(new.segment_uuid.0))),
        message: Set(new.message.clone()),
        created_at: Set(Some(seconds(at))),
        deleted: Set(Some(0)),
        ..Default::default()
    };
    let row = Entity::insert(row)
        .exec_with_returning(db)
        .await
        .map_err(|e| StoreError::unique(e, "notification"))?;
    row.try_into()
}

/// Sets status and message of a notification.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn notification_status_in_txn(
    epoch: &EpochTxn,
    notification: NotificationId,
    status: NotificationStatus,
    message: Option<&str>,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    let changed = Entity::update_many()
        .col_expr(Column::Status, Expr::value(status.name()))
        .col_expr(Column::Message, Expr::value(message.map(str::to_owned)))
        .col_expr(Column::UpdatedAt, Expr::value(seconds(at)))
        .filter(Column::NotificationUuid.eq(TextUuid(notification.0)))
        .filter(Column::Deleted.eq(0))
        .exec(epoch.txn())
        .await?;
    match changed.rows_affected {
        0 => Err(StoreError::NotFound {
            what: "notification",
            id: notification.to_string(),
        }),
        _ => Ok(()),
    }
}
