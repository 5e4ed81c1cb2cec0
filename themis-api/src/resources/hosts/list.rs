//! `GET /segments/{segment}/hosts`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use themis_db::store::hosts::{HostFilter, host_list};

use super::HostView;
use crate::app_state::AppState;
use crate::call::Call;
use crate::fault::Fault;
use crate::list_query::Parameters;
use crate::path_id::Path;
use crate::policy::rule;
use crate::resources::segments::{self, SegmentView};

#[derive(Debug, Serialize)]
pub(crate) struct Hosts {
    hosts: Vec<HostView>,
}

/// `GET /segments/{segment}/hosts`.
pub(crate) async fn list(
    State(app): State<AppState>,
    call: Call,
    Path(segment): Path<String>,
    parameters: Parameters,
) -> Result<Json<Hosts>, Fault> {
    call.demand(rule::HOSTS_INDEX)?;
    parameters.limit(app.settings.limit_max)?;
    let segment = segments::found(&app.store, &segment).await?;
    let page = parameters.page(app.settings.limit_max)?;
    let filter = HostFilter {
        segment_uuid: Some(segment.uuid),
        host_type: parameters.last("type").map(str::to_owned),
        on_maintenance: parameters.truth("on_maintenance")?,
        reserved: parameters.truth("reserved")?,
    };
    let rows = host_list(&app.store, &filter, &page).await?;
    let segment = SegmentView::from(segment);
    Ok(Json(Hosts {
        hosts: rows
            .into_iter()
            .map(|row| HostView::new(row, segment.clone()))
            .collect(),
    }))
}
