//! `/v1/extensions`.

use crate::routes::case::Case;

const KEYS: &[&str] = &["name", "alias", "description", "namespace", "updated", "links"];

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of("get", "/v1/extensions").answers("extensions", KEYS),
        Case::missing_action("post", "/v1/extensions"),
        Case::of("get", "/v1/extensions/{alias}").answers("extension", KEYS),
        Case::missing_action("put", "/v1/extensions/{alias}"),
        Case::missing_action("delete", "/v1/extensions/{alias}"),
        Case::missing_action("get", "/v1/extensions/{alias}/edit"),
    ]
}
