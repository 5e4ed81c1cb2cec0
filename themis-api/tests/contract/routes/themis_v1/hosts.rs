//! `/themis/v1/hosts` and what operators ask of the engine about one.

use serde_json::{Value, json};

use super::requests::KEYS as REQUEST;
use crate::routes::case::Case;

const KEYS: &[&str] = &[
    "uuid",
    "name",
    "segment_uuid",
    "state",
    "since",
    "reason",
    "protected",
    "protected_reasons",
    "networks",
    "power",
    "hold",
    "incident_uuid",
];

const REPORTER: &[&str] = &[
    "user_id",
    "user_name",
    "address",
    "answer",
    "reports",
    "generated_time",
    "first_at",
    "last_at",
];

fn bad_reasons() -> Vec<Value> {
    vec![
        json!({"reason": 7}),
        json!({"reason": null}),
        json!({"reason": "a\tb"}),
        json!({"reason": "x", "force": true}),
    ]
}

fn action(path: &str) -> Case {
    Case::of("post", path)
        .ok(202)
        .body(|_| json!({"reason": "new disks"}))
        .answers("request", REQUEST)
        .refuses(bad_reasons())
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of("get", "/themis/v1/hosts").answers("hosts", KEYS),
        Case::of("get", "/themis/v1/hosts/{host}").answers("host", KEYS),
        Case::of("get", "/themis/v1/hosts/{host}/reports").answers(
            "reports",
            &[&["type", "payload", "notification_uuid"], REPORTER].concat(),
        ),
        action("/themis/v1/hosts/{host}/enable").body_optional(),
        action("/themis/v1/hosts/{host}/disable").body_optional(),
        action("/themis/v1/hosts/{host}/retry").body_optional(),
        action("/themis/v1/hosts/{host}/confirm-dead").refuses([json!({"reason": ""}), json!({"reason": " \n"})]),
    ]
}
