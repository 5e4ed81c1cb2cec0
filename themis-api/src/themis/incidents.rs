//! `/themis/v1/incidents`: each host's story as the engine wrote it, with the decision record and the workflow log.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use themis_core::{Epoch, HostId, IncidentId, NotificationId, Reason, SegmentId};
use themis_db::store::corroborations::{CorroborationRow, corroboration_list};
use themis_db::store::incident_events::{EventRow, event_list};
use themis_db::store::incidents::{IncidentFilter, IncidentRow, incident_get, incident_list};
use themis_db::store::workflow_steps::{StepRow, step_list};
use themis_db::{IncidentStatus, Pool, ReportAnswer, StepEvent};

use crate::app_state::AppState;
use crate::call::Call;
use crate::fault::Fault;
use crate::list_query::{Parameters, QueryError};
use crate::path_id::{Path, exact};
use crate::policy::rule;
use crate::wire_time::UtcTime;

/// Events that one answer holds at most; the next begin after its last id.
const EVENTS_MAX: u64 = 1000;

#[derive(Debug, Serialize)]
pub(crate) struct Incidents {
    incidents: Vec<IncidentView>,
}

#[derive(Debug, Serialize)]
pub(crate) struct OneIncident {
    incident: IncidentWithSteps,
}

#[derive(Debug, Serialize)]
pub(crate) struct Events {
    events: Vec<EventView>,
}

#[derive(Debug, Serialize)]
struct IncidentView {
    uuid: IncidentId,
    host_uuid: HostId,
    host_name: String,
    segment_uuid: SegmentId,
    notification_uuid: Option<NotificationId>,
    status: IncidentStatus,
    outcome: Option<String>,
    summary: Option<Reason>,
    opened_at: UtcTime,
    closed_at: Option<UtcTime>,
}

#[derive(Debug, Serialize)]
struct IncidentWithSteps {
    #[serde(flatten)]
    incident: IncidentView,
    steps: Vec<StepView>,
    corroborations: Vec<CorroborationView>,
}

/// Who reported the incident's notification.
#[derive(Debug, Serialize)]
pub(super) struct CorroborationView {
    user_id: String,
    user_name: String,
    address: String,
    answer: ReportAnswer,
    reports: i32,
    generated_time: UtcTime,
    first_at: UtcTime,
    last_at: UtcTime,
}

#[derive(Debug, Serialize)]
struct StepView {
    step: String,
    subject: String,
    attempt: i32,
    event: StepEvent,
    payload: Value,
    engine: String,
    epoch: Epoch,
    at: UtcTime,
}

#[derive(Debug, Serialize)]
struct EventView {
    id: i64,
    at: UtcTime,
    kind: String,
    reason: Reason,
    engine: String,
    epoch: Epoch,
}

impl From<IncidentRow> for IncidentView {
    fn from(row: IncidentRow) -> Self {
        Self {
            uuid: row.uuid,
            host_uuid: row.host_uuid,
            host_name: row.host_name,
            segment_uuid: row.segment_uuid,
            notification_uuid: row.notification_uuid,
            status: row.status,
            outcome: row.outcome,
            summary: row.summary,
            opened_at: UtcTime(row.opened_at),
            closed_at: row.closed_at.map(UtcTime),
        }
    }
}

impl From<CorroborationRow> for CorroborationView {
    fn from(row: CorroborationRow) -> Self {
        Self {
            user_id: row.user_id,
            user_name: row.user_name,
            address: row.address,
            answer: row.answer,
            reports: row.reports,
            generated_time: UtcTime(row.generated_time),
            first_at: UtcTime(row.first_at),
            last_at: UtcTime(row.last_at),
        }
    }
}

impl From<StepRow> for StepView {
    fn from(row: StepRow) -> Self {
        let entry = row.entry;
        Self {
            step: entry.step,
            subject: entry.subject,
            attempt: entry.attempt,
            event: entry.event,
            payload: entry.payload,
            engine: row.engine,
            epoch: row.epoch,
            at: UtcTime(entry.at),
        }
    }
}

impl From<EventRow> for EventView {
    fn from(row: EventRow) -> Self {
        Self {
            id: row.id,
            at: UtcTime(row.at),
            kind: row.kind,
            reason: row.reason,
            engine: row.engine,
            epoch: row.epoch,
        }
    }
}

/// `GET /themis/v1/incidents[?host=NAME-or-uuid&status=open]`, newest first.
pub(crate) async fn list(
    State(app): State<AppState>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<Incidents>, Fault> {
    call.demand(rule::THEMIS_INCIDENTS_INDEX)?;
    let limit = parameters.page(app.settings.limit_max)?.limit;
    let host = parameters.last("host");
    let host_uuid = host.and_then(exact);
    let status = parameters
        .last("status")
        .map(|word| {
            word.parse::<IncidentStatus>()
                .map_err(|_| QueryError::IncidentStatus(word.to_owned()))
        })
        .transpose()?;
    let host_name = host.filter(|_| host_uuid.is_none()).map(str::to_owned);
    let rows = incident_list(
        &app.store,
        &IncidentFilter {
            host_uuid,
            host_name,
            status,
            ..IncidentFilter::default()
        },
        limit,
    )
    .await?;
    Ok(Json(Incidents {
        incidents: rows.into_iter().map(IncidentView::from).collect(),
    }))
}

/// `GET /themis/v1/incidents/{incident}`.
pub(crate) async fn show(
    State(app): State<AppState>,
    call: Call,
    Path(id): Path<String>,
) -> Result<Json<OneIncident>, Fault> {
    call.demand(rule::THEMIS_INCIDENTS_DETAIL)?;
    let row = found(&app.store, id).await?;
    let steps = step_list(&app.store, row.uuid)
        .await?
        .into_iter()
        .map(StepView::from)
        .collect();
    let reports = match row.notification_uuid {
        Some(notification) => corroboration_list(&app.store, notification).await?,
        None => Vec::new(),
    };
    Ok(Json(OneIncident {
        incident: IncidentWithSteps {
            incident: row.into(),
            steps,
            corroborations: reports.into_iter().map(CorroborationView::from).collect(),
        },
    }))
}

/// `GET /themis/v1/incidents/{incident}/events?after=ID`, oldest first.
pub(crate) async fn events(
    State(app): State<AppState>,
    call: Call,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<Events>, Fault> {
    call.demand(rule::THEMIS_INCIDENTS_EVENTS)?;
    let limit = parameters.page(EVENTS_MAX)?.limit;
    let after = match parameters.last("after") {
        Some(text) => text.parse().map_err(|_| QueryError::NotAnInteger { name: "after" })?,
        None => 0,
    };
    let row = found(&app.store, id).await?;
    let rows = event_list(&app.store, row.uuid, after, limit).await?;
    Ok(Json(Events {
        events: rows.into_iter().map(EventView::from).collect(),
    }))
}

async fn found(store: &Pool, id: String) -> Result<IncidentRow, Fault> {
    let row = match exact(&id) {
        Some(uuid) => incident_get(store, uuid).await?,
        None => None,
    };
    row.ok_or(Fault::IncidentMissing(id))
}
