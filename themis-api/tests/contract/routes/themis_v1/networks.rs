//! `/themis/v1/segments/{segment}/networks` and `/decision-matrix`.

use serde_json::json;

use crate::routes::case::Case;

pub(super) fn cases() -> Vec<Case> {
    let path = "/themis/v1/segments/{segment}/networks";
    vec![
        Case::of("get", "/themis/v1/segments/{segment}/decision-matrix")
            .answers("decision_matrix", &["segment_uuid", "networks", "complete", "rows"]),
        Case::of("get", path).answers("networks", &[]),
        Case::of("put", path)
            .body(|_| json!({"networks": {"storage": "critical"}}))
            .answers("networks", &["storage"])
            .refuses([
                json!({"networks": {"storage": "important"}}),
                json!({"networks": {"storage": null}}),
                json!({"networks": {"": "critical"}}),
                json!({"networks": {"x".repeat(65): "critical"}}),
                json!({"networks": []}),
                json!({"networks": {}, "more": 1}),
            ]),
    ]
}
