//! A cloud for one test: a listener that answers as Keystone (`/v3`) and as Themis, and keeps what it was asked. It only
//! says what the test tells it to; that the real services speak so is proven in the lab.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::programs::{Ran, program};

/// What was asked of Themis: method, path with query, body.
pub(crate) type Asked = (String, String, Value);

#[derive(Default)]
struct Script {
    /// Answers by `METHOD /path` (no query), one after the other; the last one stays.
    answers: HashMap<String, Vec<(u16, Value)>>,
    asked: Vec<Asked>,
    tokens: usize,
}

/// The cloud.
pub(crate) struct Cloud {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
}

impl Cloud {
    pub(crate) async fn new() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new()
            .route("/identity/v3/auth/tokens", axum::routing::post(token))
            .fallback(themis)
            .with_state((address, script.clone()));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let cloud = Self { address, script };
        cloud.says("GET /themis/v1/hosts", 200, json!({"hosts": []}));
        cloud
    }

    /// From now on this is answered (after what was said before for the same route).
    pub(crate) fn says(&self, route: &str, status: u16, body: Value) {
        self.script
            .lock()
            .unwrap()
            .answers
            .entry(route.to_owned())
            .or_default()
            .push((status, body));
    }

    /// Only this is answered.
    pub(crate) fn says_only(&self, route: &str, status: u16, body: Value) {
        self.script
            .lock()
            .unwrap()
            .answers
            .insert(route.to_owned(), vec![(status, body)]);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.lock().unwrap().asked.clone()
    }

    pub(crate) fn tokens(&self) -> usize {
        self.script.lock().unwrap().tokens
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Runs `themis` with this cloud in `OS_*`.
    pub(crate) async fn themis(&self, words: &[&str]) -> Ran {
        self.themis_with(words, &[]).await
    }

    pub(crate) async fn themis_with(&self, words: &[&str], more: &[(&str, &str)]) -> Ran {
        let auth_url = format!("{}/identity/v3", self.url());
        let mut variables = vec![
            ("OS_AUTH_URL", auth_url.as_str()),
            ("OS_USERNAME", "anna"),
            ("OS_PASSWORD", "geheim"),
            ("OS_PROJECT_NAME", "ops"),
        ];
        variables.extend(more);
        program(env!("CARGO_BIN_EXE_themis"), words, &variables, "").await
    }
}

type Shared = State<(SocketAddr, Arc<Mutex<Script>>)>;

async fn token(State((address, script)): Shared, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    if asked.pointer("/auth/identity/password/user/password") != Some(&json!("geheim")) {
        return (
            StatusCode::UNAUTHORIZED,
            json!({"error": {"message": "The request you have made requires authentication."}}).to_string(),
        )
            .into_response();
    }
    script.lock().unwrap().tokens += 1;
    let endpoint =
        json!({"interface": "public", "region": "R", "region_id": "R", "url": format!("http://{address}/v1/p1")});
    let body = json!({"token": {
        "issued_at": "2026-11-20T12:00:00.000000Z", "expires_at": "2026-11-20T13:00:00.000000Z",
        "user": {"id": "u1", "name": "anna", "domain": {"id": "default", "name": "Default"}},
        "project": {"id": "p1", "name": "ops", "domain": {"id": "default", "name": "Default"}},
        "roles": [{"id": "r1", "name": "admin"}], "methods": ["password"],
        "catalog": [{"type": "instance-ha", "name": "masakari", "id": "s", "endpoints": [endpoint]}],
    }});
    (
        StatusCode::CREATED,
        [("x-subject-token", "T"), ("content-type", "application/json")],
        body.to_string(),
    )
        .into_response()
}

async fn themis(State((_, script)): Shared, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    assert_eq!(headers.get("x-auth-token").unwrap(), "T");
    let mut script = script.lock().unwrap();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    script.asked.push((method.to_string(), uri.to_string(), body));
    let route = format!("{method} {}", uri.path());
    let Some(answers) = script.answers.get_mut(&route) else {
        let missing = json!({"itemNotFound": {"code": 404, "message": format!("test: nothing is said for {route}")}});
        return (StatusCode::NOT_FOUND, missing.to_string()).into_response();
    };
    let (status, body) = if answers.len() > 1 {
        answers.remove(0)
    } else {
        answers[0].clone()
    };
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    (StatusCode::from_u16(status).unwrap(), text).into_response()
}
