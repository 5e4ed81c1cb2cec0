//! `GET /notifications/{notification}/vmoves/{vmove}`. As upstream, a move of another notification is shown too.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use themis_db::store::vmoves::vmove_get;

use super::{VmoveView, parent};
use crate::app_state::AppState;
use crate::call::Call;
use crate::fault::Fault;
use crate::path_id::{Path, exact};
use crate::policy::rule;

#[derive(Debug, Serialize)]
pub(crate) struct OneVmove {
    vmove: VmoveView,
}

/// `GET /notifications/{notification}/vmoves/{vmove}`.
pub(crate) async fn show(
    State(app): State<AppState>,
    call: Call,
    Path((notification, vmove)): Path<(String, String)>,
) -> Result<Json<OneVmove>, Fault> {
    call.demand(rule::VMOVES_DETAIL)?;
    parent(&app.store, &notification).await?;
    let row = match exact(&vmove) {
        Some(id) => vmove_get(&app.store, id).await?,
        None => None,
    };
    let row = row.ok_or(Fault::VmoveMissing(vmove))?;
    Ok(Json(OneVmove { vmove: row.into() }))
}
