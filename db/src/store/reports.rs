//! What was reported about a host, by whom, and what each reporter was told: the corroborations of its notifications
//! ([`super::corroborations`]) and what was refused with no notification to keep it with ([`super::refused_reports`]).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;
use themis_core::{HostId, NotificationId};

use super::corroborations::CorroborationRow;
use super::refused_reports;
use crate::entity::{TextUuid, corroborations, notifications};
use crate::store::json;
use crate::{NotificationKind, StoreError};

/// Notifications of a host, the newest, whose reporters are looked for.
const NOTIFICATIONS_MAX: u64 = 100;

/// One reporter of one report.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportRow {
    /// What it is about.
    pub kind: NotificationKind,
    /// As posted; an object.
    pub payload: Value,
    /// The notification that says it; `None`: it was refused, and none does.
    pub notification_uuid: Option<NotificationId>,
    /// Who said it, how often, and the answer.
    pub by: CorroborationRow,
}

/// What was reported about a host, last said first, from its newest hundred notifications and all that was refused.
///
/// # Errors
/// The database's trouble.
pub async fn report_list(db: &impl ConnectionTrait, host: HostId, limit: u64) -> Result<Vec<ReportRow>, StoreError> {
    let mut reports = refused_reports::of_host(db, host).await?;
    reports.extend(of_notifications(db, host).await?);
    reports.sort_by_key(|report| Reverse(report.by.last_at));
    reports.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(reports)
}

async fn of_notifications(db: &impl ConnectionTrait, host: HostId) -> Result<Vec<ReportRow>, StoreError> {
    const TABLE: &str = "notifications";
    let stored: Vec<(TextUuid, String, Option<String>)> = notifications::Entity::find()
        .select_only()
        .columns([
            notifications::Column::NotificationUuid,
            notifications::Column::Type,
            notifications::Column::Payload,
        ])
        .filter(notifications::Column::SourceHostUuid.eq(TextUuid(host.0)))
        .filter(notifications::Column::Deleted.eq(0))
        .order_by_desc(notifications::Column::Id)
        .limit(NOTIFICATIONS_MAX)
        .into_tuple()
        .all(db)
        .await?;
    let uuids: Vec<TextUuid> = stored.iter().map(|(uuid, ..)| *uuid).collect();
    let mut said: BTreeMap<uuid::Uuid, Vec<CorroborationRow>> = BTreeMap::new();
    let rows = corroborations::Entity::find()
        .filter(corroborations::Column::NotificationUuid.is_in(uuids))
        .all(db)
        .await?;
    for row in rows {
        let of = row.notification_uuid.0;
        said.entry(of).or_default().push(row.try_into()?);
    }
    let mut reports = Vec::new();
    for (uuid, kind, payload) in stored {
        let kind = json::word(TABLE, "notification type", &kind)?;
        let payload: Value = json::read_optional(TABLE, "payload", payload.as_deref())?.unwrap_or(Value::Null);
        let by = said.remove(&uuid.0).unwrap_or_default().into_iter();
        reports.extend(by.map(|by| ReportRow {
            kind,
            payload: payload.clone(),
            notification_uuid: Some(NotificationId(uuid.0)),
            by,
        }));
    }
    Ok(reports)
}
