//! Moves of instances (table `vmoves`): written by the engine, shown by the API under their notification.

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryTrait};
use themis_core::{InstanceId, NotificationId, VmoveId};
use time::OffsetDateTime;

use crate::entity::TextUuid;
use crate::entity::vmoves::{ActiveModel, Column, Entity, Model};
use crate::stamp::seconds;
use crate::store::{Page, json, page};
use crate::{EpochTxn, StoreError, VmoveKind, VmoveStatus};

const TABLE: &str = "vmoves";

/// One instance's move as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmoveRow {
    /// Masakari's integer id.
    pub id: i64,
    /// What the engine wrote.
    pub vmove: Vmove,
    /// When it was first written.
    pub created_at: Option<OffsetDateTime>,
    /// When it was last changed.
    pub updated_at: Option<OffsetDateTime>,
}

/// One instance's move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vmove {
    /// Drawn by the engine.
    pub uuid: VmoveId,
    /// The notification of its incident.
    pub notification_uuid: NotificationId,
    /// What moves.
    pub instance_uuid: InstanceId,
    /// Its name in Nova.
    pub instance_name: String,
    /// Where it ran.
    pub source_host: Option<String>,
    /// Where it goes, once known.
    pub dest_host: Option<String>,
    /// When its move began.
    pub start_time: Option<OffsetDateTime>,
    /// When it ended.
    pub end_time: Option<OffsetDateTime>,
    /// How it moves (`type`).
    pub kind: VmoveKind,
    /// How far it is.
    pub status: VmoveStatus,
    /// Why, for people.
    pub message: Option<String>,
}

/// Which vmoves a list shows. Texts are compared by the database, unvalidated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VmoveFilter {
    /// Equal to this.
    pub kind: Option<String>,
    /// Equal to this.
    pub status: Option<String>,
}

impl TryFrom<Model> for VmoveRow {
    type Error = StoreError;
    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            vmove: Vmove {
                uuid: VmoveId(row.uuid.0),
                notification_uuid: NotificationId(row.notification_uuid.0),
                instance_uuid: InstanceId(row.instance_uuid.0),
                instance_name: row.instance_name,
                source_host: row.source_host,
                dest_host: row.dest_host,
                start_time: row.start_time,
                end_time: row.end_time,
                kind: json::word(TABLE, "vmove type", row.r#type.as_deref().unwrap_or_default())?,
                status: json::word(TABLE, "vmove status", row.status.as_deref().unwrap_or_default())?,
                message: row.message,
            },
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Vmoves of a notification, one page.
///
/// # Errors
/// An unknown sort key or marker; the database's trouble.
pub async fn vmove_list(
    db: &impl ConnectionTrait,
    notification: NotificationId,
    filter: &VmoveFilter,
    page: &Page,
) -> Result<Vec<VmoveRow>, StoreError> {
    let select = Entity::find()
        .filter(Column::NotificationUuid.eq(TextUuid(notification.0)))
        .apply_if(filter.kind.as_ref(), |q, v| q.filter(Column::Type.eq(v)))
        .apply_if(filter.status.as_ref(), |q, v| q.filter(Column::Status.eq(v)));
    page::fetch(db, select, Column::Deleted.eq(0), page)
        .await?
        .into_iter()
        .map(VmoveRow::try_from)
        .collect()
}

/// One vmove, whatever its notification.
///
/// # Errors
/// The database's trouble.
pub async fn vmove_get(db: &impl ConnectionTrait, vmove: VmoveId) -> Result<Option<VmoveRow>, StoreError> {
    find(db, vmove).await?.map(VmoveRow::try_from).transpose()
}

/// Writes a vmove: new, or over the one with its id.
///
/// # Errors
/// The database's trouble.
pub async fn vmove_put_in_txn(epoch: &EpochTxn, vmove: &Vmove, at: OffsetDateTime) -> Result<(), StoreError> {
    let known = find(epoch.txn(), vmove.uuid).await?;
    let is_new = known.is_none();
    let mut row = known.map(IntoActiveModel::into_active_model).unwrap_or_default();
    row.uuid = Set(TextUuid(vmove.uuid.0));
    row.notification_uuid = Set(TextUuid(vmove.notification_uuid.0));
    row.instance_uuid = Set(TextUuid(vmove.instance_uuid.0));
    row.instance_name = Set(vmove.instance_name.clone());
    row.source_host = Set(vmove.source_host.clone());
    row.dest_host = Set(vmove.dest_host.clone());
    row.start_time = Set(vmove.start_time.map(seconds));
    row.end_time = Set(vmove.end_time.map(seconds));
    row.r#type = Set(Some(vmove.kind.name().to_owned()));
    row.status = Set(Some(vmove.status.name().to_owned()));
    row.message = Set(vmove.message.clone());
    if is_new {
        row.created_at = Set(Some(seconds(at)));
        row.deleted = Set(Some(0));
        Entity::insert::<ActiveModel>(row)
            .exec_without_returning(epoch.txn())
            .await?;
    } else {
        row.updated_at = Set(Some(seconds(at)));
        Entity::update(row).exec(epoch.txn()).await?;
    }
    Ok(())
}

async fn find(db: &impl ConnectionTrait, vmove: VmoveId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::Uuid.eq(TextUuid(vmove.0)))
        .filter(Column::Deleted.eq(0))
        .one(db)
        .await?)
}
