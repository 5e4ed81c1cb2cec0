//! What others are told: real messages over RabbitMQ, heard by a real Python listener, compared with what Debian's
//! Masakari puts on the wire for the same changes (`interop/masakari-events`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use themis_config::Source;
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{Bus, Notifier, Settings};
use tokio::time::Instant;
use uuid::Uuid;

use crate::peer::{Peer, pythons};
use crate::support::{Api, with_api, with_notifier};

/// What the API tells; the engine tells the rest.
const TOLD: [&str; 16] = [
    "segment.create.start",
    "segment.create.end",
    "segment.create.error",
    "segment.update.start",
    "segment.update.end",
    "segment.delete.start",
    "segment.delete.end",
    "host.create.start",
    "host.create.end",
    "host.create.error",
    "host.update.start",
    "host.update.end",
    "host.delete.start",
    "host.delete.end",
    "notification.create.start",
    "notification.create.end",
];

fn notifier(bus: Arc<dyn Bus>, topic: &str) -> Notifier {
    let text = format!("[oslo_messaging_notifications]\ndriver = messagingv2\ntopics = {topic}\n");
    let section = Source::from_text("t.conf", &text).unwrap().section().unwrap();
    Notifier::new(bus, &section, "masakari-api:controller-1").unwrap()
}

fn broker() -> Option<String> {
    let url = std::env::var("THEMIS_TEST_AMQP_URL").ok();
    if url.is_none() {
        println!("skipped: THEMIS_TEST_AMQP_URL is not set (. DIR/env after .ci/services start DIR)");
    }
    url
}

/// The changes behind the captured originals.
async fn change_everything(api: &Api) {
    let at_1_2 = |method: &str, path: &str, body: Value| {
        let request = api.request("admin", method, path).json(&body);
        crate::support::send(request.header("openstack-api-version", "instance-ha 1.2"))
    };
    let segment = api.segment("seg-1").await;
    let again = json!({"segment": {"name": "seg-1", "recovery_method": "auto", "service_type": "COMPUTE"}});
    assert_eq!(api.post("/v1/segments", again).await.status, 409);
    let path = format!("/v1/segments/{segment}");
    let change = json!({"segment": {"description": "now with words", "enabled": false}});
    at_1_2("PUT", &path, change).await.ok(200);
    let host = api.host(&segment, "compute-1").await;
    let again = json!({"host": {"name": "compute-1", "type": "COMPUTE", "control_attributes": "SSH"}});
    assert_eq!(api.post(&format!("{path}/hosts"), again).await.status, 409);
    assert_eq!(api.notify("compute-1", "2026-11-20T08:28:51.123456").await.status, 202);
    api.store
        .execute_unprepared("UPDATE notifications SET status = 'finished'")
        .await
        .unwrap();
    let path_of_host = format!("{path}/hosts/{host}");
    api.put(&path_of_host, json!({"host": {"on_maintenance": true}}))
        .await
        .ok(200);
    assert_eq!(api.delete(&path_of_host).await.status, 204);
    assert_eq!(api.delete(&path).await.status, 204);
}

/// Ids and times differ from run to run, module and traceback from program to program; that they are there does not.
fn comparable(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| match key.as_str() {
                "id" | "uuid" | "notification_uuid" | "source_host_uuid" | "created_at" | "updated_at"
                | "module_name" | "function_name" | "traceback" => (key.clone(), json!(kind(value))),
                _ => (key.clone(), comparable(value)),
            })
            .collect(),
        other => other.clone(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Number(_) => "number",
        Value::String(text) if Uuid::try_parse(text).is_ok() => "uuid",
        Value::String(text) if text.len() == 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T' => "time",
        Value::String(_) => "text",
        _ => "other",
    }
}

fn captured() -> BTreeMap<String, Value> {
    let text = include_str!("../../../interop/masakari-events/masakari-14.0.2.json");
    let events: Vec<Value> = serde_json::from_str(text).unwrap();
    events
        .into_iter()
        .map(|event| (event["event_type"].as_str().unwrap().to_owned(), event))
        .collect()
}

#[tokio::test]
async fn a_python_listener_hears_every_change_as_masakari_tells_it() {
    let Some(url) = broker() else { return };
    for python in pythons() {
        let topic = format!("t_{}", Uuid::new_v4().simple());
        let listen = ["listen-notifications", "--topics", &topic, "--priorities", "info,error"];
        let mut peer = Peer::start(&python, &url, &[], &listen);
        peer.expect("ready").await;
        let bus: Arc<dyn Bus> = Arc::new(RabbitBus::start(Settings::for_url(&url).unwrap(), "themis-api").unwrap());
        with_notifier(notifier(bus, &topic), change_everything).await;
        let originals = captured();
        let mut heard = BTreeMap::new();
        // The two creations that fail are begun too.
        for _ in 0..TOLD.len() + 2 {
            let event = peer.expect("notification").await;
            let event_type = event["event_type"].as_str().unwrap().to_owned();
            let original = &originals[&event_type];
            assert_eq!(
                comparable(&event["payload"]),
                comparable(&original["payload"]),
                "{event_type}"
            );
            assert_eq!(event["priority"], original["priority"], "{event_type}");
            assert_eq!(event["publisher_id"], original["publisher_id"], "{event_type}");
            assert!(
                event["ctxt"]["request_id"].as_str().unwrap().starts_with("req-"),
                "{event}"
            );
            assert_eq!(event["ctxt"]["user_id"], "id-of-admin");
            assert!(!event.to_string().contains("token-of-"), "a token was told: {event}");
            heard.insert(event_type, event);
        }
        for event_type in TOLD {
            assert!(heard.contains_key(event_type), "{event_type} was not told");
        }
        peer.kill().await;
    }
}

#[tokio::test]
async fn with_the_broker_away_requests_are_answered_at_once() {
    // A port that nothing listens on.
    let bus = RabbitBus::start(Settings::for_url("rabbit://u:p@127.0.0.1:1/").unwrap(), "themis-api").unwrap();
    with_notifier(notifier(Arc::new(bus), "unheard"), async |api| {
        let began = Instant::now();
        for n in 0..20 {
            api.segment(&format!("seg-{n}")).await;
        }
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "20 creations took {:?}",
            began.elapsed()
        );
    })
    .await;
}

#[tokio::test]
async fn a_request_that_is_refused_before_the_write_tells_nothing() {
    with_api(async |api| {
        let segment = api.segment("seg-1").await;
        let path = format!("/v1/segments/{segment}");
        let unknown = json!({"host": {"name": "nobody", "type": "COMPUTE", "control_attributes": "SSH"}});
        assert_eq!(api.post(&format!("{path}/hosts"), unknown).await.status, 400);
        assert_eq!(api.post("/v1/segments", json!({"segment": {}})).await.status, 400);
        assert_eq!(api.by("member", "DELETE", &path, None).await.status, 403);
        assert_eq!(api.notify("nobody", "2026-11-20").await.status, 400);
        api.host(&segment, "compute-1").await;
        assert_eq!(api.notify("compute-1", "2026-11-20").await.status, 202);
        assert_eq!(api.notify("compute-1", "2026-11-20").await.status, 409);
        assert_eq!(api.delete(&path).await.status, 409);
        api.segment("seg-2").await;
        let told = ["segment.create", "host.create", "notification.create", "segment.create"];
        let told: Vec<String> = told
            .iter()
            .flat_map(|action| [format!("{action}.start"), format!("{action}.end")])
            .collect();
        assert_eq!(api.engine.told(told.len()).await, told);
    })
    .await;
}
