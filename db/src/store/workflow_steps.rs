//! The workflow log (table `workflow_steps`): a row before and after each effect, from which a pure replay says where
//! to go on. Only appended to.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use serde_json::Value;
use themis_core::{Epoch, IncidentId};
use time::OffsetDateTime;

use crate::entity::TextUuid;
use crate::entity::incidents;
use crate::entity::workflow_steps::{ActiveModel, Column, Entity, Model};
use crate::stamp::micros;
use crate::store::json;
use crate::{EpochTxn, IncidentStatus, StepEvent, StoreError};

const TABLE: &str = "workflow_steps";

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRow {
    /// Grows with time; gaps mean nothing.
    pub id: i64,
    /// What the engine wrote.
    pub entry: NewStep,
    /// Which engine wrote it.
    pub engine: String,
    /// Under which leadership.
    pub epoch: Epoch,
}

/// A line to be appended; engine and epoch are the transaction's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStep {
    /// Of which incident.
    pub incident_uuid: IncidentId,
    /// Which step of the workflow, at most 64 characters.
    pub step: String,
    /// What it acts on (an instance, a device, the host), at most 64 characters.
    pub subject: String,
    /// From 1.
    pub attempt: i32,
    /// Before or after the effect, and how it ended.
    pub event: StepEvent,
    /// Input, output or error.
    pub payload: Value,
    /// When.
    pub at: OffsetDateTime,
}

impl TryFrom<Model> for StepRow {
    type Error = StoreError;
    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            entry: NewStep {
                incident_uuid: IncidentId(row.incident_uuid.0),
                step: row.step,
                subject: row.subject,
                attempt: row.attempt,
                event: json::word(TABLE, "step event", &row.event)?,
                payload: json::read(TABLE, "payload", &row.payload)?,
                at: row.at,
            },
            engine: row.engine,
            epoch: Epoch(row.epoch),
        })
    }
}

/// The log of one incident, oldest first.
///
/// # Errors
/// The database's trouble.
pub async fn step_list(db: &impl ConnectionTrait, incident: IncidentId) -> Result<Vec<StepRow>, StoreError> {
    let rows = Entity::find()
        .filter(Column::IncidentUuid.eq(TextUuid(incident.0)))
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    rows.into_iter().map(StepRow::try_from).collect()
}

/// The logs of all incidents that go on, oldest line first.
///
/// # Errors
/// The database's trouble.
pub async fn step_list_open(db: &impl ConnectionTrait) -> Result<Vec<StepRow>, StoreError> {
    let open = incidents::Entity::find()
        .select_only()
        .column(incidents::Column::Uuid)
        .filter(incidents::Column::Status.eq(IncidentStatus::Open.name()))
        .into_query();
    let rows = Entity::find()
        .filter(Column::IncidentUuid.in_subquery(open))
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    rows.into_iter().map(StepRow::try_from).collect()
}

/// Appends lines in the given order.
///
/// # Errors
/// The database's trouble.
pub async fn step_append_in_txn(epoch: &EpochTxn, steps: &[NewStep]) -> Result<(), StoreError> {
    if steps.is_empty() {
        return Ok(());
    }
    let mut rows = Vec::with_capacity(steps.len());
    for step in steps {
        rows.push(ActiveModel {
            incident_uuid: Set(TextUuid(step.incident_uuid.0)),
            step: Set(step.step.clone()),
            subject: Set(step.subject.clone()),
            attempt: Set(step.attempt),
            event: Set(step.event.name().to_owned()),
            payload: Set(json::write(TABLE, "payload", &step.payload)?),
            engine: Set(epoch.holder().to_owned()),
            epoch: Set(epoch.epoch().0),
            at: Set(micros(step.at)),
            ..Default::default()
        });
    }
    Entity::insert_many(rows).exec_without_returning(epoch.txn()).await?;
    Ok(())
}
