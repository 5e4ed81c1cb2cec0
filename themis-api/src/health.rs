//! `/healthcheck` and what lies under it, as oslo.middleware answers it: `OK`, unless the operator has put a file to drain
//! this node. It looks at nothing else: a database that is away is everybody's trouble, and taking this node out would not
//! mend it.

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::accept;
use crate::app_state::AppState;

const TEXT: &str = "text/plain";
const HTML: &str = "text/html";
const JSON: &str = "application/json";

/// `/healthcheck`, with any method.
pub async fn show(State(app): State<AppState>, method: Method, headers: HeaderMap) -> Response {
    // A file that cannot be asked after is taken for absent: it must not drain every node at once.
    let drained = tokio::fs::try_exists(&app.settings.disable_file).await.unwrap_or(false);
    let (status, reason) = if drained {
        (StatusCode::SERVICE_UNAVAILABLE, "DISABLED BY FILE")
    } else {
        (StatusCode::OK, "OK")
    };
    if method == Method::HEAD {
        if !drained {
            return StatusCode::NO_CONTENT.into_response();
        }
        return (status, [(header::CONTENT_TYPE, "text/plain; charset=UTF-8")]).into_response();
    }
    let (media, text) = match accept::preferred(&headers, &[TEXT, HTML, JSON]) {
        Some(JSON) => (JSON, format!("{{\"detailed\": false, \"reasons\": [\"{reason}\"]}}")),
        Some(HTML) => ("text/html; charset=UTF-8", page(reason)),
        _ => ("text/plain; charset=UTF-8", reason.to_owned()),
    };
    (status, [(header::CONTENT_TYPE, media)], text).into_response()
}

/// What a browser is shown.
fn page(reason: &str) -> String {
    format!(
        "<HTML>\n<HEAD><TITLE>Healthcheck Status</TITLE></HEAD>\n<BODY>\n\n<H2>Result of 1 checks:</H2>\n\
         <TABLE bgcolor=\"#ffffff\" border=\"1\">\n<TBODY>\n<TR>\n\n<TH>\nReason\n</TH>\n</TR>\n<TR>\n\n    \
         <TD>{reason}</TD>\n\n</TR>\n</TBODY>\n</TABLE>\n<HR></HR>\n\n</BODY>\n</HTML>"
    )
}
