//! Corroborations (table `corroborations`): who reported what a notification says, from where, and what they were told.
//! One row per notification, user and address, however often it was said; so many rows per notification at most.
//! Written where notifications come in ([`super::intake`]), under the queue of their host.

use std::net::IpAddr;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use themis_core::NotificationId;
use time::OffsetDateTime;

use crate::entity::TextUuid;
use crate::entity::corroborations::{ActiveModel, Column, Entity, Model};
use crate::stamp::micros;
use crate::store::json;
use crate::{ReportAnswer, StoreError};

const TABLE: &str = "corroborations";

/// Reporters that are kept per notification; more hosts than this do not watch one.
pub const REPORTERS_MAX: u64 = 64;

/// Characters that the columns hold.
const NAME_MAX: usize = 255;

/// Who reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reporter {
    /// Of Keystone.
    pub user_id: String,
    /// Of Keystone.
    pub user_name: String,
    /// Where the request came from, as the API believes it.
    pub address: IpAddr,
}

/// One reporter of one notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorroborationRow {
    /// The Keystone user.
    pub user_id: String,
    /// Its name.
    pub user_name: String,
    /// Where the requests came from.
    pub address: String,
    /// What the first report was answered.
    pub answer: ReportAnswer,
    /// How often it was said.
    pub reports: i32,
    /// When the reporter saw it, as its first report says.
    pub generated_time: OffsetDateTime,
    /// When the first report came.
    pub first_at: OffsetDateTime,
    /// When the last one came.
    pub last_at: OffsetDateTime,
}

impl TryFrom<Model> for CorroborationRow {
    type Error = StoreError;
    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            user_id: row.user_id,
            user_name: row.user_name,
            address: row.address,
            answer: json::word(TABLE, "answer to a report", &row.answer)?,
            reports: row.reports,
            generated_time: row.generated_time,
            first_at: row.first_at,
            last_at: row.last_at,
        })
    }
}

/// Who reported what this notification says, first reporter first.
///
/// # Errors
/// The database's trouble.
pub async fn corroboration_list(
    db: &impl ConnectionTrait,
    notification: NotificationId,
) -> Result<Vec<CorroborationRow>, StoreError> {
    let rows = Entity::find()
        .filter(Column::NotificationUuid.eq(TextUuid(notification.0)))
        .order_by_asc(Column::Id)
        .limit(REPORTERS_MAX)
        .all(db)
        .await?;
    rows.into_iter().map(CorroborationRow::try_from).collect()
}

/// The first report, together with its notification.
pub(super) async fn first(
    db: &impl ConnectionTrait,
    notification: NotificationId,
    by: &Reporter,
    generated_time: OffsetDateTime,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    insert(db, notification, by, ReportAnswer::Accepted, generated_time, at).await
}

/// One more report of the same. Beyond [`REPORTERS_MAX`] a new reporter is not kept.
pub(super) async fn further(
    db: &impl ConnectionTrait,
    notification: NotificationId,
    by: &Reporter,
    answer: ReportAnswer,
    generated_time: OffsetDateTime,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    let of_notification = Column::NotificationUuid.eq(TextUuid(notification.0));
    let known = Entity::update_many()
        .col_expr(Column::Reports, Expr::col(Column::Reports).add(1))
        .col_expr(Column::LastAt, Expr::value(micros(at)))
        .filter(of_notification.clone())
        .filter(Column::UserId.eq(cut(&by.user_id)))
        .filter(Column::Address.eq(by.address.to_string()))
        .exec(db)
        .await?;
    if known.rows_affected > 0 || Entity::find().filter(of_notification).count(db).await? >= REPORTERS_MAX {
        return Ok(());
    }
    insert(db, notification, by, answer, generated_time, at).await
}

async fn insert(
    db: &impl ConnectionTrait,
    notification: NotificationId,
    by: &Reporter,
    answer: ReportAnswer,
    generated_time: OffsetDateTime,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        notification_uuid: Set(TextUuid(notification.0)),
        user_id: Set(cut(&by.user_id)),
        user_name: Set(cut(&by.user_name)),
        address: Set(by.address.to_string()),
        answer: Set(answer.name().to_owned()),
        reports: Set(1),
        generated_time: Set(micros(generated_time)),
        first_at: Set(micros(at)),
        last_at: Set(micros(at)),
        ..Default::default()
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// A report is never refused for the length of a name.
pub(super) fn cut(name: &str) -> String {
    name.chars().take(NAME_MAX).collect()
}
