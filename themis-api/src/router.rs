//! The layers that each request passes on its way to the routes of [`crate::routes`].
//!
//! A request comes through `mount` (one form of each path), `request_id`, the limits, the check of the declared size,
//! `auth`; a route under `/v1` then negotiates its microversion and media type before its handler runs. So what is wrong is
//! said in the order of the contract: size (413), token (401, 503), route (404), microversion (400, 406), media type (415), action
//! (405), JSON (400), project in the path (400), schema (400), right (403), then what the resource says.

use std::convert::Infallible;
use std::sync::Arc;

use axum::error_handling::HandleErrorLayer;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{BoxError, Router};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::{Service, ServiceBuilder, load_shed, timeout};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app_state::AppState;
use crate::fault::Fault;
use crate::{answer_media, auth, body, cors, health, mount, request_id, routes, unrouted, version_document};

/// The service with all its layers, ready to be served.
pub fn service(
    app: &AppState,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + use<> {
    let settings = &app.settings;
    let limits = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(limit_reached))
        .load_shed()
        .layer(GlobalConcurrencyLimitLayer::new(settings.concurrency_max))
        .timeout(settings.request_timeout);
    let body_max = settings.body_max;
    let api = routes::router()
        .method_not_allowed_fallback(unrouted::answer)
        .fallback(unrouted::answer)
        .layer(DefaultBodyLimit::max(usize::try_from(body_max).unwrap_or(usize::MAX)))
        .layer(from_fn_with_state(Arc::clone(app), unrouted::refuse_head))
        .layer(from_fn_with_state(Arc::clone(app), auth::authenticate))
        .layer(from_fn(move |request: Request, next: Next| {
            body::refuse_large(body_max, request, next)
        }))
        .layer(limits)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(Arc::clone(app), cors::answer))
        .layer(from_fn(request_id::follow));
    // Load balancers ask these; they pass no limit, so that a busy node is not taken for a dead one.
    let probes = Router::new()
        .route("/", any(version_document::list).layer(from_fn(answer_media::name)))
        .route("/healthcheck", any(health::show))
        .route("/healthcheck/{*rest}", any(health::show))
        .route("/healthcheck/", any(health::show))
        .layer(
            ServiceBuilder::new()
                .layer(HandleErrorLayer::new(limit_reached))
                .timeout(settings.request_timeout),
        );
    let router = probes.merge(api).with_state(Arc::clone(app));
    let prefix = settings.path_prefix.clone();
    ServiceBuilder::new()
        .map_request(move |request: Request| mount::plain_path(&prefix, request))
        .map_response(unrouted::without_methods)
        .service(router)
}

async fn limit_reached(error: BoxError) -> Fault {
    if error.is::<load_shed::error::Overloaded>() {
        Fault::Overloaded
    } else if error.is::<timeout::error::Elapsed>() {
        Fault::TimedOut
    } else {
        Fault::Panicked
    }
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Fault::Panicked.into_response()
}
