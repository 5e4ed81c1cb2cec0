//! `/v1/segments`: the groups of hosts that are recovered in one manner.

mod create;
mod delete;
mod list;
pub mod schema;
mod show;
mod update;

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use list::list;
pub(crate) use show::show;
pub(crate) use update::update;

use serde::Serialize;
use themis_core::SegmentId;
use themis_db::store::segments::{SegmentRow, segment_get};
use themis_db::{Pool, RecoveryMethod};

use crate::fault::Fault;
use crate::path_id::exact;
use crate::wire_time::MasakariTime;

/// `{"segment": {...}}`.
#[derive(Debug, Serialize)]
pub(crate) struct OneSegment {
    segment: SegmentView,
}

/// A segment in an answer; keys in the order of the contract.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SegmentView {
    id: i64,
    uuid: SegmentId,
    name: String,
    service_type: String,
    enabled: bool,
    description: Option<String>,
    recovery_method: RecoveryMethod,
    created_at: Option<MasakariTime>,
    updated_at: Option<MasakariTime>,
    deleted_at: (),
    deleted: bool,
}

impl From<SegmentRow> for SegmentView {
    fn from(row: SegmentRow) -> Self {
        Self {
            id: row.id,
            uuid: row.uuid,
            name: row.name,
            service_type: row.service_type,
            enabled: row.enabled,
            description: row.description,
            recovery_method: row.recovery_method,
            created_at: row.created_at.map(MasakariTime),
            updated_at: row.updated_at.map(MasakariTime),
            deleted_at: (),
            deleted: false,
        }
    }
}

/// The segment that a path names.
pub(crate) async fn found(store: &Pool, id: &str) -> Result<SegmentRow, Fault> {
    let row = match exact(id) {
        Some(uuid) => segment_get(store, uuid).await?,
        None => None,
    };
    row.ok_or_else(|| Fault::SegmentMissing(id.to_owned()))
}
