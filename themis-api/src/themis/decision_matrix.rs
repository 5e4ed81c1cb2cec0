//! `/themis/v1/segments/{segment}/decision-matrix`: what each combination of bad networks means for the segment's hosts. It
//! is the leader who judges by it, with its own configuration, so it is the leader who tells it.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::json;
use themis_core::leader::{DECISION_MATRIX, DecisionMatrix};

use crate::app_state::AppState;
use crate::call::Call;
use crate::fault::Fault;
use crate::path_id::Path;
use crate::policy::rule;
use crate::resources::segments;

#[derive(Debug, Serialize)]
pub(crate) struct OneMatrix {
    decision_matrix: DecisionMatrix,
}

/// `GET /themis/v1/segments/{segment}/decision-matrix`.
pub(crate) async fn show(
    State(app): State<AppState>,
    call: Call,
    Path(segment): Path<String>,
) -> Result<Json<OneMatrix>, Fault> {
    call.demand(rule::THEMIS_MATRIX_DETAIL)?;
    let segment = segments::found(&app.store, &segment).await?;
    let decision_matrix = app
        .leader
        .ask(
            &app.store,
            &call.context(),
            DECISION_MATRIX,
            json!({"segment": segment.uuid}),
        )
        .await?;
    Ok(Json(OneMatrix { decision_matrix }))
}
