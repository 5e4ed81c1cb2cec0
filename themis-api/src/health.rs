//! `/healthcheck`, as oslo.middleware answers it: `OK`, unless the operator has put a file to drain this node. It looks at
//! nothing else: a database that is away is everybody's trouble, and taking this node out would not mend it.

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app_state::AppState;

/// `GET` and `HEAD /healthcheck`.
pub async fn show(State(app): State<AppState>, method: Method, headers: HeaderMap) -> Response {
    // A file that cannot be asked after is taken for absent: it must not drain every node at once.
    let drained = tokio::fs::try_exists(&app.settings.disable_file).await.unwrap_or(false);
    let (status, reason) = if drained {
        (StatusCode::SERVICE_UNAVAILABLE, "DISABLED BY FILE")
    } else {
        (StatusCode::OK, "OK")
    };
    if method == Method::HEAD {
        let status = if drained { status } else { StatusCode::NO_CONTENT };
        return status.into_response();
    }
    let wants_json = headers
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.contains("application/json"));
    let (media, text) = if wants_json {
        (
            "application/json",
            format!("{{\"detailed\": false, \"reasons\": [\"{reason}\"]}}"),
        )
    } else {
        ("text/plain; charset=UTF-8", reason.to_owned())
    };
    (status, [(header::CONTENT_TYPE, media)], text).into_response()
}
