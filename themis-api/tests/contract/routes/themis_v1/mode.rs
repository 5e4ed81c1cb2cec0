//! `/themis/v1/mode`.

use serde_json::json;

use super::requests::KEYS as REQUEST;
use crate::routes::case::Case;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of("get", "/themis/v1/mode").answers("mode", &["global", "segments"]),
        Case::of("put", "/themis/v1/mode")
            .ok(202)
            .body(|world| json!({"mode": {"value": "armed", "segment_uuid": world.segment, "accept_unbound": [world.host_name]}}))
            .answers("request", REQUEST)
            .refuses([
                json!({"mode": {}}),
                json!({"mode": {"value": "ARMED"}}),
                json!({"mode": {"value": null}}),
                json!({"mode": {"value": "armed", "segment_uuid": 7}}),
                json!({"mode": {"value": "armed", "accept_unbound": "compute-1"}}),
                json!({"mode": {"value": "armed", "accept_unbound": [1]}}),
                json!({"mode": {"value": "armed", "accept_unbound": ["no-such-host"]}}),
                json!({"mode": {"value": "armed", "reason": 1}}),
                json!({"mode": {"value": "armed", "more": 1}}),
                json!({"mode": "armed"}),
            ]),
    ]
}
