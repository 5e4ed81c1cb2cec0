//! The address under which the caller sees this service: the links of version documents are made from it. A proxy's
//! `Forwarded` and `X-Forwarded-*` headers count only when the operator says that a proxy of theirs sets them.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

use crate::app_state::AppState;

/// The mount prefix that was taken off the request's path; set by [`crate::mount`].
#[derive(Debug, Clone)]
pub struct MountPrefix(pub String);

/// Scheme, host and prefix, without a slash at the end.
#[derive(Debug, Clone)]
pub struct BaseUrl(pub String);

impl FromRequestParts<AppState> for BaseUrl {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Infallible> {
        let prefix = parts
            .extensions
            .get::<MountPrefix>()
            .map(|prefix| prefix.0.as_str())
            .unwrap_or_default();
        if let Some(fixed) = &app.settings.link_prefix {
            return Ok(Self(format!("{}{prefix}", fixed.trim_end_matches('/'))));
        }
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let believed = |name: &str| text(name).filter(|_| app.settings.behind_proxy);
        let forwarded = |key: &str| match believed(header::FORWARDED.as_str()) {
            Some(standard) => pair(first(standard), key),
            None => believed(&format!("x-forwarded-{key}")).map(first),
        };
        let scheme = forwarded("proto").unwrap_or("http");
        let host = forwarded("host")
            .or_else(|| text(header::HOST.as_str()))
            .or_else(|| parts.uri.authority().map(|authority| authority.as_str()))
            .unwrap_or("localhost");
        let outer = believed("x-forwarded-prefix")
            .map(first)
            .unwrap_or_default()
            .trim_end_matches('/');
        Ok(Self(format!("{scheme}://{host}{outer}{prefix}")))
    }
}

/// The value of `key` in an element of RFC 7239: `for=192.0.2.1;proto=https;host="ha.example"`.
pub(crate) fn pair<'a>(element: &'a str, key: &str) -> Option<&'a str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let value = value.trim().trim_matches('"');
        (name.trim().eq_ignore_ascii_case(key) && !value.is_empty()).then_some(value)
    })
}

/// The proxy nearest to the client comes first in a list.
fn first(list: &str) -> &str {
    list.split(',').next().unwrap_or_default().trim()
}
