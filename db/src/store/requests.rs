//! Requests (table `requests`): what operators ask of the engine through the API. The row is the request; a message on
//! the bus only wakes the engine.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde_json::Value;
use themis_core::{HostId, Reason, RequestId};
use time::OffsetDateTime;

use crate::entity::TextUuid;
use crate::entity::requests::{ActiveModel, Column, Entity, Model};
use crate::stamp::micros;
use crate::store::json;
use crate::{EpochTxn, Pool, RequestKind, RequestStatus, StoreError};

const TABLE: &str = "requests";

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRow {
    /// Grows with time; gaps mean nothing.
    pub id: i64,
    /// What was asked.
    pub request: Request,
    /// How far it is.
    pub status: RequestStatus,
    /// What the engine says to it.
    pub answer: Option<Reason>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When the engine settled it.
    pub handled_at: Option<OffsetDateTime>,
}

/// What is asked, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Drawn by the caller.
    pub uuid: RequestId,
    /// What is asked.
    pub kind: RequestKind,
    /// About which host.
    pub host_uuid: Option<HostId>,
    /// Details; an object.
    pub args: Value,
    /// Why, in the operator's words.
    pub reason: String,
    /// Keystone's id of the user.
    pub user_id: String,
    /// The user's name.
    pub user_name: String,
}

impl TryFrom<Model> for RequestRow {
    type Error = StoreError;
    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            request: Request {
                uuid: RequestId(row.uuid.0),
                kind: json::word(TABLE, "request kind", &row.kind)?,
                host_uuid: row.host_uuid.map(|uuid| HostId(uuid.0)),
                args: json::read(TABLE, "args", &row.args)?,
                reason: row.reason,
                user_id: row.user_id,
                user_name: row.user_name,
            },
            status: json::word(TABLE, "request status", &row.status)?,
            answer: json::read_optional(TABLE, "answer", row.answer.as_deref())?,
            created_at: row.created_at,
            handled_at: row.handled_at,
        })
    }
}

/// Stores a request, status `new`. Its id is greater than that of every request that was answered before, also by another
/// node of a Galera cluster: a transaction begins when its node has what the others committed, and the engine goes by ids.
///
/// # Errors
/// [`StoreError::AlreadyExists`] for the id.
pub async fn request_create(pool: &Pool, request: &Request, at: OffsetDateTime) -> Result<RequestRow, StoreError> {
    let row = ActiveModel {
        uuid: Set(TextUuid(request.uuid.0)),
        kind: Set(request.kind.name().to_owned()),
        host_uuid: Set(request.host_uuid.map(|id| TextUuid(id.0))),
        args: Set(json::write(TABLE, "args", &request.args)?),
        reason: Set(request.reason.clone()),
        user_id: Set(request.user_id.clone()),
        user_name: Set(request.user_name.clone()),
        status: Set(RequestStatus::New.name().to_owned()),
        created_at: Set(micros(at)),
        ..Default::default()
    };
    let row = pool
        .transaction(async |txn| {
            Entity::insert(row.clone())
                .exec_with_returning(&txn)
                .await
                .map_err(|e| StoreError::unique(e, "request"))
        })
        .await?;
    row.try_into()
}

/// One request.
///
/// # Errors
/// The database's trouble.
pub async fn request_get(db: &impl ConnectionTrait, request: RequestId) -> Result<Option<RequestRow>, StoreError> {
    let row = Entity::find()
        .filter(Column::Uuid.eq(TextUuid(request.0)))
        .one(db)
        .await?;
    row.map(RequestRow::try_from).transpose()
}

/// The oldest requests that are not settled.
///
/// # Errors
/// The database's trouble.
pub async fn request_list_new(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<RequestRow>, StoreError> {
    let new = Entity::find().filter(Column::Status.eq(RequestStatus::New.name()));
    let rows = new.order_by_asc(Column::Id).limit(limit).all(db).await?;
    rows.into_iter().map(RequestRow::try_from).collect()
}

/// Settles a request that is `new`.
///
/// # Errors
/// [`StoreError::Stale`] when it is settled already.
pub async fn request_done_in_txn(
    epoch: &EpochTxn,
    request: RequestId,
    status: RequestStatus,
    answer: &Reason,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    let settled = Entity::update_many()
        .col_expr(Column::Status, Expr::value(status.name()))
        .col_expr(Column::Answer, Expr::value(json::write(TABLE, "answer", answer)?))
        .col_expr(Column::HandledAt, Expr::value(micros(at)))
        .filter(Column::Uuid.eq(TextUuid(request.0)))
        .filter(Column::Status.eq(RequestStatus::New.name()))
        .exec(epoch.txn())
        .await?;
    match settled.rows_affected {
        0 => Err(StoreError::Stale {
            what: "request",
            id: request.to_string(),
        }),
        _ => Ok(()),
    }
}
