//! `GET /segments`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use themis_db::store::segments::{SegmentFilter, segment_list};

use super::SegmentView;
use crate::app_state::AppState;
use crate::call::Call;
use crate::fault::Fault;
use crate::list_query::Parameters;
use crate::policy::rule;

#[derive(Debug, Serialize)]
pub(crate) struct Segments {
    segments: Vec<SegmentView>,
}

/// `GET /segments`.
pub(crate) async fn list(
    State(app): State<AppState>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<Segments>, Fault> {
    call.demand(rule::SEGMENTS_INDEX)?;
    let page = parameters.page(app.settings.limit_max)?;
    let filter = SegmentFilter {
        recovery_method: parameters.last("recovery_method").map(str::to_owned),
        service_type: parameters.last("service_type").map(str::to_owned),
        enabled: parameters.truth("enabled")?,
    };
    let rows = segment_list(&app.store, &filter, &page).await?;
    Ok(Json(Segments {
        segments: rows.into_iter().map(SegmentView::from).collect(),
    }))
}
