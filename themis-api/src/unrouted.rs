//! Answers outside the JSON fault shape: paths and methods that no route has, and bodies that are too large. Clients
//! meet them as text, HTML or JSON by what they accept, as upstream's web framework words them.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app_state::AppState;
use crate::base_url::BaseUrl;
use crate::fault::Fault;
use crate::{accept, answer_media, version_document};

const HTML: &str = "text/html; charset=UTF-8";

/// The answer for every path without a route and every route without the method.
pub async fn answer(State(app): State<AppState>, base: BaseUrl, request: Request) -> Response {
    let body_max = app.settings.body_max;
    let path = request.uri().path();
    if is_under(path, "/themis") {
        Fault::NotRouted.into_response()
    } else if is_under(path, "/v1") {
        not_found(request.method(), request.headers())
    } else {
        let other = answer_media::wants_other(&request);
        let choices = version_document::choices(&base, path);
        let response = version_document::after_its_body(body_max, request, choices).await;
        answer_media::named(other, response)
    }
}

fn not_found(method: &Method, headers: &HeaderMap) -> Response {
    if method == Method::HEAD {
        // Whatever is accepted: upstream chooses a form only for a body.
        let media = HeaderValue::from_static(HTML);
        let empty = HeaderValue::from_static("0");
        return (
            StatusCode::NOT_FOUND,
            [(header::CONTENT_TYPE, media), (header::CONTENT_LENGTH, empty)],
        )
            .into_response();
    }
    page(
        headers,
        StatusCode::NOT_FOUND,
        "Not Found",
        "The resource could not be found.",
    )
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
pub async fn refuse_head(app: State<AppState>, base: BaseUrl, request: Request, next: Next) -> Response {
    if request.method() == Method::HEAD {
        answer(app, base, request).await
    } else {
        next.run(request).await
    }
}

/// The router says which methods a path has, in whatever answer; upstream's answers never do.
#[must_use]
pub fn without_methods(mut response: Response) -> Response {
    response.headers_mut().remove(header::ALLOW);
    if response.status() == StatusCode::NO_CONTENT {
        // To HEAD the framework would name the length of nothing.
        response.headers_mut().remove(header::CONTENT_LENGTH);
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
    let (media, text) = match accept::preferred(headers, &["text/html", "application/json"]) {
        Some("text/html") => (
            HTML,
            format!(
                "<html>\n <head>\n  <title>{code}</title>\n </head>\n <body>\n  <h1>{code}</h1>\n  {sentence}<br /><br />\n\n\n\n </body>\n</html>"
            ),
        ),
        Some(_) => {
            let message = format!("{sentence}<br /><br />\n\n\n");
            let fields = serde_json::json!({ "message": message, "code": code, "title": title });
            ("application/json", fields.to_string())
        }
        None => ("text/plain; charset=UTF-8", format!("{code}\n\n{sentence}\n\n   ")),
    };
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static(media))], text).into_response()
}
