//! `/themis/v1/requests`.

use crate::routes::case::Case;

pub(super) const KEYS: &[&str] = &[
    "uuid",
    "kind",
    "host_uuid",
    "status",
    "answer",
    "created_at",
    "handled_at",
];

pub(super) fn cases() -> Vec<Case> {
    vec![Case::of("get", "/themis/v1/requests/{request}").answers("request", KEYS)]
}
