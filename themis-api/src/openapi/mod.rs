//! The description of the whole API as an OpenAPI 3.1 document, served at `/themis/v1/openapi.json`.
//!
//! It is made from the table of routes: a route that no noun's file describes is one that always answers 405, and a
//! description without a route is found by a test. `themis-api/openapi.json` is the same document, checked in for who
//! reads; the contract tests hold every answer that they get against it, and `.ci/fuzz-api` sends it thousands of
//! requests. Paths under `/v1` exist as `/v1/{project_id}/...` too; the document names each once.

mod faults;
mod hosts;
mod leader;
mod notifications;
mod operation;
mod parameter;
mod segments;
mod shape;
mod themis;
mod versions;

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder, ServerBuilder};

use crate::call::Call;
use crate::routes;
use operation::{Entry, http_method};

const TOKEN: &str = "token";

static TEXT: LazyLock<String> = LazyLock::new(text);

/// `GET /themis/v1/openapi.json`.
pub(crate) async fn show(_call: Call) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// The document as text, for people too.
#[must_use]
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let mut entries = entries();
    let mut paths = PathsBuilder::new();
    for route in routes::all() {
        let of_route = |entry: &Entry| (entry.method, entry.path) == (route.method, route.path);
        if let Some(at) = entries.iter().position(of_route) {
            let operation = entries.swap_remove(at).build(&route);
            paths = paths.path(route.path, PathItem::new(http_method(route.method), operation));
        }
    }
    let key = ApiKeyValue::with_description("X-Auth-Token", "A token of Keystone.");
    let components = ComponentsBuilder::new()
        .schemas_from_iter(shapes())
        .security_scheme(TOKEN, SecurityScheme::ApiKey(ApiKey::Header(key)));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Themis: high availability for compute hosts")
                .version("1.3")
                .description(Some(
                    "Masakari's API under /v1 (also as /v1/{project_id}/...) and Themis's own under /themis/v1.",
                )),
        )
        .servers(Some([ServerBuilder::new().url("/").build()]))
        .paths(paths)
        .components(Some(components.build()))
        .security(Some([SecurityRequirement::new::<_, [&str; 0], &str>(TOKEN, [])]))
        .build()
}

/// Methods and paths that the files of nouns describe.
#[must_use]
pub fn described() -> Vec<(&'static str, &'static str)> {
    entries().iter().map(|entry| (entry.method, entry.path)).collect()
}

fn entries() -> Vec<Entry> {
    [
        versions::entries(),
        segments::entries(),
        hosts::entries(),
        notifications::entries(),
        themis::entries(),
        leader::entries(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn shapes() -> Vec<(&'static str, shape::Shape)> {
    [
        faults::shapes(),
        versions::shapes(),
        segments::shapes(),
        hosts::shapes(),
        notifications::shapes(),
        themis::shapes(),
        leader::shapes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
