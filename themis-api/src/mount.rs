//! Brings the forms in which clients write our paths to one: takes off the mount prefix, the project id of
//! `/v1/{project_id}/...` and a `.json` or `.xml` ending, doubled slashes too, before routing. So each route is written
//! once. Escapes are taken back first, `%2F` too, as every WSGI server does it for upstream. Bytes that are no UTF-8 are
//! read as Latin-1: a path always has a text.
//!
//! The project id is kept beside the request; [`crate::call`] compares it with the token's.

use axum::extract::{OriginalUri, Request};
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::base_url::MountPrefix;
use crate::unrouted::is_under;

/// All but what our paths are written with.
const NOT_IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The project id that stood in the path.
#[derive(Debug, Clone)]
pub struct UrlProject(pub String);

/// The request under its plain path. `prefix` is the configured mount prefix, possibly empty.
pub fn plain_path(prefix: &str, mut request: Request) -> Request {
    let path = as_read(request.uri().path());
    let path = path.as_str();
    let (mounted, path) = match path.strip_prefix(prefix) {
        Some(rest) if !prefix.is_empty() && is_under(path, prefix) => (true, rest),
        _ => (false, path),
    };
    let (project, rest) = split_project(path);
    let plain = match (project, rest) {
        (None, "") => "/".to_owned(),
        (None, "/v1/") => "/v1".to_owned(),
        (None, rest) if !rest.starts_with("/v1/") => rest.to_owned(),
        (None, rest) => without_ending(rest).to_owned(),
        (Some(_), rest) => format!("/v1{}", without_ending(rest)),
    };
    let project = project.map(|id| UrlProject(id.to_owned()));
    if mounted {
        request.extensions_mut().insert(MountPrefix(prefix.to_owned()));
    }
    if let Some(project) = project {
        request.extensions_mut().insert(project);
    }
    if plain != request.uri().path() {
        let original = OriginalUri(request.uri().clone());
        request.extensions_mut().insert(original);
        set_path(&mut request, &plain);
    }
    request
}

/// `/v1/{project_id}/rest` as the project and `/rest`. Words of our routes hold letters that an id never holds.
fn split_project(path: &str) -> (Option<&str>, &str) {
    let found = path.strip_prefix("/v1/").and_then(|rest| {
        let slash = rest.find('/')?;
        let (project, rest) = rest.split_at(slash);
        let is_id = !project.is_empty() && project.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'));
        is_id.then_some((project, rest))
    });
    found.map_or((None, path), |(project, rest)| (Some(project), rest))
}

/// A path as it is routed by, before anything is taken off. Whoever judges a path must judge this one: of
/// `/v1/segments/x%2Fhosts` the router makes four words.
#[must_use]
pub fn as_read(path: &str) -> String {
    single_slashes(&as_text(path))
}

/// Catalogues hold endpoints that end in a slash.
fn single_slashes(path: &str) -> String {
    let mut single = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !single.ends_with('/') {
            single.push(c);
        }
    }
    single
}

/// The path with no more escapes than its text needs.
fn as_text(path: &str) -> String {
    if !path.contains('%') {
        return path.to_owned();
    }
    let bytes: Vec<u8> = percent_decode_str(path).collect();
    let text =
        String::from_utf8(bytes).unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect());
    utf8_percent_encode(&text, NOT_IN_A_PATH).to_string()
}

fn without_ending(path: &str) -> &str {
    path.strip_suffix(".json")
        .or_else(|| path.strip_suffix(".xml"))
        .filter(|bare| !bare.ends_with('/'))
        .unwrap_or(path)
}

fn set_path(request: &mut Request, path: &str) {
    let text = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let Ok(path_and_query) = text.parse::<PathAndQuery>() else {
        return;
    };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(path_and_query);
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/v1/segments?limit=1", "/v1/segments?limit=1", None)]
    #[case("/v1/", "/v1", None)]
    #[case("/v1/segments/", "/v1/segments/", None)]
    #[case("/v1/abc123/segments", "/v1/segments", Some("abc123"))]
    #[case("/v1/abc123", "/v1/abc123", None)]
    #[case("/v1/abc123/", "/v1/", Some("abc123"))]
    #[case("/v1/segments/abc123", "/v1/segments/abc123", None)]
    #[case("/v1/abc-1/segments/x.json", "/v1/segments/x", Some("abc-1"))]
    #[case("/v1/segments/.json", "/v1/segments/.json", None)]
    #[case("/v1/segments.xml?a=b", "/v1/segments?a=b", None)]
    #[case("/ha/v1/abc/hosts", "/v1/hosts", Some("abc"))]
    #[case("/ha", "/", None)]
    #[case("/hasty", "/hasty", None)]
    #[case("//v1//segments", "/v1/segments", None)]
    #[case("/v1/segments//?a=//", "/v1/segments/?a=//", None)]
    #[case("/v1/segments/%ff%2F", "/v1/segments/%C3%BF/", None)]
    #[case("/v1/segments/%C3%BF%2F", "/v1/segments/%C3%BF/", None)]
    #[case("/%76%31/%73egments%2Fx", "/v1/segments/x", None)]
    #[case("/v1%2Fabc/segments", "/v1/segments", Some("abc"))]
    #[case("/v1/segments/a%00b%25", "/v1/segments/a%00b%25", None)]
    #[case("/themis/v1/hosts", "/themis/v1/hosts", None)]
    fn every_form_comes_down_to_one_path(#[case] given: &str, #[case] plain: &str, #[case] project: Option<&str>) {
        let request = plain_path("/ha", Request::builder().uri(given).body(Body::empty()).unwrap());
        assert_eq!(request.uri().to_string(), plain);
        assert_eq!(
            request
                .extensions()
                .get::<UrlProject>()
                .map(|project| project.0.as_str()),
            project
        );
        assert_eq!(
            request.extensions().get::<MountPrefix>().is_some(),
            given == "/ha" || given.starts_with("/ha/")
        );
    }
}
