//! One operation: what a noun's file says of a route, and what every route has in common with the others.
//!
//! Access rule and query parameters are taken from the table of routes, statuses that follow from the layers of the
//! router are added here; a noun's file names only what its handlers themselves refuse.

use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{ContentBuilder, HttpMethod, Required, ResponseBuilder};

use super::parameter;
use super::shape::{Shape, named, text};
use crate::routes::Route;

/// What a noun's file says of one route.
pub(super) struct Entry {
    /// `get`, `post`, `put` or `delete`.
    pub(super) method: &'static str,
    /// As in the table of routes.
    pub(super) path: &'static str,
    tag: &'static str,
    summary: &'static str,
    status: u16,
    answer: Option<Shape>,
    body: Option<(Shape, Required)>,
    refusals: &'static [(u16, &'static str)],
}

impl Entry {
    /// An operation that answers 200 with a body.
    pub(super) fn new(method: &'static str, path: &'static str, tag: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            path,
            tag,
            summary,
            status: 200,
            answer: None,
            body: None,
            refusals: &[],
        }
    }

    /// What it answers when it succeeds.
    pub(super) fn answers(mut self, status: u16, shape: Shape) -> Self {
        (self.status, self.answer) = (status, Some(shape));
        self
    }

    /// It answers 204.
    pub(super) fn answers_nothing(mut self) -> Self {
        self.status = 204;
        self
    }

    /// The body that it demands.
    pub(super) fn takes(mut self, shape: Shape) -> Self {
        self.body = Some((shape, Required::True));
        self
    }

    /// A body that it may be sent.
    pub(super) fn may_take(mut self, shape: Shape) -> Self {
        self.body = Some((shape, Required::False));
        self
    }

    /// What its handler refuses beyond 400 and 403.
    pub(super) const fn refuses(mut self, refusals: &'static [(u16, &'static str)]) -> Self {
        self.refusals = refusals;
        self
    }

    /// The operation, with what the route and the layers add.
    pub(super) fn build(self, route: &Route) -> OperationBuilder {
        let rule = route.rule.map_or_else(
            || "Every valid token may do this.".to_owned(),
            |rule| format!("Access rule: `{rule}`."),
        );
        let mut operation = OperationBuilder::new()
            .operation_id(Some(operation_id(self.method, self.path)))
            .tag(self.tag)
            .summary(Some(self.summary))
            .description(Some(rule));
        for name in path_parameters(self.path) {
            operation = operation.parameter(parameter::in_path(name));
        }
        for name in route.parameters {
            operation = operation.parameter(parameter::in_query(self.path, name));
        }
        if self.path.starts_with("/v1") {
            operation = operation.parameter(parameter::microversion());
        }
        if let Some((shape, required)) = self.body {
            let content = ContentBuilder::new().schema(Some(shape)).build();
            let body = RequestBodyBuilder::new()
                .content("application/json", content)
                .required(Some(required));
            operation = operation.request_body(Some(body.build()));
        }
        operation = operation.response(self.status.to_string(), success(self.answer));
        for (status, meaning) in common(self.path, route.rule.is_some()) {
            operation = operation.response(status.to_string(), refusal(status, meaning));
        }
        for (status, meaning) in self.refusals {
            operation = operation.response(status.to_string(), refusal(*status, meaning));
        }
        operation
    }
}

/// `get_v1_segments_segment`.
fn operation_id(method: &str, path: &str) -> String {
    let words: String = path
        .chars()
        .filter(|c| !matches!(c, '{' | '}'))
        .map(|c| if matches!(c, '/' | '-' | '.') { '_' } else { c })
        .collect();
    format!("{method}{words}")
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{').and_then(|part| part.strip_suffix('}')))
}

/// What the layers refuse, whatever the handler.
fn common(path: &str, has_rule: bool) -> Vec<(u16, &'static str)> {
    let mut refusals = vec![
        (
            400,
            "The request is malformed: body, query, microversion or a project id in the path that is not the token's.",
        ),
        (401, "No token, or one that Keystone refuses."),
        (
            503,
            "The database, Keystone, Nova or the leading engine is away, or the service is too busy.",
        ),
    ];
    if has_rule {
        refusals.push((403, "The access rule does not allow it."));
    }
    if path.starts_with("/v1") {
        refusals.push((406, "The microversion is not one of 1.0 to 1.3."));
    }
    // By the declared length and type, whether the method has a use for a body or not.
    refusals.push((
        413,
        "The body is larger than `[oslo_middleware] max_request_body_size`.",
    ));
    refusals.push((415, "The body is not JSON."));
    refusals
}

fn success(answer: Option<Shape>) -> ResponseBuilder {
    let response = ResponseBuilder::new().description("Done.");
    match answer {
        Some(shape) => response.content("application/json", ContentBuilder::new().schema(Some(shape)).build()),
        None => response,
    }
}

fn refusal(status: u16, meaning: &str) -> ResponseBuilder {
    let as_json = |shape: &str| ContentBuilder::new().schema(Some(named(shape))).build();
    let as_text = || ContentBuilder::new().schema(Some(text())).build();
    let response = ResponseBuilder::new().description(meaning);
    match status {
        401 => response.content("application/json", as_json("Unauthorized")),
        // Keystone's absence is told as the token filter of every OpenStack service tells it.
        503 => response
            .content("application/json", as_json("Fault"))
            .content("text/plain", as_text()),
        413 => response
            .content("application/json", as_json("Page"))
            .content("text/html", as_text())
            .content("text/plain", as_text()),
        _ => response.content("application/json", as_json("Fault")),
    }
}

/// The method as the document's library names it.
pub(super) fn http_method(method: &str) -> HttpMethod {
    match method {
        "post" => HttpMethod::Post,
        "put" => HttpMethod::Put,
        "delete" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

/// A parameter under construction.
pub(super) fn parameter(name: &str, place: ParameterIn, meaning: &str, shape: Shape) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(meaning))
        .schema(Some(shape))
}
