//! `GET /notifications/{notification}/vmoves`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use themis_db::store::vmoves::{VmoveFilter, vmove_list};

use super::{VmoveView, parent};
use crate::app_state::AppState;
use crate::call::Call;
use crate::fault::Fault;
use crate::list_query::Parameters;
use crate::path_id::Path;
use crate::policy::rule;

#[derive(Debug, Serialize)]
pub(crate) struct Vmoves {
    vmoves: Vec<VmoveView>,
}

/// `GET /notifications/{notification}/vmoves`.
pub(crate) async fn list(
    State(app): State<AppState>,
    call: Call,
    Path(notification): Path<String>,
    parameters: Parameters,
) -> Result<Json<Vmoves>, Fault> {
    call.demand(rule::VMOVES_INDEX)?;
    let page = parameters.page(app.settings.limit_max)?;
    let notification = parent(&app.store, &notification).await?;
    let filter = VmoveFilter {
        kind: parameters.last("type").map(str::to_owned),
        status: parameters.last("status").map(str::to_owned),
    };
    let rows = vmove_list(&app.store, notification, &filter, &page).await?;
    Ok(Json(Vmoves {
        vmoves: rows.into_iter().map(VmoveView::from).collect(),
    }))
}
