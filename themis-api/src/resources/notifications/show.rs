//! `GET /notifications/{notification}`.

use axum::Json;
use axum::extract::State;

use super::{NotificationView, OneNotification, found, progress};
use crate::app_state::AppState;
use crate::call::Call;
use crate::fault::Fault;
use crate::microversion::Microversion;
use crate::path_id::Path;
use crate::policy::rule;

/// `GET /notifications/{notification}`.
pub(crate) async fn show(
    State(app): State<AppState>,
    call: Call,
    Path(id): Path<String>,
) -> Result<Json<OneNotification>, Fault> {
    call.demand(rule::NOTIFICATIONS_DETAIL)?;
    let row = found(&app.store, &id).await?;
    let details = if call.version >= Microversion::RECOVERY_DETAILS {
        Some(progress::of(&app.store, &row).await?)
    } else {
        None
    };
    let notification = NotificationView {
        recovery_workflow_details: details,
        ..row.into()
    };
    Ok(Json(OneNotification { notification }))
}
