//! What happened in an incident, for people (table `incident_events`): a log that is only appended to.

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use themis_core::{Epoch, HostId, IncidentId, Reason};
use time::OffsetDateTime;

use crate::entity::TextUuid;
use crate::entity::incident_events::{ActiveModel, Column, Entity, Model};
use crate::stamp::micros;
use crate::store::json;
use crate::{EpochTxn, StoreError};

const TABLE: &str = "incident_events";

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Grows with time; gaps mean nothing.
    pub id: i64,
    /// Of which incident.
    pub incident_uuid: IncidentId,
    /// Of which host.
    pub host_uuid: HostId,
    /// When.
    pub at: OffsetDateTime,
    /// What, snake_case.
    pub kind: String,
    /// Why, with its figures.
    pub reason: Reason,
    /// Which engine wrote it.
    pub engine: String,
    /// Under which leadership.
    pub epoch: Epoch,
}

/// An event to be appended; engine and epoch are the transaction's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Of which incident.
    pub incident_uuid: IncidentId,
    /// Of which host.
    pub host_uuid: HostId,
    /// When.
    pub at: OffsetDateTime,
    /// What, snake_case, at most 48 characters.
    pub kind: String,
    /// Why, with its figures.
    pub reason: Reason,
}

impl TryFrom<Model> for EventRow {
    type Error = StoreError;
    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            incident_uuid: IncidentId(row.incident_uuid.0),
            host_uuid: HostId(row.host_uuid.0),
            at: row.at,
            kind: row.kind,
            reason: json::read(TABLE, "reason", &row.reason)?,
            engine: row.engine,
            epoch: Epoch(row.epoch),
        })
    }
}

/// Events of an incident that come after the event of id `after` (0: from the beginning), oldest first.
///
/// # Errors
/// The database's trouble.
pub async fn event_list(
    db: &impl ConnectionTrait,
    incident: IncidentId,
    after: i64,
    limit: u64,
) -> Result<Vec<EventRow>, StoreError> {
    let rows = Entity::find()
        .filter(Column::IncidentUuid.eq(TextUuid(incident.0)))
        .filter(Column::Id.gt(after))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    rows.into_iter().map(EventRow::try_from).collect()
}

/// Appends events in the given order.
///
/// # Errors
/// The database's trouble.
pub async fn event_append_in_txn(epoch: &EpochTxn, events: &[NewEvent]) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        rows.push(ActiveModel {
            incident_uuid: Set(TextUuid(event.incident_uuid.0)),
            host_uuid: Set(TextUuid(event.host_uuid.0)),
            at: Set(micros(event.at)),
            kind: Set(event.kind.clone()),
            reason: Set(json::write(TABLE, "reason", &event.reason)?),
            engine: Set(epoch.holder().to_owned()),
            epoch: Set(epoch.epoch().0),
            ..Default::default()
        });
    }
    Entity::insert_many(rows).exec_without_returning(epoch.txn()).await?;
    Ok(())
}
