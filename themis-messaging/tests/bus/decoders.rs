//! Decoders meet anything: they answer or refuse, and never panic.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value};
use themis_messaging::Context;
use themis_messaging::envelope::request::Call;
use themis_messaging::envelope::{Notification, Reply, Request, body, unwrap};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Exact in binary: the last digit of others depends on how the JSON library reads them.
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(".{0,6}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Messages with the keys that matter, and anything in them.
fn nearly_a_message() -> impl Strategy<Value = Value> {
    const KEYS: [&str; 17] = [
        "method",
        "args",
        "namespace",
        "version",
        "_msg_id",
        "_reply_q",
        "_timeout",
        "_unique_id",
        "_context_x",
        "result",
        "failure",
        "ending",
        "event_type",
        "priority",
        "payload",
        "oslo.version",
        "oslo.message",
    ];
    btree_map(prop::sample::select(KEYS.to_vec()), any_json(), 0..KEYS.len())
        .prop_map(|map| Value::Object(map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()))
}

fn decode_all(bytes: &[u8]) {
    let _ = Request::decode(bytes).map(|request| request.encode().unwrap());
    let _ = Reply::decode(bytes).map(|reply| reply.encode().unwrap());
    let _ = Notification::decode(bytes);
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    btree_map("[a-z]{1,6}", any_json(), 0..4).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in vec(any::<u8>(), 0..300)) {
        decode_all(&bytes);
        for compression in [None, Some("application/x-gzip"), Some("application/x-bz2"), Some("x")] {
            let _ = body::open(Some("application/json"), compression, &bytes);
        }
    }

    #[test]
    fn no_message_makes_a_decoder_panic(message in nearly_a_message(), envelope in any::<bool>()) {
        let inner = message.to_string();
        let body = if envelope {
            serde_json::json!({"oslo.version": "2.0", "oslo.message": inner}).to_string()
        } else {
            inner
        };
        decode_all(body.as_bytes());
    }

    #[test]
    fn a_request_survives_the_wire(
        args in object(),
        context in object(),
        namespace in proptest::option::of("[a-z]{1,8}"),
        monitor_s in proptest::option::of(0_u32..1000),
    ) {
        let request = Request {
            method: "echo".to_owned(),
            args,
            namespace,
            version: Some(Value::from("1.0")),
            call: Some(Call {
                message_id: "m".to_owned(),
                reply_queue: Some("q".to_owned()),
                monitor_s: monitor_s.map(f64::from),
            }),
            unique_id: Some("u".to_owned()),
            context: context.into_iter().collect::<Context>(),
        };
        prop_assert_eq!(Request::decode(&request.encode().unwrap()).unwrap(), request);
    }
}

#[test]
fn deep_nesting_is_refused_and_does_not_fill_the_stack() {
    let deep = "[".repeat(200_000);
    assert!(unwrap(deep.as_bytes()).is_err());
    decode_all(format!("{{\"method\":\"x\",\"args\":{{\"a\":{deep}").as_bytes());
    decode_all(
        serde_json::json!({"oslo.version": "2.0", "oslo.message": deep})
            .to_string()
            .as_bytes(),
    );
}
