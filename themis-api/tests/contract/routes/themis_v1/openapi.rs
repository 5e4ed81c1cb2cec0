//! `/themis/v1/openapi.json`.

use crate::routes::case::Case;

pub(super) fn cases() -> Vec<Case> {
    vec![Case::of("get", "/themis/v1/openapi.json").answers("info", &["title", "description", "version"])]
}
