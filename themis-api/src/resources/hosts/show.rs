//! `GET /segments/{segment}/hosts/{host}`.

use axum::Json;
use axum::extract::State;
use uuid::Uuid;

use super::{HostView, OneHost, found};
use crate::app_state::AppState;
use crate::call::Call;
use crate::fault::Fault;
use crate::path_id::Path;
use crate::policy::rule;

/// `GET /segments/{segment}/hosts/{host}`.
pub(crate) async fn show(
    State(app): State<AppState>,
    call: Call,
    Path((segment, host)): Path<(String, String)>,
) -> Result<Json<OneHost>, Fault> {
    call.demand(rule::HOSTS_DETAIL)?;
    // Only here upstream says of a text that is no id that there is no such host; elsewhere it names both.
    if Uuid::try_parse(&host).is_err() {
        return Err(Fault::HostMissing(host));
    }
    let (row, parent) = found(&app.store, &segment, &host).await?;
    Ok(Json(OneHost {
        host: HostView::new(row, parent.into()),
    }))
}
