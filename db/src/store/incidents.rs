//! Incidents (table `incidents`): one host's story each, from the first suspicion to its end.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use themis_core::{HostId, IncidentId, NotificationId, Reason, SegmentId};
use time::OffsetDateTime;

use crate::entity::TextUuid;
use crate::entity::incidents::{ActiveModel, Column, Entity, Model};
use crate::stamp::micros;
use crate::store::json;
use crate::{EpochTxn, IncidentStatus, StoreError};

const TABLE: &str = "incidents";

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentRow {
    /// Grows with time; gaps mean nothing.
    pub id: i64,
    /// Its id everywhere else.
    pub uuid: IncidentId,
    /// Whose story.
    pub host_uuid: HostId,
    /// The host's name at that time.
    pub host_name: String,
    /// The host's segment at that time.
    pub segment_uuid: SegmentId,
    /// Its COMPUTE_HOST notification.
    pub notification_uuid: Option<NotificationId>,
    /// Whether it goes on.
    pub status: IncidentStatus,
    /// How it ended, as a code.
    pub outcome: Option<String>,
    /// Where it stands, or what came of it.
    pub summary: Option<Reason>,
    /// When it began.
    pub opened_at: OffsetDateTime,
    /// When it ended.
    pub closed_at: Option<OffsetDateTime>,
}

/// An incident to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIncident {
    /// Drawn by the engine.
    pub uuid: IncidentId,
    /// Whose story.
    pub host_uuid: HostId,
    /// The host's name.
    pub host_name: String,
    /// The host's segment.
    pub segment_uuid: SegmentId,
    /// Its COMPUTE_HOST notification.
    pub notification_uuid: Option<NotificationId>,
    /// Why it was opened.
    pub summary: Option<Reason>,
    /// When it begins.
    pub opened_at: OffsetDateTime,
}

/// What is to be changed; `None` leaves a column as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncidentChange {
    /// Its COMPUTE_HOST notification.
    pub notification_uuid: Option<NotificationId>,
    /// Where it stands.
    pub summary: Option<Reason>,
}

/// Which incidents a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncidentFilter {
    /// Of this host.
    pub host_uuid: Option<HostId>,
    /// Of the host that had this name.
    pub host_name: Option<String>,
    /// Open or closed.
    pub status: Option<IncidentStatus>,
    /// Of this notification.
    pub notification_uuid: Option<NotificationId>,
}

impl TryFrom<Model> for IncidentRow {
    type Error = StoreError;
    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            uuid: IncidentId(row.uuid.0),
            host_uuid: HostId(row.host_uuid.0),
            host_name: row.host_name,
            segment_uuid: SegmentId(row.segment_uuid.0),
            notification_uuid: row.notification_uuid.map(|uuid| NotificationId(uuid.0)),
            status: json::word(TABLE, "incident status", &row.status)?,
            outcome: row.outcome,
            summary: json::read_optional(TABLE, "summary", row.summary.as_deref())?,
            opened_at: row.opened_at,
            closed_at: row.closed_at,
        })
    }
}

/// Incidents, newest first.
///
/// # Errors
/// The database's trouble.
pub async fn incident_list(
    db: &impl ConnectionTrait,
    filter: &IncidentFilter,
    limit: u64,
) -> Result<Vec<IncidentRow>, StoreError> {
    let rows = Entity::find()
        .apply_if(filter.host_uuid, |q, v| q.filter(Column::HostUuid.eq(TextUuid(v.0))))
        .apply_if(filter.host_name.as_ref(), |q, v| q.filter(Column::HostName.eq(v)))
        .apply_if(filter.status, |q, v| q.filter(Column::Status.eq(v.name())))
        .apply_if(filter.notification_uuid, |q, v| {
            q.filter(Column::NotificationUuid.eq(TextUuid(v.0)))
        })
        .order_by_desc(Column::OpenedAt)
        .order_by_desc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter().map(IncidentRow::try_from).collect()
}

/// One incident.
///
/// # Errors
/// The database's trouble.
pub async fn incident_get(db: &impl ConnectionTrait, incident: IncidentId) -> Result<Option<IncidentRow>, StoreError> {
    let row = Entity::find()
        .filter(Column::Uuid.eq(TextUuid(incident.0)))
        .one(db)
        .await?;
    row.map(IncidentRow::try_from).transpose()
}

/// All incidents that go on, oldest first.
///
/// # Errors
/// The database's trouble.
pub async fn incident_list_open(db: &impl ConnectionTrait) -> Result<Vec<IncidentRow>, StoreError> {
    let open = Entity::find().filter(Column::Status.eq(IncidentStatus::Open.name()));
    open.order_by_asc(Column::Id)
        .all(db)
        .await?
        .into_iter()
        .map(IncidentRow::try_from)
        .collect()
}

/// Opens an incident.
///
/// # Errors
/// [`StoreError::AlreadyExists`] for the id.
pub async fn incident_open_in_txn(epoch: &EpochTxn, new: &NewIncident) -> Result<(), StoreError> {
    let row = ActiveModel {
        uuid: Set(TextUuid(new.uuid.0)),
        host_uuid: Set(TextUuid(new.host_uuid.0)),
        host_name: Set(new.host_name.clone()),
        segment_uuid: Set(TextUuid(new.segment_uuid.0)),
        notification_uuid: Set(new.notification_uuid.map(|id| TextUuid(id.0))),
        status: Set(IncidentStatus::Open.name().to_owned()),
        summary: Set(new
            .summary
            .as_ref()
            .map(|reason| json::write(TABLE, "summary", reason))
            .transpose()?),
        opened_at: Set(micros(new.opened_at)),
        ..Default::default()
    };
    Entity::insert(row)
        .exec_without_returning(epoch.txn())
        .await
        .map_err(|error| StoreError::unique(error, "incident"))
        .map(drop)
}

/// Changes an incident that goes on.
///
/// # Errors
/// [`StoreError::NotFound`] when it does not exist or is closed.
pub async fn incident_update_in_txn(
    epoch: &EpochTxn,
    incident: IncidentId,
    change: &IncidentChange,
) -> Result<(), StoreError> {
    let mut row = ActiveModel::default();
    if let Some(notification) = change.notification_uuid {
        row.notification_uuid = Set(Some(TextUuid(notification.0)));
    }
    if let Some(summary) = &change.summary {
        row.summary = Set(Some(json::write(TABLE, "summary", summary)?));
    }
    // Also writes a column to its own value, so that an empty change still finds out whether the incident is open.
    row.status = Set(IncidentStatus::Open.name().to_owned());
    write_open(epoch, incident, row).await
}

/// Closes an incident.
///
/// # Errors
/// [`StoreError::NotFound`] when it does not exist or is closed already.
pub async fn incident_close_in_txn(
    epoch: &EpochTxn,
    incident: IncidentId,
    outcome: &str,
    summary: &Reason,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        status: Set(IncidentStatus::Closed.name().to_owned()),
        outcome: Set(Some(outcome.to_owned())),
        summary: Set(Some(json::write(TABLE, "summary", summary)?)),
        closed_at: Set(Some(micros(at))),
        ..Default::default()
    };
    write_open(epoch, incident, row).await
}

async fn write_open(epoch: &EpochTxn, incident: IncidentId, row: ActiveModel) -> Result<(), StoreError> {
    let written = Entity::update_many()
        .set(row)
        .filter(Column::Uuid.eq(TextUuid(incident.0)))
        .filter(Column::Status.eq(IncidentStatus::Open.name()))
        .exec(epoch.txn())
        .await?;
    match written.rows_affected {
        0 => Err(StoreError::NotFound {
            what: "open incident",
            id: incident.to_string(),
        }),
        _ => Ok(()),
    }
}
