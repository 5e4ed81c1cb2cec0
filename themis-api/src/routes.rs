//! The table of contents: every route with its handler and the access rule that it demands. The router is made from this
//! table, and the contract tests go through it, so no route can be served without being seen by both.
//!
//! A route without a rule is open to everybody who has a valid token: version documents, and actions that Masakari's router
//! knows and no controller has (405; `new` in place of an id is one more, see [`missing_action::refuse_new`]).

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, delete, get, post, put};

use crate::app_state::AppState;
use crate::list_query::refuse_unknown;
use crate::policy::rule;
use crate::resources::{extensions, hosts, missing_action, notifications, segments, vmoves};
use crate::themis::{
    decision_matrix, engine, hosts as themis_hosts, incidents, mode, networks, power_devices, reports, requests,
};
use crate::{answer_media, body, microversion, openapi, version_document};

/// A route as tests and documentation see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// `get`, `post`, `put` or `delete`.
    pub method: &'static str,
    /// With names in braces where ids stand.
    pub path: &'static str,
    /// The access rule that the handler demands.
    pub rule: Option<&'static str>,
    /// Query parameters that it reads; under `/v1` unknown ones are ignored, as upstream does.
    pub parameters: &'static [&'static str],
}

macro_rules! routes {
    ($table:ident, $router:ident, $wrap:ident:
        $($method:ident $path:literal => $handler:path $(, by $rule:path)? $(, reads $parameters:expr)?;)+) => {
        const $table: &[Route] = &[$(Route {
            method: stringify!($method),
            path: $path,
            rule: routes!(@rule $($rule)?),
            parameters: routes!(@parameters $($parameters)?),
        }),+];

        fn $router() -> Router<AppState> {
            Router::new()$(.route($path, $wrap($method($handler), routes!(@parameters $($parameters)?))))+
        }
    };
    (@rule) => { None };
    (@rule $rule:path) => { Some($rule) };
    (@parameters) => { &[] };
    (@parameters $parameters:expr) => { $parameters };
}

const PAGE: &[&str] = &["limit", "page_size", "marker", "sort_key", "sort_dir"];
const SEGMENT_LIST: &[&str] = &[
    "limit",
    "page_size",
    "marker",
    "sort_key",
    "sort_dir",
    "recovery_method",
    "service_type",
    "enabled",
];
const HOST_LIST: &[&str] = &[
    "limit",
    "page_size",
    "marker",
    "sort_key",
    "sort_dir",
    "type",
    "on_maintenance",
    "reserved",
];
const NOTIFICATION_LIST: &[&str] = &[
    "limit",
    "page_size",
    "marker",
    "sort_key",
    "sort_dir",
    "status",
    "type",
    "source_host_uuid",
    "generated-since",
];
const VMOVE_LIST: &[&str] = &["limit", "page_size", "marker", "sort_key", "sort_dir", "type", "status"];

// Masakari's API, as `docs/operators/compatibility.md` describes it.
routes! { MASAKARI, masakari, v1:
    get "/v1" => version_document::show;
    get "/v1/versions" => missing_action::index;
    post "/v1/versions" => missing_action::create;
    get "/v1/versions/{id}" => version_document::by_id;
    put "/v1/versions/{id}" => missing_action::update;
    delete "/v1/versions/{id}" => missing_action::delete;
    get "/v1/versions/{id}/edit" => missing_action::edit;

    get "/v1/segments" => segments::list, by rule::SEGMENTS_INDEX, reads SEGMENT_LIST;
    post "/v1/segments" => segments::create, by rule::SEGMENTS_CREATE;
    get "/v1/segments/{segment}" => segments::show, by rule::SEGMENTS_DETAIL;
    put "/v1/segments/{segment}" => segments::update, by rule::SEGMENTS_UPDATE;
    delete "/v1/segments/{segment}" => segments::delete, by rule::SEGMENTS_DELETE;
    get "/v1/segments/{segment}/edit" => missing_action::edit;
    post "/v1/segments/{segment}/action" => missing_action::action;

    get "/v1/segments/{segment}/hosts" => hosts::list, by rule::HOSTS_INDEX, reads HOST_LIST;
    post "/v1/segments/{segment}/hosts" => hosts::create, by rule::HOSTS_CREATE;
    get "/v1/segments/{segment}/hosts/{host}" => hosts::show, by rule::HOSTS_DETAIL;
    put "/v1/segments/{segment}/hosts/{host}" => hosts::update, by rule::HOSTS_UPDATE;
    delete "/v1/segments/{segment}/hosts/{host}" => hosts::delete, by rule::HOSTS_DELETE;
    get "/v1/segments/{segment}/hosts/{host}/edit" => missing_action::edit;

    get "/v1/notifications" => notifications::list, by rule::NOTIFICATIONS_INDEX, reads NOTIFICATION_LIST;
    post "/v1/notifications" => notifications::create, by rule::NOTIFICATIONS_CREATE;
    get "/v1/notifications/{notification}" => notifications::show, by rule::NOTIFICATIONS_DETAIL;
    put "/v1/notifications/{notification}" => missing_action::update;
    delete "/v1/notifications/{notification}" => missing_action::delete;
    get "/v1/notifications/{notification}/edit" => missing_action::edit;
    post "/v1/notifications/{notification}/action" => missing_action::action;

    get "/v1/notifications/{notification}/vmoves" => vmoves::list, by rule::VMOVES_INDEX, reads VMOVE_LIST;
    post "/v1/notifications/{notification}/vmoves" => missing_action::create;
    get "/v1/notifications/{notification}/vmoves/{vmove}" => vmoves::show, by rule::VMOVES_DETAIL;
    put "/v1/notifications/{notification}/vmoves/{vmove}" => missing_action::update;
    delete "/v1/notifications/{notification}/vmoves/{vmove}" => missing_action::delete;
    get "/v1/notifications/{notification}/vmoves/{vmove}/edit" => missing_action::edit;

    get "/v1/extensions" => extensions::list, by rule::EXTENSIONS_INDEX;
    post "/v1/extensions" => missing_action::create;
    get "/v1/extensions/{alias}" => extensions::show, by rule::EXTENSIONS_DETAIL;
    put "/v1/extensions/{alias}" => missing_action::update;
    delete "/v1/extensions/{alias}" => missing_action::delete;
    get "/v1/extensions/{alias}/edit" => missing_action::edit;
}

// What Masakari has no word for.
routes! { THEMIS, themis, ours:
    get "/themis/v1/openapi.json" => openapi::show;
    get "/themis/v1/engine" => engine::show, by rule::THEMIS_ENGINE_DETAIL;
    get "/themis/v1/preflight" => engine::preflight, by rule::THEMIS_PREFLIGHT_DETAIL;
    get "/themis/v1/observers" => engine::observers, by rule::THEMIS_OBSERVERS_INDEX;
    get "/themis/v1/brakes" => engine::brakes, by rule::THEMIS_BRAKES_INDEX;

    get "/themis/v1/hosts" => themis_hosts::list, by rule::THEMIS_HOSTS_INDEX, reads PAGE;
    get "/themis/v1/hosts/{host}" => themis_hosts::show, by rule::THEMIS_HOSTS_DETAIL;
    get "/themis/v1/hosts/{host}/reports" => reports::list, by rule::THEMIS_HOSTS_REPORTS, reads &["limit"];
    post "/themis/v1/hosts/{host}/enable" => requests::enable, by rule::THEMIS_HOSTS_ENABLE;
    post "/themis/v1/hosts/{host}/disable" => requests::disable, by rule::THEMIS_HOSTS_DISABLE;
    post "/themis/v1/hosts/{host}/retry" => requests::retry, by rule::THEMIS_HOSTS_RETRY;
    post "/themis/v1/hosts/{host}/confirm-dead" => requests::confirm_dead, by rule::THEMIS_HOSTS_CONFIRM_DEAD;

    get "/themis/v1/hosts/{host}/power-devices" => power_devices::list, by rule::THEMIS_POWER_DEVICES_INDEX;
    post "/themis/v1/hosts/{host}/power-devices" => power_devices::create, by rule::THEMIS_POWER_DEVICES_CREATE;
    delete "/themis/v1/hosts/{host}/power-devices/{device}" => power_devices::delete, by rule::THEMIS_POWER_DEVICES_DELETE;
    post "/themis/v1/hosts/{host}/power-devices/{device}/test" => power_devices::test, by rule::THEMIS_POWER_DEVICES_TEST;

    get "/themis/v1/requests/{request}" => requests::show, by rule::THEMIS_REQUESTS_DETAIL;

    get "/themis/v1/mode" => mode::show, by rule::THEMIS_MODE_DETAIL;
    put "/themis/v1/mode" => mode::update, by rule::THEMIS_MODE_UPDATE;

    get "/themis/v1/incidents" => incidents::list, by rule::THEMIS_INCIDENTS_INDEX, reads &["host", "status", "limit"];
    get "/themis/v1/incidents/{incident}" => incidents::show, by rule::THEMIS_INCIDENTS_DETAIL;
    get "/themis/v1/incidents/{incident}/events" => incidents::events, by rule::THEMIS_INCIDENTS_EVENTS, reads &["after", "limit"];

    get "/themis/v1/segments/{segment}/networks" => networks::show, by rule::THEMIS_NETWORKS_DETAIL;
    put "/themis/v1/segments/{segment}/networks" => networks::update, by rule::THEMIS_NETWORKS_UPDATE;
    get "/themis/v1/segments/{segment}/decision-matrix" => decision_matrix::show, by rule::THEMIS_MATRIX_DETAIL;
}

/// Every route that demands a token, in the order of the tables above.
pub fn all() -> impl Iterator<Item = Route> {
    MASAKARI.iter().chain(THEMIS).copied()
}

/// All routes with what each passes before its handler.
pub(crate) fn router() -> Router<AppState> {
    masakari().merge(themis())
}

/// What a route of Masakari's API passes before its handler. On the methods, not on the path: a method that the path
/// does not have is unrouted and negotiates nothing.
fn v1(methods: MethodRouter<AppState>, _: &'static [&'static str]) -> MethodRouter<AppState> {
    methods
        .route_layer(from_fn(missing_action::refuse_new))
        .route_layer(from_fn(body::refuse_other_media))
        .route_layer(from_fn(microversion::negotiate))
        .route_layer(from_fn(answer_media::name))
}

fn ours(methods: MethodRouter<AppState>, parameters: &'static [&'static str]) -> MethodRouter<AppState> {
    methods
        .route_layer(from_fn_with_state(parameters, refuse_unknown))
        .route_layer(from_fn(body::refuse_other_media))
}
