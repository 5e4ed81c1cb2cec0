//! `/themis/v1/hosts/{host}/power-devices`.

use serde_json::{Value, json};

use crate::routes::case::Case;
use crate::routes::world::{device, fresh};

const KEYS: &[&str] = &[
    "uuid", "driver", "address", "port", "system", "level", "username", "accepted",
];

fn bad() -> Vec<Value> {
    let with = |key: &str, value: Value| {
        let mut body = device(0);
        body["power_device"][key] = value;
        body
    };
    vec![
        with("driver", json!("bogus")),
        with("address", json!("")),
        with("address", json!("10.0.0.300")),
        with("address", json!("a b")),
        with("address", json!("x".repeat(256))),
        with("port", json!(0)),
        with("port", json!(65_536)),
        with("port", json!(1.5)),
        with("port", json!("623")),
        with("level", json!(0)),
        with("level", json!(null)),
        with("username", json!("")),
        with("password", json!("")),
        with("password", json!(null)),
        with("accept_unbound", json!(true)),
        with("accept_unbound", json!("")),
        with("uuid", json!("x")),
        json!({"power_device": {"address": "10.0.0.7", "username": "admin"}}),
        json!({"power_device": null}),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of("get", "/themis/v1/hosts/{host}/power-devices").answers("power_devices", KEYS),
        Case::of("post", "/themis/v1/hosts/{host}/power-devices")
            .ok(201)
            .body(|_| device(fresh()))
            .answers("power_device", KEYS)
            .refuses(bad()),
        Case::of("delete", "/themis/v1/hosts/{host}/power-devices/{device}").ok(204),
        Case::of("post", "/themis/v1/hosts/{host}/power-devices/{device}/test").answers(
            "power_device_test",
            &["uuid", "state", "guid", "bound", "reason", "took_ms"],
        ),
    ]
}
