//! `/themis/v1/hosts/{host}/reports`: who reported what about a host, also what was refused. It changes nothing for the host.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use themis_core::NotificationId;
use themis_db::NotificationKind;
use themis_db::store::reports::{ReportRow, report_list};

use super::incidents::CorroborationView;
use crate::app_state::AppState;
use crate::call::Call;
use crate::fault::Fault;
use crate::list_query::Parameters;
use crate::path_id::Path;
use crate::policy::rule;

#[derive(Debug, Serialize)]
pub(crate) struct Reports {
    reports: Vec<ReportView>,
}

/// One reporter of one report.
#[derive(Debug, Serialize)]
struct ReportView {
    r#type: NotificationKind,
    payload: Value,
    notification_uuid: Option<NotificationId>,
    #[serde(flatten)]
    by: CorroborationView,
}

impl From<ReportRow> for ReportView {
    fn from(row: ReportRow) -> Self {
        Self {
            r#type: row.kind,
            payload: row.payload,
            notification_uuid: row.notification_uuid,
            by: row.by.into(),
        }
    }
}

/// `GET /themis/v1/hosts/{host}/reports[?limit=n]`, last said first.
pub(crate) async fn list(
    State(app): State<AppState>,
    call: Call,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<Reports>, Fault> {
    call.demand(rule::THEMIS_HOSTS_REPORTS)?;
    let limit = parameters.page(app.settings.limit_max)?.limit;
    let host = super::host(&app.store, &id).await?;
    let rows = report_list(&app.store, host.uuid, limit).await?;
    Ok(Json(Reports {
        reports: rows.into_iter().map(ReportView::from).collect(),
    }))
}
