//! Refused reports (table `refused_reports`): what was said of a host under maintenance when no notification says the same,
//! and who said it. Written where notifications come in ([`super::intake`]), under the queue of their host; people read
//! them ([`super::reports`]), the engine does not: `docs/adr/0008-refused-reports.md` says why.
//!
//! Bounded: a reporter who says the same again is counted in one row, and a host keeps [`REFUSED_MAX`] rows, those that
//! were said last.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde_json::Value;
use themis_core::HostId;
use time::OffsetDateTime;

use super::corroborations::{CorroborationRow, Reporter, cut};
use super::notifications::NewNotification;
use super::reports::ReportRow;
use crate::entity::TextUuid;
use crate::entity::refused_reports::{ActiveModel, Column, Entity, Model};
use crate::stamp::micros;
use crate::store::json;
use crate::{ReportAnswer, StoreError};

const TABLE: &str = "refused_reports";

/// Rows that are kept per host.
pub const REFUSED_MAX: u64 = 64;

impl TryFrom<Model> for ReportRow {
    type Error = StoreError;
    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            kind: json::word(TABLE, "notification type", &row.r#type)?,
            payload: json::read(TABLE, "payload", &row.payload)?,
            notification_uuid: None,
            by: CorroborationRow {
                user_id: row.user_id,
                user_name: row.user_name,
                address: row.address,
                answer: json::word(TABLE, "answer to a report", &row.answer)?,
                reports: row.reports,
                generated_time: row.generated_time,
                first_at: row.first_at,
                last_at: row.last_at,
            },
        })
    }
}

/// What was refused at a host; at most [`REFUSED_MAX`].
pub(super) async fn of_host(db: &impl ConnectionTrait, host: HostId) -> Result<Vec<ReportRow>, StoreError> {
    let rows = Entity::find()
        .filter(Column::HostUuid.eq(TextUuid(host.0)))
        .order_by_desc(Column::LastAt)
        .limit(REFUSED_MAX)
        .all(db)
        .await?;
    rows.into_iter().map(ReportRow::try_from).collect()
}

/// One more refused report, counted with its like. A new one takes the place of the one that was said longest ago when
/// the host has [`REFUSED_MAX`].
pub(super) async fn refused(
    db: &impl ConnectionTrait,
    report: &NewNotification,
    by: &Reporter,
    answer: ReportAnswer,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    if let Some(id) = like(db, report, by, answer).await? {
        Entity::update_many()
            .col_expr(Column::Reports, Expr::col(Column::Reports).add(1))
            .col_expr(Column::LastAt, Expr::value(micros(at)))
            .filter(Column::Id.eq(id))
            .exec(db)
            .await?;
        return Ok(());
    }
    make_room(db, report.source_host_uuid).await?;
    let row = ActiveModel {
        host_uuid: Set(TextUuid(report.source_host_uuid.0)),
        r#type: Set(report.kind.name().to_owned()),
        payload: Set(json::write_ascii(TABLE, "payload", &report.payload)?),
        user_id: Set(cut(&by.user_id)),
        user_name: Set(cut(&by.user_name)),
        address: Set(by.address.to_string()),
        answer: Set(answer.name().to_owned()),
        reports: Set(1),
        generated_time: Set(micros(report.generated_time)),
        first_at: Set(micros(at)),
        last_at: Set(micros(at)),
        ..Default::default()
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// The row of the same report by the same reporter. Payloads are equal as objects, whatever the order of their keys.
async fn like(
    db: &impl ConnectionTrait,
    report: &NewNotification,
    by: &Reporter,
    answer: ReportAnswer,
) -> Result<Option<i64>, StoreError> {
    let rows: Vec<(i64, String)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Payload])
        .filter(Column::HostUuid.eq(TextUuid(report.source_host_uuid.0)))
        .filter(Column::Type.eq(report.kind.name()))
        .filter(Column::UserId.eq(cut(&by.user_id)))
        .filter(Column::Address.eq(by.address.to_string()))
        .filter(Column::Answer.eq(answer.name()))
        .limit(REFUSED_MAX)
        .into_tuple()
        .all(db)
        .await?;
    for (id, payload) in rows {
        if json::read::<Value>(TABLE, "payload", &payload)? == report.payload {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

async fn make_room(db: &impl ConnectionTrait, host: HostId) -> Result<(), StoreError> {
    let of_host = Column::HostUuid.eq(TextUuid(host.0));
    let kept = Entity::find().filter(of_host.clone()).count(db).await?;
    if kept < REFUSED_MAX {
        return Ok(());
    }
    let oldest: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(of_host)
        .order_by_asc(Column::LastAt)
        .order_by_asc(Column::Id)
        .limit(kept + 1 - REFUSED_MAX)
        .into_tuple()
        .all(db)
        .await?;
    Entity::delete_many().filter(Column::Id.is_in(oldest)).exec(db).await?;
    Ok(())
}
