//! Request bodies: which media types are taken for JSON (else 415), size (413), JSON (400). An empty body is no error
//! here: the schema of each route says what it misses. Only POST and PUT have bodies.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::app_state::AppState;
use crate::fault::Fault;
use crate::{call, unrouted};

/// A parsed body; `None` when the request has none.
#[derive(Debug)]
pub struct Body(pub Option<Value>);

impl FromRequest<AppState> for Body {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let bytes = match Bytes::from_request(Request::from_parts(parts.clone(), body), state).await {
            Ok(bytes) => bytes,
            Err(rejection) if is_too_large(&rejection) => {
                return Err(unrouted::too_large(&parts.headers, state.settings.body_max));
            }
            Err(_) => return Err(Fault::MalformedBody.into_response()),
        };
        let value = match bytes.as_ref() {
            [] => None,
            some => Some(serde_json::from_slice(some).map_err(|_| Fault::MalformedBody.into_response())?),
        };
        call::check_project(&parts).map_err(IntoResponse::into_response)?;
        Ok(Self(value))
    }
}

fn is_too_large(rejection: &BytesRejection) -> bool {
    rejection.status() == StatusCode::PAYLOAD_TOO_LARGE
}

/// Refuses media types that are not JSON. Stands before the choice of the action, so that a wrong type at an action
/// that does not exist is 415, as upstream answers; so is one that a GET brings, where nobody reads a body.
pub async fn refuse_other_media(request: Request, next: Next) -> Response {
    if !is_json(request.headers()) {
        return Fault::MediaType.into_response();
    }
    next.run(request).await
}

/// Whether a body is taken for JSON. Absent and `text/plain` count as such: old clients send them.
#[must_use]
pub fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return true;
    };
    let Ok(value) = value.to_str() else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(
        essence.as_str(),
        "" | "text/plain" | "application/json" | "application/vnd.openstack.masakari+json"
    )
}

/// Refuses by the declared length, before anything of the body is read.
pub async fn refuse_large(limit: u64, request: Request, next: Next) -> Response {
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse().ok());
    match declared {
        Some(length) if u64::gt(&length, &limit) => unrouted::too_large(request.headers(), limit),
        _ => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", true)]
    #[case("text/plain", true)]
    #[case("application/json; charset=latin-1", true)]
    #[case("Application/JSON", true)]
    #[case("application/vnd.openstack.masakari+json", true)]
    #[case("application/xml", false)]
    #[case("application/x-www-form-urlencoded", false)]
    fn json_and_what_old_clients_send_for_it_is_taken(#[case] given: &'static str, #[case] taken: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(given));
        assert_eq!(is_json(&headers), taken);
    }
}
