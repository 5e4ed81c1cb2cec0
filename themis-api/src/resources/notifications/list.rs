//! `GET /notifications`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use themis_db::store::notifications::{NotificationFilter, notification_list};

use super::NotificationView;
use crate::app_state::AppState;
use crate::call::Call;
use crate::fault::Fault;
use crate::iso8601;
use crate::list_query::{Parameters, QueryError};
use crate::policy::rule;

#[derive(Debug, Serialize)]
pub(crate) struct Notifications {
    notifications: Vec<NotificationView>,
}

/// `GET /notifications`.
pub(crate) async fn list(
    State(app): State<AppState>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<Notifications>, Fault> {
    call.demand(rule::NOTIFICATIONS_INDEX)?;
    let page = parameters.page(app.settings.limit_max)?;
    let generated_since = parameters
        .last("generated-since")
        .map(|text| iso8601::parse_bound(text).ok_or(QueryError::GeneratedSince))
        .transpose()?;
    let filter = NotificationFilter {
        status: parameters.last("status").map(str::to_owned),
        kind: parameters.last("type").map(str::to_owned),
        source_host_uuid: parameters.last("source_host_uuid").map(str::to_owned),
        generated_since,
    };
    let rows = notification_list(&app.store, &filter, &page).await?;
    Ok(Json(Notifications {
        notifications: rows.into_iter().map(NotificationView::from).collect(),
    }))
}
