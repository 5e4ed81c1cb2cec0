//! `/themis/v1/engine`, `/themis/v1/preflight`, `/themis/v1/observers`, `/themis/v1/brakes`: what the leading engine says of
//! itself, what would be missing if the installation were armed now, whom the leader hears, what would hold it back. Passed
//! on as the leader answers.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::json;
use themis_core::leader::{BRAKES, Brakes, LeaderStatus, OBSERVERS, Observers, PREFLIGHT, Preflight, STATUS};

use crate::app_state::AppState;
use crate::call::Call;
use crate::fault::Fault;
use crate::policy::rule;

#[derive(Debug, Serialize)]
pub(crate) struct OneEngine {
    engine: LeaderStatus,
}

#[derive(Debug, Serialize)]
pub(crate) struct OnePreflight {
    preflight: Preflight,
}

/// `GET /themis/v1/engine`.
pub(crate) async fn show(State(app): State<AppState>, call: Call) -> Result<Json<OneEngine>, Fault> {
    call.demand(rule::THEMIS_ENGINE_DETAIL)?;
    let engine = app.leader.ask(&app.store, &call.context(), STATUS, json!({})).await?;
    Ok(Json(OneEngine { engine }))
}

/// `GET /themis/v1/preflight`.
pub(crate) async fn preflight(State(app): State<AppState>, call: Call) -> Result<Json<OnePreflight>, Fault> {
    call.demand(rule::THEMIS_PREFLIGHT_DETAIL)?;
    let preflight = app
        .leader
        .ask(&app.store, &call.context(), PREFLIGHT, json!({}))
        .await?;
    Ok(Json(OnePreflight { preflight }))
}

/// `GET /themis/v1/observers`.
pub(crate) async fn observers(State(app): State<AppState>, call: Call) -> Result<Json<Observers>, Fault> {
    call.demand(rule::THEMIS_OBSERVERS_INDEX)?;
    let observers = app
        .leader
        .ask(&app.store, &call.context(), OBSERVERS, json!({}))
        .await?;
    Ok(Json(observers))
}

/// `GET /themis/v1/brakes`.
pub(crate) async fn brakes(State(app): State<AppState>, call: Call) -> Result<Json<Brakes>, Fault> {
    call.demand(rule::THEMIS_BRAKES_INDEX)?;
    let brakes = app.leader.ask(&app.store, &call.context(), BRAKES, json!({})).await?;
    Ok(Json(brakes))
}
