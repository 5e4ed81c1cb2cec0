//! The two things that the API asks of a cloud, on a real socket: Keystone's word on a token, and whether Nova knows a
//! compute service. Tokens and hosts are fixed; Keystone and Nova can be told to fail. The lab has the real ones.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The project of every token but those for the system or a domain.
pub(crate) const PROJECT: &str = "a1b2c3";

/// The stub, for the test's eyes and hands.
#[derive(Debug, Default)]
pub(crate) struct Cloud {
    /// Validations that Keystone was asked for.
    pub(crate) validations: AtomicUsize,
    /// Keystone answers 500 to validations.
    pub(crate) keystone_fails: AtomicBool,
    /// Nova answers 500.
    pub(crate) nova_fails: AtomicBool,
    /// Whoever holds it makes Nova wait with its answer.
    pub(crate) nova_waits: tokio::sync::Mutex<()>,
    /// The ids of requests that validations and questions to Nova bore, in their order.
    pub(crate) request_ids: Mutex<Vec<String>>,
}

/// Starts the stub; gives its base address.
pub(crate) async fn start() -> (Arc<Cloud>, String) {
    let cloud = Arc::new(Cloud::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let state = (Arc::clone(&cloud), base.clone());
    let routes = Router::new()
        .route("/v3/auth/tokens", post(log_in).get(validate))
        .route("/compute/v2.1/os-services", get(services))
        .with_state(state);
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (cloud, base)
}

impl Cloud {
    fn note_id(&self, headers: &HeaderMap) {
        let id = headers
            .get("x-openstack-request-id")
            .map(|value| value.to_str().unwrap());
        self.request_ids.lock().unwrap().push(id.unwrap_or("none").to_owned());
    }
}

type Shared = State<(Arc<Cloud>, String)>;

async fn log_in(State((_, base)): Shared) -> Response {
    let endpoint = |path: &str| json!([{"interface": "internal", "region": "R", "region_id": "R", "url": format!("{base}{path}")}]);
    let body = json!({"token": {
        "issued_at": "2026-11-20T00:00:00.000000Z",
        "expires_at": "2026-11-21T00:00:00.000000Z",
        "user": {"id": "themis"},
        "project": {"id": "service"},
        "roles": [{"name": "admin"}],
        "catalog": [
            {"type": "identity", "endpoints": endpoint("/v3")},
            {"type": "compute", "endpoints": endpoint("/compute/v2.1")},
        ],
    }});
    (
        StatusCode::CREATED,
        [("x-subject-token", "token-of-themis")],
        Json(body),
    )
        .into_response()
}

/// Of one question about a token.
#[derive(Deserialize)]
struct Validation {
    allow_expired: Option<String>,
}

async fn validate(State((cloud, _)): Shared, Query(asked): Query<Validation>, headers: HeaderMap) -> Response {
    cloud.validations.fetch_add(1, Ordering::Relaxed);
    cloud.note_id(&headers);
    if cloud.keystone_fails.load(Ordering::Relaxed) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let token = headers
        .get("x-subject-token")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let Some(who) = token.strip_prefix("token-of-") else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let is_over = who == "stale";
    if is_over && asked.allow_expired.is_none() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let (roles, project, system): (&[&str], Value, Value) = match who {
        "stale" => (&["member"], project(), Value::Null),
        "bound" => (&["admin"], project(), Value::Null),
        "domain-admin" => (&["admin"], Value::Null, Value::Null),
        "system-admin" => (&["admin", "reader"], Value::Null, json!({"all": true})),
        "admin" => (&["Admin", "member"], project(), Value::Null),
        "member" => (&["member", "reader"], project(), Value::Null),
        "service" => (&["service"], project(), Value::Null),
        "system-reader" => (&["reader"], Value::Null, json!({"all": true})),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let roles: Vec<Value> = roles.iter().map(|name| json!({"id": name, "name": name})).collect();
    let mut token = json!({
        "expires_at": if is_over { "2020-01-01T00:00:00.000000Z" } else { "2099-01-01T00:00:00.000000Z" },
        "user": {"id": format!("id-of-{who}"), "name": who, "domain": domain()},
        "roles": roles,
    });
    if !project.is_null() {
        token["project"] = project;
    }
    if !system.is_null() {
        token["system"] = system;
    }
    if who == "domain-admin" {
        token["domain"] = domain();
    }
    if who == "bound" {
        let rule =
            |method: &str, path: &str| json!({"id": "r", "service": "instance-ha", "method": method, "path": path});
        let rules = [
            rule("GET", "/v1/segments"),
            rule("GET", "/v1/*/segments"),
            rule("POST", "/v1/notifications"),
        ];
        token["application_credential"] = json!({"id": "c", "restricted": true, "access_rules": rules});
    }
    Json(json!({"token": token})).into_response()
}

fn domain() -> Value {
    json!({"id": "default", "name": "Default"})
}

fn project() -> Value {
    json!({"id": PROJECT, "name": "operations", "domain": domain()})
}

#[derive(Deserialize)]
struct Asked {
    host: Option<String>,
}

/// Nova knows every host whose name begins with `compute-`.
async fn services(State((cloud, _)): Shared, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    cloud.note_id(&headers);
    drop(cloud.nova_waits.lock().await);
    if cloud.nova_fails.load(Ordering::Relaxed) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let known = asked.host.filter(|name| name.starts_with("compute-"));
    let services: Vec<Value> = known
        .map(|host| {
            json!({"id": "0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b", "host": host, "binary": "nova-compute", "state": "up",
                   "status": "enabled", "forced_down": false, "disabled_reason": null, "updated_at": null})
        })
        .into_iter()
        .collect();
    Json(json!({"services": services})).into_response()
}
