//! `/themis/v1/hosts`: where each host stands, why, and whether it is protected.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};
use themis_core::{HostId, HostState, IncidentId, Reason, SegmentId};
use themis_db::store::Direction;
use themis_db::store::host_states::{HostStateRow, host_state_get, host_state_list};
use themis_db::store::hosts::{HostFilter, HostRow, host_list};
use themis_db::store::power_devices::{power_device_list, power_device_list_all};

use crate::app_state::AppState;
use crate::call::Call;
use crate::fault::Fault;
use crate::list_query::Parameters;
use crate::path_id::Path;
use crate::policy::rule;
use crate::wire_time::UtcTime;

#[derive(Debug, Serialize)]
pub(crate) struct Hosts {
    hosts: Vec<HostView>,
}

#[derive(Debug, Serialize)]
pub(crate) struct OneHost {
    host: HostView,
}

/// A host as the engine sees it. Everything from `protected` to `hold` is the engine's own word, passed on as stored.
#[derive(Debug, Serialize)]
struct HostView {
    uuid: HostId,
    name: String,
    segment_uuid: SegmentId,
    state: HostState,
    since: Option<UtcTime>,
    reason: Reason,
    protected: bool,
    protected_reasons: Value,
    networks: Value,
    power: Value,
    hold: Value,
    incident_uuid: Option<IncidentId>,
}

impl HostView {
    fn new(host: HostRow, state: Option<HostStateRow>, has_device: bool) -> Self {
        match state {
            Some(state) => Self::judged(host, state),
            None => Self::unseen(host, has_device),
        }
    }

    fn judged(host: HostRow, mut state: HostStateRow) -> Self {
        let mut part = |name: &str, absent: Value| state.view.get_mut(name).map_or(absent, Value::take);
        let protected = part("protected", json!(false)) == json!(true);
        let (protected_reasons, networks) = (part("protected_reasons", json!([])), part("networks", json!({})));
        let (power, hold) = (part("power", json!({})), part("hold", Value::Null));
        Self {
            uuid: host.uuid,
            name: host.name,
            segment_uuid: host.segment_uuid,
            state: state.state,
            since: Some(UtcTime(state.since)),
            reason: state.reason,
            protected,
            protected_reasons,
            networks,
            power,
            hold,
            incident_uuid: state.incident_uuid,
        }
    }

    /// A host that no engine has judged yet is not protected, whatever it has.
    fn unseen(host: HostRow, has_device: bool) -> Self {
        let not_judged = Reason::new(
            "not_judged",
            format!("no engine has judged host {} yet; is one running?", host.name),
        );
        let mut unprotected = vec![not_judged.clone()];
        if !has_device {
            let text = format!(
                "host {} has no power device; register one with 'themis power-device set'",
                host.name
            );
            unprotected.push(Reason::new("no_power_device", text));
        }
        Self {
            uuid: host.uuid,
            name: host.name,
            segment_uuid: host.segment_uuid,
            state: HostState::Initializing,
            since: host.created_at.map(UtcTime),
            reason: not_judged,
            protected: false,
            protected_reasons: json!(unprotected),
            networks: json!({}),
            power: json!({}),
            hold: Value::Null,
            incident_uuid: None,
        }
    }
}

/// `GET /themis/v1/hosts`: by name, unless asked otherwise.
pub(crate) async fn list(
    State(app): State<AppState>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<Hosts>, Fault> {
    call.demand(rule::THEMIS_HOSTS_INDEX)?;
    let mut page = parameters.page(app.settings.limit_max)?;
    if parameters.last("sort_key").is_none() {
        page.sort = vec![("name".to_owned(), Direction::Asc)];
    }
    let rows = host_list(&app.store, &HostFilter::default(), &page).await?;
    let mut states: HashMap<HostId, HostStateRow> = host_state_list(&app.store)
        .await?
        .into_iter()
        .map(|state| (state.host_uuid, state))
        .collect();
    let devices = power_device_list_all(&app.store).await?;
    let hosts = rows
        .into_iter()
        .map(|row| {
            let has_device = devices.iter().any(|device| device.device.host_uuid == row.uuid);
            let state = states.remove(&row.uuid);
            HostView::new(row, state, has_device)
        })
        .collect();
    Ok(Json(Hosts { hosts }))
}

/// `GET /themis/v1/hosts/{host}`.
pub(crate) async fn show(
    State(app): State<AppState>,
    call: Call,
    Path(id): Path<String>,
) -> Result<Json<OneHost>, Fault> {
    call.demand(rule::THEMIS_HOSTS_DETAIL)?;
    let row = super::host(&app.store, &id).await?;
    let state = host_state_get(&app.store, row.uuid).await?;
    let has_device = !power_device_list(&app.store, row.uuid).await?.is_empty();
    Ok(Json(OneHost {
        host: HostView::new(row, state, has_device),
    }))
}
