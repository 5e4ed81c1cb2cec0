//! Answers outside the JSON fault shape: paths and methods that no route has, and bodies that are too large. Clients
//! meet them as text, HTML or JSON by what they accept, as upstream's web framework words them.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::base_url::BaseUrl;
use crate::fault::Fault;
use crate::version_document;

/// The answer for every path without a route and every route without the method.
pub async fn answer(base: BaseUrl, request: Request) -> Response {
    let path = request.uri().path();
    if is_under(path, "/themis") {
        Fault::NotRouted.into_response()
    } else if is_under(path, "/v1") {
        page(
            request.headers(),
            StatusCode::NOT_FOUND,
            "Not Found",
            "The resource could not be found.",
        )
    } else {
        let choices = version_document::choices(&base, path);
        version_document::after_its_body(request, choices).await
    }
}

/// A body beyond the limit of `limit` bytes, in the same forms.
#[must_use]
pub fn too_large(headers: &HeaderMap, limit: u64) -> Response {
    page(
        headers,
        StatusCode::PAYLOAD_TOO_LARGE,
        "Request Entity Too Large",
        &format!("Request is too large. Larger than max_request_body_size ({limit})."),
    )
}

/// No route answers HEAD; axum would let it run as GET without a body.
pub async fn refuse_head(base: BaseUrl, request: Request, next: Next) -> Response {
    if request.method() == Method::HEAD {
        answer(base, request).await
    } else {
        next.run(request).await
    }
}

/// The router says of a path without the method which methods it has; a 404 does not.
#[must_use]
pub fn without_methods(mut response: Response) -> Response {
    if response.status() == StatusCode::NOT_FOUND {
        response.headers_mut().remove(header::ALLOW);
    }
    response
}

/// Whether `path` is `prefix` or lies under it.
#[must_use]
pub fn is_under(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn page(headers: &HeaderMap, status: StatusCode, title: &str, sentence: &str) -> Response {
    let code = format!("{} {title}", status.as_u16());
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (media, text) = if accept.contains("html") || accept.contains("*/*") {
        (
            "text/html; charset=UTF-8",
            format!(
                "<html>\n <head>\n  <title>{code}</title>\n </head>\n <body>\n  <h1>{code}</h1>\n  {sentence}<br /><br />\n\n\n\n </body>\n</html>"
            ),
        )
    } else if accept.contains("application/json") {
        let fields =
            serde_json::json!({ "message": format!("{sentence}<br /><br />\n\n\n"), "code": code, "title": title });
        ("application/json", fields.to_string())
    } else {
        ("text/plain; charset=UTF-8", format!("{code}\n\n{sentence}\n\n   "))
    };
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static(media))], text).into_response()
}
