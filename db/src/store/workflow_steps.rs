//! The workflow log (table `workflow_steps`): a row before and after each effect, from which a pure replay says where
//! to go on. Only appended to.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use serde_json::Value;
use themis_core::{Epoch, IncidentId, NotificationId};
use time::OffsetDateTime;
use uuid::Uuid;

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

/// Whose log a line belongs to: an incident's, or that of a notification that asks for a recovery of its own. Both are
/// random UUIDs and share the column `incident_uuid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogOwner(pub Uuid);

impl From<IncidentId> for LogOwner {
    fn from(id: IncidentId) -> Self {
        Self(id.0)
    }
}

impl From<NotificationId> for LogOwner {
    fn from(id: NotificationId) -> Self {
        Self(id.0)
    }
}

/// A line to be appended; engine and epoch are the transaction's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStep {
    /// In whose log.
    pub owner: LogOwner,
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
                owner: LogOwner(row.incident_uuid.0),
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

/// One log, oldest line first.
///
/// # Errors
/// The database's trouble.
pub async fn step_list(db: &impl ConnectionTrait, owner: impl Into<LogOwner>) -> Result<Vec<StepRow>, StoreError> {
    step_list_of(db, &[owner.into()]).await
}

/// Several logs, oldest line first over all.
///
/// # Errors
/// The database's trouble.
pub async fn step_list_of(db: &impl ConnectionTrait, owners: &[LogOwner]) -> Result<Vec<StepRow>, StoreError> {
    if owners.is_empty() {
        return Ok(Vec::new());
    }
    let rows = Entity::find()
        .filter(Column::IncidentUuid.is_in(owners.iter().map(|owner| TextUuid(owner.0))))
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
            incident_uuid: Set(TextUuid(step.owner.0)),
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
