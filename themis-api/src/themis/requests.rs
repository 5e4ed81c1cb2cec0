//! What operators ask of the engine about a host: enable, disable, retry, confirm-dead. A row and a wake-up, answered
//! 202; `GET /themis/v1/requests/{request}` tells what the engine said to it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use themis_core::{HostId, Reason, RequestId};
use themis_db::store::requests::{Request, RequestRow, request_create, request_get};
use themis_db::{RequestKind, RequestStatus};
use uuid::Uuid;

use crate::app_state::{App, AppState};
use crate::body::Body;
use crate::call::Call;
use crate::fault::Fault;
use crate::path_id::{Path, exact};
use crate::policy::rule;
use crate::schema::{Object, Violation};
use crate::schema_text::description;
use crate::wire_time::UtcTime;

/// `{"request": {...}}`.
#[derive(Debug, Serialize)]
pub(crate) struct OneRequest {
    request: RequestView,
}

/// A request in an answer.
#[derive(Debug, Serialize)]
struct RequestView {
    uuid: RequestId,
    kind: RequestKind,
    host_uuid: Option<HostId>,
    status: RequestStatus,
    answer: Option<Reason>,
    created_at: UtcTime,
    handled_at: Option<UtcTime>,
}

impl From<RequestRow> for RequestView {
    fn from(row: RequestRow) -> Self {
        Self {
            uuid: row.request.uuid,
            kind: row.request.kind,
            host_uuid: row.request.host_uuid,
            status: row.status,
            answer: row.answer,
            created_at: UtcTime(row.created_at),
            handled_at: row.handled_at.map(UtcTime),
        }
    }
}

/// What a route answers that has stored a request.
pub(crate) type Accepted = (StatusCode, Json<OneRequest>);

/// Stores a request and wakes the engine.
pub(super) async fn ask(
    app: &App,
    call: &Call,
    kind: RequestKind,
    host: Option<HostId>,
    args: Value,
    reason: String,
) -> Result<Accepted, Fault> {
    let user = &call.caller.user;
    let request = Request {
        uuid: RequestId(Uuid::new_v4()),
        kind,
        host_uuid: host,
        args,
        reason,
        user_id: user.id.clone(),
        user_name: user.name.clone(),
    };
    let row = request_create(&app.store, &request, app.now()).await?;
    tracing::info!(
        "user {} ({}) asks: {kind}, request {}",
        user.name,
        user.id,
        request.uuid
    );
    app.waker.wake();
    Ok((StatusCode::ACCEPTED, Json(OneRequest { request: row.into() })))
}

/// The operator's reason in a body like `{"reason": "..."}`; an absent body is an absent reason.
fn reason(body: Option<&Value>) -> Result<Option<String>, Violation> {
    let empty = json!({});
    let object = Object::bare(body.unwrap_or(&empty))?;
    object.only(&["reason"])?;
    object.text("reason", description)
}

async fn ask_about_host(
    app: &App,
    call: &Call,
    kind: RequestKind,
    host: &str,
    reason: String,
) -> Result<Accepted, Fault> {
    let host = super::host(&app.store, host).await?;
    ask(app, call, kind, Some(host.uuid), json!({}), reason).await
}

macro_rules! host_actions {
    ($($action:ident: $kind:ident by $rule:ident),+ $(,)?) => {$(
        #[doc = concat!("`POST /themis/v1/hosts/{host}/", stringify!($action), "`.")]
        pub(crate) async fn $action(
            State(app): State<AppState>,
            call: Call,
            Path(host): Path<String>,
            Body(body): Body,
        ) -> Result<Accepted, Fault> {
            let reason = reason(body.as_ref())?;
            call.demand(rule::$rule)?;
            ask_about_host(&app, &call, RequestKind::$kind, &host, reason.unwrap_or_default()).await
        }
    )+};
}

host_actions!(
    enable: Enable by THEMIS_HOSTS_ENABLE,
    disable: Disable by THEMIS_HOSTS_DISABLE,
    retry: Retry by THEMIS_HOSTS_RETRY,
);

/// `POST /themis/v1/hosts/{host}/confirm-dead`: the operator vouches, so the reason is demanded and kept with the name.
pub(crate) async fn confirm_dead(
    State(app): State<AppState>,
    call: Call,
    Path(host): Path<String>,
    Body(body): Body,
) -> Result<Accepted, Fault> {
    let reason = reason(body.as_ref())?
        .filter(|reason| !reason.trim().is_empty())
        .ok_or_else(|| {
            Violation::top("'reason' is a required property: say how you know that the host is off, it is recorded")
        })?;
    call.demand(rule::THEMIS_HOSTS_CONFIRM_DEAD)?;
    ask_about_host(&app, &call, RequestKind::ConfirmDead, &host, reason).await
}

/// `GET /themis/v1/requests/{request}`.
pub(crate) async fn show(
    State(app): State<AppState>,
    call: Call,
    Path(id): Path<String>,
) -> Result<Json<OneRequest>, Fault> {
    call.demand(rule::THEMIS_REQUESTS_DETAIL)?;
    let row = match exact(&id) {
        Some(uuid) => request_get(&app.store, uuid).await?,
        None => None,
    };
    let row = row.ok_or(Fault::RequestMissing(id))?;
    Ok(Json(OneRequest { request: row.into() }))
}
