//! `/v1/notifications/{notification}/vmoves`: the moves of instances, written by the engine. Read only.

mod list;
mod show;

pub(crate) use list::list;
pub(crate) use show::show;

use serde::Serialize;
use themis_core::{InstanceId, NotificationId, VmoveId};
use themis_db::store::vmoves::VmoveRow;
use themis_db::{NotificationKind, Pool, VmoveKind, VmoveStatus};

use crate::fault::Fault;
use crate::resources::notifications;
use crate::wire_time::MasakariTime;

/// A move in an answer; keys in the order of the contract.
#[derive(Debug, Serialize)]
pub(crate) struct VmoveView {
    id: i64,
    uuid: VmoveId,
    notification_uuid: NotificationId,
    instance_uuid: InstanceId,
    instance_name: String,
    source_host: Option<String>,
    dest_host: Option<String>,
    start_time: Option<MasakariTime>,
    end_time: Option<MasakariTime>,
    r#type: VmoveKind,
    status: VmoveStatus,
    message: Option<String>,
    created_at: Option<MasakariTime>,
    updated_at: Option<MasakariTime>,
    deleted_at: (),
    deleted: bool,
}

impl From<VmoveRow> for VmoveView {
    fn from(row: VmoveRow) -> Self {
        let vmove = row.vmove;
        Self {
            id: row.id,
            uuid: vmove.uuid,
            notification_uuid: vmove.notification_uuid,
            instance_uuid: vmove.instance_uuid,
            instance_name: vmove.instance_name,
            source_host: vmove.source_host,
            dest_host: vmove.dest_host,
            start_time: vmove.start_time.map(MasakariTime),
            end_time: vmove.end_time.map(MasakariTime),
            r#type: vmove.kind,
            status: vmove.status,
            message: vmove.message,
            created_at: row.created_at.map(MasakariTime),
            updated_at: row.updated_at.map(MasakariTime),
            deleted_at: (),
            deleted: false,
        }
    }
}

/// Demands that the path's notification exists and is of the kind that has moves.
async fn parent(store: &Pool, id: &str) -> Result<NotificationId, Fault> {
    let row = notifications::found(store, id).await?;
    match row.kind {
        NotificationKind::ComputeHost => Ok(row.uuid),
        NotificationKind::Vm | NotificationKind::Process => Err(Fault::NoVmoves(id.to_owned())),
    }
}
