//! Version discovery: `/` and unknown paths need no token, `/v1` does. Nothing here touches the database.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::IgnoredAny;

use crate::app_state::AppState;
use crate::base_url::BaseUrl;
use crate::call::Call;
use crate::fault::Fault;
use crate::microversion::Microversion;
use crate::path_id::Path;
use crate::{body, unrouted};

/// When upstream last changed the major version; clients only show it.
const UPDATED: &str = "2016-07-01T11:33:21Z";

#[derive(Debug, Serialize)]
struct Versions {
    versions: [Listed; 1],
}

#[derive(Debug, Serialize)]
struct Listed {
    id: &'static str,
    status: &'static str,
    version: String,
    min_version: String,
    updated: &'static str,
    links: [Link; 1],
}

#[derive(Debug, Serialize)]
struct Choices {
    choices: [Choice; 1],
}

#[derive(Debug, Serialize)]
struct Choice {
    id: &'static str,
    status: &'static str,
    links: [Link; 1],
    #[serde(rename = "media-types")]
    media_types: [MediaType; 1],
}

#[derive(Debug, Serialize)]
struct Version {
    version: Shown,
}

#[derive(Debug, Serialize)]
struct Shown {
    id: &'static str,
    status: &'static str,
    version: String,
    min_version: String,
    updated: &'static str,
    links: [Link; 2],
    #[serde(rename = "media-types")]
    media_types: [MediaType; 1],
}

#[derive(Debug, Serialize)]
struct Link {
    rel: &'static str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    media: Option<&'static str>,
    href: String,
}

#[derive(Debug, Serialize)]
struct MediaType {
    base: &'static str,
    #[serde(rename = "type")]
    media: &'static str,
}

const MEDIA_TYPE: MediaType = MediaType {
    base: "application/json",
    media: "application/vnd.openstack.masakari+json;version=1",
};

fn own_link(base: &BaseUrl, path: &str) -> Link {
    Link {
        rel: "self",
        media: None,
        href: format!("{}/v1/{}", base.0, path.trim_matches('/')),
    }
}

/// `/`, with any method.
pub async fn list(State(app): State<AppState>, base: BaseUrl, request: Request) -> Response {
    let listed = Listed {
        id: "v1.0",
        status: "CURRENT",
        version: Microversion::MAX.to_string(),
        min_version: Microversion::MIN.to_string(),
        updated: UPDATED,
        links: [own_link(&base, "")],
    };
    let list = Json(Versions { versions: [listed] }).into_response();
    after_its_body(app.settings.body_max, request, list).await
}

/// What a request brings must be JSON, as upstream demands of every path before it looks further: a body of another media
/// type is 415, one that is no JSON 400, one beyond `body_max` bytes 413. A body that is declared empty is none.
pub async fn after_its_body(body_max: u64, request: Request, answer: Response) -> Response {
    if !body::is_json(request.headers()) {
        return Fault::MediaType.into_response();
    }
    let headers = request.headers().clone();
    let declared_empty = headers.get(header::CONTENT_LENGTH).is_some_and(|length| length == "0");
    if declared_empty || !matches!(*request.method(), Method::POST | Method::PUT) {
        return answer;
    }
    let limit = usize::try_from(body_max).unwrap_or(usize::MAX);
    let Ok(body) = to_bytes(request.into_body(), limit).await else {
        return unrouted::too_large(&headers, body_max);
    };
    match serde_json::from_slice::<IgnoredAny>(&body) {
        Ok(_) => answer,
        Err(_) => Fault::MalformedBody.into_response(),
    }
}

/// Any path outside `/v1`: where the API is.
#[must_use]
pub fn choices(base: &BaseUrl, path: &str) -> Response {
    let choice = Choice {
        id: "v1.0",
        status: "CURRENT",
        links: [own_link(base, path)],
        media_types: [MEDIA_TYPE],
    };
    (StatusCode::MULTIPLE_CHOICES, Json(Choices { choices: [choice] })).into_response()
}

/// `GET /v1`.
pub async fn show(_call: Call, base: BaseUrl) -> Response {
    let described = Link {
        rel: "describedby",
        media: Some("text/html"),
        href: "https://docs.openstack.org/".to_owned(),
    };
    let version = Shown {
        id: "v1.0",
        status: "CURRENT",
        version: Microversion::MAX.to_string(),
        min_version: Microversion::MIN.to_string(),
        updated: UPDATED,
        links: [own_link(&base, ""), described],
        media_types: [MEDIA_TYPE],
    };
    Json(Version { version }).into_response()
}

/// `GET /v1/versions/{id}`.
pub async fn by_id(call: Call, base: BaseUrl, Path(id): Path<String>) -> Result<Response, Fault> {
    if id == "v1.0" {
        Ok(show(call, base).await)
    } else {
        Err(Fault::ResourceMissing)
    }
}
