//! `/v1/notifications`.

use serde_json::{Value, json};

use crate::routes::case::Case;
use crate::routes::world::{World, fresh};

const KEYS: &[&str] = &[
    "id",
    "notification_uuid",
    "generated_time",
    "source_host_uuid",
    "type",
    "payload",
    "status",
    "failover_segment_uuid",
    "message",
    "created_at",
    "updated_at",
    "deleted_at",
    "deleted",
];

const TIME: &str = "2026-11-20T08:28:51.264983";

fn new(world: &World) -> Value {
    json!({"notification": {
        "type": "PROCESS", "hostname": world.host_name, "generated_time": TIME,
        "payload": {"event": "STOPPED", "process_name": format!("process-{}", fresh())},
    }})
}

fn bad() -> Vec<Value> {
    let with = |key: &str, value: Value| {
        let mut body = json!({"notification": {
            "type": "COMPUTE_HOST", "hostname": "compute-0", "generated_time": TIME, "payload": {"event": "STOPPED"},
        }});
        body["notification"][key] = value;
        body
    };
    let payload = |kind: &str, payload: Value| {
        let mut body = with("type", json!(kind));
        body["notification"]["payload"] = payload;
        body
    };
    let instance = "96ab1c42-0000-4000-8000-00000000000a";
    let mut bad = vec![
        with("type", json!("compute_host")),
        with("type", json!(null)),
        with("hostname", json!("")),
        with("hostname", json!("a b")),
        with("hostname", json!("\u{e9}")),
        with("hostname", json!("h".repeat(256))),
        with("hostname", json!("no-such-host")),
        with("hostname", json!(1)),
        with("payload", json!(null)),
        with("payload", json!([])),
        with("payload", json!("STOPPED")),
        with("more", json!(1)),
        payload("COMPUTE_HOST", json!({})),
        payload("COMPUTE_HOST", json!({"event": "stopped"})),
        payload("COMPUTE_HOST", json!({"event": "STOPPED", "host_status": "normal"})),
        payload("COMPUTE_HOST", json!({"event": "STOPPED", "cluster_status": null})),
        payload("COMPUTE_HOST", json!({"event": "STOPPED", "more": "x"})),
        payload("VM", json!({"event": "E", "vir_domain_event": "V"})),
        payload(
            "VM",
            json!({"event": "E", "vir_domain_event": "V", "instance_uuid": "x"}),
        ),
        payload(
            "VM",
            json!({"event": "", "vir_domain_event": "V", "instance_uuid": instance}),
        ),
        payload(
            "VM",
            json!({"event": "E", "vir_domain_event": "V".repeat(256), "instance_uuid": instance}),
        ),
        payload("PROCESS", json!({"event": "STOPPED"})),
        payload("PROCESS", json!({"event": "STOPPED", "process_name": ""})),
        payload("PROCESS", json!({"event": "BOGUS", "process_name": "p"})),
        payload("PROCESS", json!({"event": "STOPPED", "process_name": {"a": "b"}})),
        payload("COMPUTE_HOST", json!({"\u{e9}": "x"})),
        payload("COMPUTE_HOST", json!({"": "x"})),
    ];
    for time in [
        json!("bogus"),
        json!(""),
        json!(null),
        json!(1_700_000_000),
        json!("0000-01-01"),
        json!("2026-02-30"),
    ] {
        bad.push(with("generated_time", time));
    }
    for key in ["type", "hostname", "generated_time", "payload"] {
        let mut body = with("hostname", json!("compute-0"));
        body["notification"].as_object_mut().unwrap().remove(key);
        bad.push(body);
    }
    bad
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of("get", "/v1/notifications")
            .answers("notifications", KEYS)
            .refuses_queries(["generated-since=x", "generated-since=", "sort_key=uuid"]),
        Case::of("post", "/v1/notifications")
            .ok(202)
            .body(new)
            .answers("notification", KEYS)
            .refuses(bad()),
        Case::of("get", "/v1/notifications/{notification}")
            .answers("notification", KEYS)
            .since("1.1", "recovery_workflow_details", "failover_segment_uuid"),
        Case::missing_action("put", "/v1/notifications/{notification}"),
        Case::missing_action("delete", "/v1/notifications/{notification}"),
        Case::missing_action("get", "/v1/notifications/{notification}/edit"),
        Case::missing_action("post", "/v1/notifications/{notification}/action"),
    ]
}
