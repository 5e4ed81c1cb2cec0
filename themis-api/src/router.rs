//! The whole API: every route, and the layers that each request passes. Read it as the table of contents.
//!
//! A request comes through `mount` (one form of each path), `request_id`, the limits, `auth`, the size check; a route
//! under `/v1` then negotiates its microversion and media type before its handler runs.

use std::sync::Arc;

use axum::error_handling::HandleErrorLayer;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use axum::{BoxError, Router};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::util::MapRequest;
use tower::{ServiceBuilder, load_shed, timeout};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app_state::AppState;
use crate::fault::Fault;
use crate::resources::{extensions, hosts, missing_action, notifications, segments, vmoves};
use crate::themis::{engine, hosts as themis_hosts, incidents, mode, networks, power_devices, requests};
use crate::{auth, body, cors, health, microversion, mount, request_id, unrouted, version_document};

/// Masakari's API, as `docs/operators/compatibility.md` describes it.
fn masakari() -> Router<AppState> {
    Router::new()
        .route("/v1", v1(get(version_document::show)))
        .route("/v1/versions", v1(get(missing_action::index)))
        .route("/v1/versions/v1.0", v1(get(version_document::show)))
        .route("/v1/versions/{id}", v1(get(version_document::missing)))
        .route("/v1/segments", v1(get(segments::list).post(segments::create)))
        .route(
            "/v1/segments/new",
            v1(get(missing_action::new).put(segments::update).delete(segments::delete)),
        )
        .route(
            "/v1/segments/{segment}",
            v1(get(segments::show).put(segments::update).delete(segments::delete)),
        )
        .route("/v1/segments/{segment}/edit", v1(get(missing_action::edit)))
        .route("/v1/segments/{segment}/action", v1(post(missing_action::action)))
        .route("/v1/segments/{segment}/hosts", v1(get(hosts::list).post(hosts::create)))
        .route(
            "/v1/segments/{segment}/hosts/{host}",
            v1(get(hosts::show).put(hosts::update).delete(hosts::delete)),
        )
        .route(
            "/v1/notifications",
            v1(get(notifications::list).post(notifications::create)),
        )
        .route(
            "/v1/notifications/{notification}",
            v1(get(notifications::show)
                .put(missing_action::update)
                .delete(missing_action::delete)),
        )
        .route(
            "/v1/notifications/{notification}/action",
            v1(post(missing_action::action)),
        )
        .route(
            "/v1/notifications/{notification}/vmoves",
            v1(get(vmoves::list).post(missing_action::create)),
        )
        .route("/v1/notifications/{notification}/vmoves/{vmove}", v1(get(vmoves::show)))
        .route("/v1/extensions", v1(get(extensions::list).post(missing_action::create)))
        .route("/v1/extensions/{alias}", v1(get(extensions::show)))
}

/// What Masakari has no word for.
fn themis() -> Router<AppState> {
    Router::new()
        .route("/themis/v1/hosts", ours(get(themis_hosts::list)))
        .route("/themis/v1/hosts/{host}", ours(get(themis_hosts::show)))
        .route("/themis/v1/hosts/{host}/enable", ours(post(requests::enable)))
        .route("/themis/v1/hosts/{host}/disable", ours(post(requests::disable)))
        .route("/themis/v1/hosts/{host}/retry", ours(post(requests::retry)))
        .route(
            "/themis/v1/hosts/{host}/confirm-dead",
            ours(post(requests::confirm_dead)),
        )
        .route(
            "/themis/v1/hosts/{host}/power-devices",
            ours(get(power_devices::list).post(power_devices::create)),
        )
        .route(
            "/themis/v1/hosts/{host}/power-devices/{device}",
            ours(delete(power_devices::delete)),
        )
        .route(
            "/themis/v1/hosts/{host}/power-devices/{device}/test",
            ours(post(power_devices::test)),
        )
        .route("/themis/v1/engine", ours(get(engine::show)))
        .route("/themis/v1/preflight", ours(get(engine::preflight)))
        .route("/themis/v1/requests/{request}", ours(get(requests::show)))
        .route("/themis/v1/mode", ours(get(mode::show).put(mode::update)))
        .route("/themis/v1/incidents", ours(get(incidents::list)))
        .route("/themis/v1/incidents/{incident}", ours(get(incidents::show)))
        .route("/themis/v1/incidents/{incident}/events", ours(get(incidents::events)))
        .route(
            "/themis/v1/segments/{segment}/networks",
            ours(get(networks::show).merge(put(networks::update))),
        )
}

/// What a route of Masakari's API passes before its handler. On the methods, not on the path: a method that the path
/// does not have is unrouted and negotiates nothing.
fn v1(methods: MethodRouter<AppState>) -> MethodRouter<AppState> {
    methods
        .route_layer(from_fn(body::refuse_other_media))
        .route_layer(from_fn(microversion::negotiate))
}

fn ours(methods: MethodRouter<AppState>) -> MethodRouter<AppState> {
    methods.route_layer(from_fn(body::refuse_other_media))
}

/// The service with all its layers, ready to be served.
pub fn service(app: &AppState) -> MapRequest<Router, impl Fn(Request) -> Request + Clone + use<>> {
    let settings = &app.settings;
    let limits = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(limit_reached))
        .load_shed()
        .layer(GlobalConcurrencyLimitLayer::new(settings.concurrency_max))
        .timeout(settings.request_timeout);
    let body_max = settings.body_max;
    let api = masakari()
        .merge(themis())
        .method_not_allowed_fallback(unrouted::answer)
        .fallback(unrouted::answer)
        .layer(DefaultBodyLimit::max(usize::try_from(body_max).unwrap_or(usize::MAX)))
        .layer(from_fn_with_state(Arc::clone(app), unrouted::refuse_head))
        .layer(from_fn(move |request: Request, next: Next| {
            body::refuse_large(body_max, request, next)
        }))
        .layer(from_fn_with_state(Arc::clone(app), auth::authenticate))
        .layer(limits)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(Arc::clone(app), cors::answer))
        .layer(from_fn(request_id::follow));
    // Load balancers ask these; they pass no limit, so that a busy node is not taken for a dead one.
    let probes = Router::new()
        .route("/", get(version_document::list).post(version_document::malformed))
        .route("/healthcheck", get(health::show));
    let router = probes.merge(api).with_state(Arc::clone(app));
    let prefix = settings.path_prefix.clone();
    MapRequest::new(router, move |request: Request| mount::plain_path(&prefix, request))
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
