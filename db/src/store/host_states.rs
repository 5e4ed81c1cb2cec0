//! Where each host stands (table `host_states`): the engine's word, shown by the API.

use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr,
};
use serde_json::Value;
use themis_core::{HostId, HostState, IncidentId, Reason};
use time::OffsetDateTime;

use crate::entity::TextUuid;
use crate::entity::host_states::{ActiveModel, Column, Entity, Model};
use crate::stamp::micros;
use crate::store::json;
use crate::{EpochTxn, StoreError};

const TABLE: &str = "host_states";

/// Where one host stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostStateRow {
    /// Which host.
    pub host_uuid: HostId,
    /// Its state.
    pub state: HostState,
    /// Since when.
    pub since: OffsetDateTime,
    /// Why.
    pub reason: Reason,
    /// Grows with each write; a write names the one that it replaces.
    pub generation: i64,
    /// The incident that it is in.
    pub incident_uuid: Option<IncidentId>,
    /// What the host machine must remember; nobody else's business.
    pub detail: Value,
    /// What the API shows: protected, networks, power, hold.
    pub view: Value,
    /// When it was last written.
    pub updated_at: OffsetDateTime,
}

impl TryFrom<Model> for HostStateRow {
    type Error = StoreError;
    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            host_uuid: HostId(row.host_uuid.0),
            state: json::word(TABLE, "host state", &row.state)?,
            since: row.since,
            reason: json::read(TABLE, "reason", &row.reason)?,
            generation: row.generation,
            incident_uuid: row.incident_uuid.map(|uuid| IncidentId(uuid.0)),
            detail: json::read(TABLE, "detail", &row.detail)?,
            view: json::read(TABLE, "view", &row.view)?,
            updated_at: row.updated_at,
        })
    }
}

/// The states of all hosts that have one.
///
/// # Errors
/// The database's trouble.
pub async fn host_state_list(db: &impl ConnectionTrait) -> Result<Vec<HostStateRow>, StoreError> {
    Entity::find()
        .all(db)
        .await?
        .into_iter()
        .map(HostStateRow::try_from)
        .collect()
}

/// One host's state; `None` before the engine first wrote it: the host is `initializing`.
///
/// # Errors
/// The database's trouble.
pub async fn host_state_get(db: &impl ConnectionTrait, host: HostId) -> Result<Option<HostStateRow>, StoreError> {
    Entity::find_by_id(TextUuid(host.0))
        .one(db)
        .await?
        .map(HostStateRow::try_from)
        .transpose()
}

/// Writes a host's state in place of the one of generation `expected` (`None`: there is none yet). Over an earlier one
/// `view` stays as it is: it is written apart, by [`host_state_view_in_txn`].
///
/// # Errors
/// [`StoreError::Stale`] when another generation stands there; read it again.
pub async fn host_state_put_in_txn(
    epoch: &EpochTxn,
    row: &HostStateRow,
    expected: Option<i64>,
) -> Result<(), StoreError> {
    let stale = || StoreError::Stale {
        what: "state of host",
        id: row.host_uuid.to_string(),
    };
    let model = ActiveModel {
        host_uuid: Set(TextUuid(row.host_uuid.0)),
        state: Set(row.state.name().to_owned()),
        since: Set(micros(row.since)),
        reason: Set(json::write(TABLE, "reason", &row.reason)?),
        generation: Set(row.generation),
        incident_uuid: Set(row.incident_uuid.map(|id| TextUuid(id.0))),
        detail: Set(json::write(TABLE, "detail", &row.detail)?),
        view: Set(json::write(TABLE, "view", &row.view)?),
        updated_at: Set(micros(row.updated_at)),
    };
    let Some(expected) = expected else {
        return match Entity::insert(model).exec_without_returning(epoch.txn()).await {
            Ok(_) => Ok(()),
            Err(error) => match StoreError::unique(error, "host state") {
                StoreError::AlreadyExists { .. } => Err(stale()),
                other => Err(other),
            },
        };
    };
    let model = ActiveModel { view: NotSet, ..model };
    let written = Entity::update_many()
        .set(model)
        .filter(Column::HostUuid.eq(TextUuid(row.host_uuid.0)))
        .filter(Column::Generation.eq(expected))
        .exec(epoch.txn())
        .await?;
    if written.rows_affected == 1 {
        Ok(())
    } else {
        Err(stale())
    }
}

/// Writes only what the API shows of a host; state and generation stay. `false` when the host has no state yet.
///
/// # Errors
/// The database's trouble.
pub async fn host_state_view_in_txn(
    epoch: &EpochTxn,
    host: HostId,
    view: &Value,
    at: OffsetDateTime,
) -> Result<bool, StoreError> {
    let written = Entity::update_many()
        .col_expr(Column::View, Expr::value(json::write(TABLE, "view", view)?))
        .col_expr(Column::UpdatedAt, Expr::value(micros(at)))
        .filter(Column::HostUuid.eq(TextUuid(host.0)))
        .exec(epoch.txn())
        .await?;
    Ok(written.rows_affected > 0)
}
