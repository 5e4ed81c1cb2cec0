//! `/v1/notifications`: what monitors report. A report is stored and the engine woken; nothing is decided here.

mod create;
mod list;
mod progress;
pub mod schema;
mod show;
mod source_host;
mod tasks;

pub(crate) use create::create;
pub(crate) use list::list;
pub(crate) use show::show;

use serde::Serialize;
use serde_json::Value;
use themis_core::{HostId, NotificationId, SegmentId};
use themis_db::store::notifications::{NotificationRow, notification_get};
use themis_db::{NotificationKind, NotificationStatus, Pool};

use crate::fault::Fault;
use crate::path_id::exact;
use crate::wire_time::MasakariTime;
use progress::TaskProgress;

/// `{"notification": {...}}`.
#[derive(Debug, Serialize)]
pub(crate) struct OneNotification {
    notification: NotificationView,
}

/// A notification in an answer; keys in the order of the contract.
#[derive(Debug, Serialize)]
pub(crate) struct NotificationView {
    id: i64,
    notification_uuid: NotificationId,
    generated_time: MasakariTime,
    source_host_uuid: HostId,
    r#type: NotificationKind,
    payload: Value,
    status: NotificationStatus,
    /// Only when one is shown, from microversion 1.1 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_workflow_details: Option<Vec<TaskProgress>>,
    failover_segment_uuid: Option<SegmentId>,
    message: Option<String>,
    created_at: Option<MasakariTime>,
    updated_at: Option<MasakariTime>,
    deleted_at: (),
    deleted: bool,
}

impl From<NotificationRow> for NotificationView {
    fn from(row: NotificationRow) -> Self {
        Self {
            id: row.id,
            notification_uuid: row.uuid,
            generated_time: MasakariTime(row.generated_time),
            source_host_uuid: row.source_host_uuid,
            r#type: row.kind,
            payload: row.payload,
            status: row.status,
            recovery_workflow_details: None,
            failover_segment_uuid: row.segment_uuid,
            message: row.message,
            created_at: row.created_at.map(MasakariTime),
            updated_at: row.updated_at.map(MasakariTime),
            deleted_at: (),
            deleted: false,
        }
    }
}

/// The notification that a path names.
pub(crate) async fn found(store: &Pool, id: &str) -> Result<NotificationRow, Fault> {
    let row = match exact(id) {
        Some(uuid) => notification_get(store, uuid).await?,
        None => None,
    };
    row.ok_or_else(|| Fault::NotificationMissing(id.to_owned()))
}
