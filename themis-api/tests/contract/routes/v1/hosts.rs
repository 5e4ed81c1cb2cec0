//! `/v1/segments/{segment}/hosts`.

use serde_json::{Value, json};

use crate::routes::case::Case;
use crate::routes::world::{World, fresh};

const KEYS: &[&str] = &[
    "id",
    "uuid",
    "name",
    "failover_segment_id",
    "failover_segment",
    "type",
    "reserved",
    "control_attributes",
    "on_maintenance",
    "created_at",
    "updated_at",
    "deleted_at",
    "deleted",
];

fn new(_: &World) -> Value {
    json!({"host": {
        "name": format!("compute-new-{}", fresh()), "type": "", "control_attributes": "", "reserved": "No",
        "on_maintenance": false,
    }})
}

fn bad() -> Vec<Value> {
    let with = |key: &str, value: Value| {
        let mut body = json!({"host": {"name": "compute-0", "type": "COMPUTE", "control_attributes": "SSH"}});
        body["host"][key] = value;
        body
    };
    let mut bad: Vec<Value> = ["", " n", "n ", "a\tb", "\u{1f600}", "not-novas"]
        .map(|name| with("name", json!(name)))
        .to_vec();
    bad.extend([json!("n".repeat(256)), json!(null), json!(7)].map(|value| with("name", value)));
    for value in [
        json!("COMPUTE_HOST"),
        json!("a b"),
        json!("\u{e9}"),
        json!("x".repeat(256)),
        json!(null),
        json!(1),
    ] {
        bad.push(with("type", value));
    }
    for value in [json!("a\tb"), json!(null), json!({})] {
        bad.push(with("control_attributes", value));
    }
    for key in ["reserved", "on_maintenance"] {
        for value in [
            json!(0),
            json!(1),
            json!(null),
            json!("tRUE"),
            json!("y"),
            json!(""),
            json!([true]),
        ] {
            bad.push(with(key, value));
        }
    }
    bad.push(with("failover_segment_id", json!("x")));
    bad.extend([json!({"host": null}), json!({"host": {}}), json!({"host": []})]);
    bad
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of("get", "/v1/segments/{segment}/hosts")
            .answers("hosts", KEYS)
            .refuses_queries([
                "reserved=2",
                "on_maintenance=maybe",
                "reserved=",
                "sort_key=failover_segment",
            ]),
        Case::of("post", "/v1/segments/{segment}/hosts")
            .ok(201)
            .body(new)
            .answers("host", KEYS)
            .refuses(bad())
            .refuses([
                json!({"host": {"name": "compute-0", "type": "COMPUTE"}}),
                json!({"host": {"name": "compute-0", "control_attributes": "SSH"}}),
                json!({"host": {"type": "COMPUTE", "control_attributes": "SSH"}}),
            ]),
        Case::of("get", "/v1/segments/{segment}/hosts/{host}").answers("host", KEYS),
        Case::of("put", "/v1/segments/{segment}/hosts/{host}")
            .body(|_| json!({"host": {"name": format!("compute-new-{}", fresh()), "reserved": "True"}}))
            .answers("host", KEYS)
            .refuses(bad()),
        Case::of("delete", "/v1/segments/{segment}/hosts/{host}").ok(204),
        Case::missing_action("get", "/v1/segments/{segment}/hosts/{host}/edit"),
    ]
}
