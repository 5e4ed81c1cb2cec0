//! Every request under `/v1` and `/themis` gets an id of its own, which the answer names and each log line of the request
//! shows. A caller's id in the same header is kept beside it as the global one, when it has the form of an id.
//! One line per request goes to the log when it is answered, and it is counted.

use std::net::SocketAddr;

use axum::body::HttpBody;
use axum::extract::{ConnectInfo, OriginalUri, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use themis_messaging::Context;
use themis_openstack::correlation;
use themis_openstack::token::Caller;
use themis_service::logging::{self, RequestContext};
use tokio::time::Instant;
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::auth::is_guarded;

const HEADER: HeaderName = HeaderName::from_static("x-openstack-request-id");

tokio::task_local! {
    /// The ids of the request that this task answers.
    static CURRENT: RequestIds;
}

/// The ids of the request that is being answered here; `None` outside of requests.
#[must_use]
pub fn current() -> Option<RequestIds> {
    CURRENT.try_with(RequestIds::clone).ok()
}

/// The ids of a request.
#[derive(Debug, Clone)]
pub struct RequestIds {
    /// Ours, always new.
    pub local: String,
    /// The caller's, sent on to other services.
    pub global: Option<String>,
    span: Span,
}

impl RequestIds {
    fn new(headers: &HeaderMap) -> Self {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
        let span = tracing::error_span!("request");
        let ids = Self {
            local: format!("req-{}", Uuid::new_v4()),
            global: given.filter(|id| is_request_id(id)).map(str::to_owned),
            span,
        };
        ids.show(RequestContext::default());
        ids
    }

    /// From here on log lines also show who asks.
    pub fn name_caller(&self, caller: &Caller) {
        let project = caller.project.as_ref();
        self.show(RequestContext {
            user_id: Some(caller.user.id.clone()),
            project_id: project.map(|project| project.id.clone()),
            domain_id: caller.domain_id.clone(),
            system_scope: caller.system_scope.clone(),
            user_domain_id: Some(caller.user.domain_id.clone()),
            project_domain_id: project.map(|project| project.domain_id.clone()),
            ..RequestContext::default()
        });
    }

    /// What messages on the bus carry of this request, so that the engine's log can be read beside ours.
    #[must_use]
    pub fn context(&self) -> Context {
        Context::of_request(&self.local, self.global.as_deref())
    }

    fn show(&self, known: RequestContext) {
        let context = RequestContext {
            global_request_id: self.global.clone(),
            request_id: self.local.clone(),
            ..known
        };
        logging::attach(&self.span, context);
    }
}

/// `req-` and a UUID in lower case with dashes.
fn is_request_id(text: &str) -> bool {
    text.strip_prefix("req-")
        .is_some_and(|id| id.len() == 36 && Uuid::try_parse(id).is_ok() && !id.bytes().any(|b| b.is_ascii_uppercase()))
}

/// A label of few values, whatever a client invents.
fn counted(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

/// Gives the request its ids and writes its line.
pub async fn follow(mut request: Request, next: Next) -> Response {
    if !is_guarded(request.uri().path()) {
        return next.run(request).await;
    }
    let started = Instant::now();
    let ids = RequestIds::new(request.headers());
    let client = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip().to_string());
    let uri = request
        .extensions()
        .get::<OriginalUri>()
        .map_or_else(|| request.uri().clone(), |uri| uri.0.clone());
    let line = format!("{} \"{} {uri}\"", client.as_deref().unwrap_or("-"), request.method());
    let method = counted(request.method());
    // Upstream answers OPTIONS before there is an id.
    let is_named = request.method() != Method::OPTIONS;
    request.extensions_mut().insert(ids.clone());
    let handed_on = ids.global.as_deref().unwrap_or(&ids.local);
    let mut response = correlation::on_behalf_of(handed_on, CURRENT.scope(ids.clone(), next.run(request)))
        .instrument(ids.span.clone())
        .await;
    if is_named && let Ok(value) = HeaderValue::from_str(&ids.local) {
        response.headers_mut().insert(HEADER, value);
    }
    let length = response.body().size_hint().exact().unwrap_or(0);
    let (status, seconds) = (response.status().as_u16(), started.elapsed().as_secs_f64());
    metrics::counter!("themis_api_requests_total", "method" => method, "status" => status.to_string()).increment(1);
    metrics::histogram!("themis_api_request_seconds").record(seconds);
    ids.span
        .in_scope(|| tracing::info!("{line} status: {status} len: {length} time: {seconds:.7}"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_the_form_of_an_id_is_kept_as_the_global_one() {
        assert!(is_request_id("req-0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b"));
        for bad in [
            "",
            "req-",
            "0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b",
            "req-0E8CD1CF-2f0e-4bb9-8c09-2b1b3f3f1c4b",
            "req-0e8cd1cf2f0e4bb98c092b1b3f3f1c4b",
            "req-0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b\nx",
        ] {
            assert!(!is_request_id(bad), "{bad}");
        }
    }
}
