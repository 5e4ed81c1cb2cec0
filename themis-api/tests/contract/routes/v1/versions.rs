//! `/v1` and `/v1/versions`.

use crate::routes::case::Case;

const KEYS: &[&str] = &[
    "id",
    "status",
    "version",
    "min_version",
    "updated",
    "links",
    "media-types",
];

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of("get", "/v1").answers("version", KEYS),
        Case::missing_action("get", "/v1/versions"),
        Case::missing_action("post", "/v1/versions"),
        Case::of("get", "/v1/versions/{id}").answers("version", KEYS),
        Case::missing_action("put", "/v1/versions/{id}"),
        Case::missing_action("delete", "/v1/versions/{id}"),
        Case::missing_action("get", "/v1/versions/{id}/edit"),
    ]
}
