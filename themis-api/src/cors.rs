//! Browsers of other origins: `[cors]`, as oslo.middleware has it, where tokens are demanded. Without `allowed_origin` nothing is allowed, and OPTIONS
//! is answered all the same, empty, before any token is asked for.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app_state::AppState;
use crate::auth::is_guarded;

/// What a browser may send without asking.
const SIMPLE_HEADERS: [&str; 6] = [
    "Accept",
    "Accept-Language",
    "Content-Type",
    "Cache-Control",
    "Content-Language",
    "Expires",
];

themis_config::section! {
    /// Which browsers may use the API from pages of other origins.
    pub struct CorsSection("cors", shared) {
        /// Origins that are allowed, for instance https://horizon.example.org; * allows all.
        pub allowed_origin: Vec<String> = "",
        /// Whether a browser may send credentials along.
        pub allow_credentials: bool = "true",
        /// Seconds for which a browser may keep the answer to OPTIONS.
        pub max_age: u64 = "3600",
        /// Methods that are allowed.
        pub allow_methods: Vec<String> = "GET,PUT,POST,DELETE,PATCH",
        /// Request headers that are allowed beside the simple ones.
        pub allow_headers: Vec<String> = "X-Auth-Token,X-Openstack-Request-Id,X-Identity-Status,X-Roles,X-Service-Catalog,X-User-Id,X-Tenant-Id",
        /// Answer headers that a page may read.
        pub expose_headers: Vec<String> = "X-Auth-Token,X-Openstack-Request-Id,X-Subject-Token,X-Service-Token",
    }
}

/// Answers OPTIONS and names what an allowed origin may do.
pub async fn answer(State(app): State<AppState>, request: Request, next: Next) -> Response {
    if !is_guarded(request.uri().path()) {
        return next.run(request).await;
    }
    let cors = &app.settings.cors;
    let origin = request
        .headers()
        .get(header::ORIGIN)
        .and_then(|origin| cors.allowed(origin));
    let asks_first = request.method() == Method::OPTIONS;
    let asked = asks_first.then(|| request.headers().clone());
    let mut response = match asked {
        Some(_) => ().into_response(),
        None => next.run(request).await,
    };
    if let Some(origin) = origin {
        match asked {
            Some(asked) => cors.grant(&asked, origin, response.headers_mut()),
            None => cors.expose(origin, response.headers_mut()),
        }
    }
    response
}

impl CorsSection {
    /// What an answer names as the allowed origin: the asking one, or `*` where all are. Never the asking one because all
    /// are: a browser would then send it credentials.
    fn allowed(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        let listed = |wanted: &[u8]| self.allowed_origin.iter().any(|allowed| allowed.as_bytes() == wanted);
        if listed(origin.as_bytes()) {
            Some(origin.clone())
        } else {
            listed(b"*").then(|| HeaderValue::from_static("*"))
        }
    }

    /// The answer to a browser that asks first: nothing at all when the method or one header is not allowed.
    fn grant(&self, asked: &HeaderMap, origin: HeaderValue, answer: &mut HeaderMap) {
        let Some(method) = asked.get(header::ACCESS_CONTROL_REQUEST_METHOD) else {
            return;
        };
        let headers = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        let Some(wanted) = headers.map_or(Some(""), |headers| headers.to_str().ok()) else {
            return;
        };
        let wanted: Vec<&str> = wanted
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect();
        let may = |name: &&str| {
            SIMPLE_HEADERS.iter().any(|simple| simple.eq_ignore_ascii_case(name))
                || self
                    .allow_headers
                    .iter()
                    .any(|allowed| allowed.eq_ignore_ascii_case(name))
        };
        let method_allowed = self
            .allow_methods
            .iter()
            .any(|allowed| allowed.as_bytes() == method.as_bytes());
        if !method_allowed || !wanted.iter().all(may) {
            return;
        }
        self.name_origin(origin, answer);
        put(answer, header::ACCESS_CONTROL_MAX_AGE, &self.max_age.to_string());
        answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, method.clone());
        if !wanted.is_empty() {
            put(answer, header::ACCESS_CONTROL_ALLOW_HEADERS, &wanted.join(","));
        }
    }

    fn expose(&self, origin: HeaderValue, answer: &mut HeaderMap) {
        self.name_origin(origin, answer);
        put(
            answer,
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            &self.expose_headers.join(","),
        );
    }

    fn name_origin(&self, origin: HeaderValue, answer: &mut HeaderMap) {
        if self.allow_credentials {
            put(answer, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

fn put(answer: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        answer.insert(name, value);
    }
}
