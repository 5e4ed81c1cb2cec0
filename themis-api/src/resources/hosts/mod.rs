//! `/v1/segments/{segment}/hosts`: the compute hosts of a segment. Where a host stands is told under `/themis/v1/hosts`.

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
use themis_core::{HostId, SegmentId};
use themis_db::Pool;
use themis_db::store::hosts::{HostRow, host_get};
use themis_db::store::segments::{SegmentRow, segment_get};

use crate::app_state::App;
use crate::fault::Fault;
use crate::path_id::exact;
use crate::resources::segments::SegmentView;
use crate::wire_time::MasakariTime;

/// `{"host": {...}}`.
#[derive(Debug, Serialize)]
pub(crate) struct OneHost {
    host: HostView,
}

/// A host in an answer, with its whole segment inside; keys in the order of the contract.
#[derive(Debug, Serialize)]
pub(crate) struct HostView {
    id: i64,
    uuid: HostId,
    name: String,
    failover_segment_id: SegmentId,
    failover_segment: SegmentView,
    r#type: String,
    reserved: bool,
    control_attributes: String,
    on_maintenance: bool,
    created_at: Option<MasakariTime>,
    updated_at: Option<MasakariTime>,
    deleted_at: (),
    deleted: bool,
}

impl HostView {
    fn new(row: HostRow, segment: SegmentView) -> Self {
        Self {
            id: row.id,
            uuid: row.uuid,
            name: row.name,
            failover_segment_id: row.segment_uuid,
            failover_segment: segment,
            r#type: row.host_type,
            reserved: row.reserved,
            control_attributes: row.control_attributes,
            on_maintenance: row.on_maintenance,
            created_at: row.created_at.map(MasakariTime),
            updated_at: row.updated_at.map(MasakariTime),
            deleted_at: (),
            deleted: false,
        }
    }
}

/// The host that a path names, with its segment. One message for a missing host and a missing segment.
async fn found(store: &Pool, segment: &str, host: &str) -> Result<(HostRow, SegmentRow), Fault> {
    let missing = || Fault::HostMissingInSegment {
        host: host.to_owned(),
        segment: segment.to_owned(),
    };
    let (Some(segment_id), Some(host_id)) = (exact::<SegmentId>(segment), exact::<HostId>(host)) else {
        return Err(missing());
    };
    let row = host_get(store, host_id)
        .await?
        .filter(|row| row.segment_uuid == segment_id)
        .ok_or_else(missing)?;
    let segment_row = segment_get(store, segment_id).await?.ok_or_else(missing)?;
    Ok((row, segment_row))
}

/// Demands that Nova has a compute service on a host of this name.
async fn must_be_known_to_nova(app: &App, name: &str) -> Result<(), Fault> {
    match app.nova.service_of(name).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(Fault::ComputeServiceMissing(name.to_owned())),
        Err(error) => Err(Fault::NovaAway(error)),
    }
}
