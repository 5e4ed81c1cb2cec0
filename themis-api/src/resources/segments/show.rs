//! `GET /segments/{segment}`.

use axum::Json;
use axum::extract::State;

use super::{OneSegment, found};
use crate::app_state::AppState;
use crate::call::Call;
use crate::fault::Fault;
use crate::path_id::Path;
use crate::policy::rule;

/// `GET /segments/{segment}`.
pub(crate) async fn show(
    State(app): State<AppState>,
    call: Call,
    Path(id): Path<String>,
) -> Result<Json<OneSegment>, Fault> {
    call.demand(rule::SEGMENTS_DETAIL)?;
    let row = found(&app.store, &id).await?;
    Ok(Json(OneSegment { segment: row.into() }))
}
