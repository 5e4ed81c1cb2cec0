//! `/themis/v1/incidents`.

use crate::routes::case::Case;

const KEYS: &[&str] = &[
    "uuid",
    "host_uuid",
    "host_name",
    "segment_uuid",
    "notification_uuid",
    "status",
    "outcome",
    "summary",
    "opened_at",
    "closed_at",
];

pub(super) fn cases() -> Vec<Case> {
    let with_steps = [KEYS, &["steps", "corroborations"]].concat();
    vec![
        Case::of("get", "/themis/v1/incidents")
            .answers("incidents", KEYS)
            .refuses_queries(["status=shut", "status=", "hosts=compute-1"]),
        Case::of("get", "/themis/v1/incidents/{incident}").answers("incident", &with_steps),
        Case::of("get", "/themis/v1/incidents/{incident}/events")
            .answers("events", &["id", "at", "kind", "reason", "engine", "epoch"])
            .refuses_queries(["after=x", "after=", "after=99999999999999999999"]),
    ]
}
