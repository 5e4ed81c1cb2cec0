//! `/themis/v1/mode`: observe or armed, for all and for single segments. Changing it is a request to the engine, which
//! looks at the preflight first and may refuse.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};
use themis_core::{Mode, SegmentId};
use themis_db::RequestKind;
use themis_db::store::hosts::host_find_by_name;
use themis_db::store::modes::mode_read;

use super::requests::{Accepted, ask};
use crate::app_state::AppState;
use crate::body::Body;
use crate::call::Call;
use crate::fault::Fault;
use crate::policy::rule;
use crate::resources::segments;
use crate::schema::{Object, Violation};
use crate::schema_text::{description, name};

/// Hosts whose unbound devices one request accepts at most; each is a word of an operator.
const ACCEPTED_MAX: usize = 100;

#[derive(Debug, Serialize)]
pub(crate) struct OneMode {
    mode: ModeView,
}

#[derive(Debug, Serialize)]
struct ModeView {
    global: Mode,
    segments: BTreeMap<SegmentId, Mode>,
}

/// `GET /themis/v1/mode`.
pub(crate) async fn show(State(app): State<AppState>, call: Call) -> Result<Json<OneMode>, Fault> {
    call.demand(rule::THEMIS_MODE_DETAIL)?;
    let modes = mode_read(&app.store).await?;
    Ok(Json(OneMode {
        mode: ModeView {
            global: modes.global,
            segments: modes.segments,
        },
    }))
}

struct ModeUpdate {
    value: Mode,
    segment: Option<String>,
    accept_unbound: Vec<String>,
    reason: String,
}

impl ModeUpdate {
    fn check(body: Option<&Value>) -> Result<Self, Violation> {
        let object = Object::enveloped(body, "mode")?;
        object.only(&["value", "segment_uuid", "accept_unbound", "reason"])?;
        let accept_unbound = object.texts("accept_unbound", ACCEPTED_MAX, name)?.unwrap_or_default();
        Ok(Self {
            value: object.needed_word("value", &[Mode::Observe.name(), Mode::Armed.name()])?,
            segment: object.nullable_text("segment_uuid", |_| Ok(()))?.flatten(),
            accept_unbound,
            reason: object.text("reason", description)?.unwrap_or_default(),
        })
    }
}

/// `PUT /themis/v1/mode`.
pub(crate) async fn update(State(app): State<AppState>, call: Call, Body(body): Body) -> Result<Accepted, Fault> {
    let asked = ModeUpdate::check(body.as_ref())?;
    call.demand(rule::THEMIS_MODE_UPDATE)?;
    if let Some(segment) = &asked.segment {
        segments::found(&app.store, segment).await?;
    }
    for host in &asked.accept_unbound {
        if host_find_by_name(&app.store, host).await?.is_none() {
            return Err(Fault::HostNameMissing(host.clone()));
        }
    }
    let args = json!({"value": asked.value, "segment_uuid": asked.segment, "accept_unbound": asked.accept_unbound});
    ask(&app, &call, RequestKind::Mode, None, args, asked.reason).await
}
