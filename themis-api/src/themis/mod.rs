//! `/themis/v1`: what Masakari has no word for. One file per noun. Times are RFC 3339 with `Z`; faults and access rules work
//! as under `/v1`. What an operator asks of the engine is stored as a request and answered 202; the engine settles it.

pub mod decision_matrix;
pub mod engine;
pub mod hosts;
pub mod incidents;
pub mod mode;
pub mod networks;
pub mod power_devices;
pub mod reports;
pub mod requests;

use themis_core::HostId;
use themis_db::Pool;
use themis_db::store::hosts::{HostRow, host_get};

use crate::fault::Fault;
use crate::path_id::exact;

/// The host that a path names by its id.
async fn host(store: &Pool, id: &str) -> Result<HostRow, Fault> {
    let row = match exact::<HostId>(id) {
        Some(uuid) => host_get(store, uuid).await?,
        None => None,
    };
    row.ok_or_else(|| Fault::HostMissing(id.to_owned()))
}
