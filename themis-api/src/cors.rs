//! Browsers of other origins: `[cors]`, as oslo.middleware has it. Without `allowed_origin` nothing is allowed, and OPTIONS
//! is answered all the same, empty, before any token is asked for.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app_state::AppState;

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
    let cors = &app.settings.cors;
    let origin = request
        .headers()
        .get(header::ORIGIN)
        .cloned()
        .filter(|origin| cors.allows(origin));
    let asks_first = request.method() == Method::OPTIONS;
    let mut response = if asks_first {
        ().into_response()
    } else {
        next.run(request).await
    };
    if let Some(origin) = origin {
        cors.write(response.headers_mut(), origin, asks_first);
    }
    response
}

impl CorsSection {
    fn allows(&self, origin: &HeaderValue) -> bool {
        self.allowed_origin
            .iter()
            .any(|allowed| allowed == "*" || allowed.as_bytes() == origin.as_bytes())
    }

    fn write(&self, headers: &mut HeaderMap, origin: HeaderValue, asks_first: bool) {
        let mut put = |name: HeaderName, text: String| {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        };
        if self.allow_credentials {
            put(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true".to_owned());
        }
        if asks_first {
            put(header::ACCESS_CONTROL_MAX_AGE, self.max_age.to_string());
            put(header::ACCESS_CONTROL_ALLOW_METHODS, self.allow_methods.join(","));
            put(header::ACCESS_CONTROL_ALLOW_HEADERS, self.allow_headers.join(","));
        } else {
            put(header::ACCESS_CONTROL_EXPOSE_HEADERS, self.expose_headers.join(","));
        }
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}
