//! `/themis/v1/engine`, `/themis/v1/preflight`, `/themis/v1/observers` and `/themis/v1/brakes`.

use crate::routes::case::Case;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of("get", "/themis/v1/engine").answers(
            "engine",
            &[
                "engine",
                "version",
                "epoch",
                "mode",
                "settled",
                "nova_answers",
                "hosts",
                "observers",
                "incidents",
                "networks_out",
            ],
        ),
        Case::of("get", "/themis/v1/preflight").answers("preflight", &["ready", "reasons", "hosts", "warnings"]),
        Case::of("get", "/themis/v1/observers").answers("observers", &["name", "witness", "age_ms", "networks"]),
        Case::of("get", "/themis/v1/brakes").answers("brakes", &["code", "holds", "reason", "hosts", "release"]),
    ]
}
