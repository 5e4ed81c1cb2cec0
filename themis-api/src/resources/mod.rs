//! Masakari's nouns. One folder per noun, one file per verb; `schema` says what a body may hold, `mod` how a row looks in
//! an answer and which routes exist. Handlers check, store and wake; they decide nothing and perform no effect.

pub mod extensions;
pub mod hosts;
pub mod missing_action;
pub mod notifications;
pub mod segments;
pub mod vmoves;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// What every successful deletion answers.
pub(crate) fn no_content() -> Response {
    (StatusCode::NO_CONTENT, [(header::CONTENT_TYPE, "application/json")]).into_response()
}
