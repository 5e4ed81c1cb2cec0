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

use crate::left_out;
use crate::peer::{Peer, pythons};
use crate::support::{Answer, Api, send, with_api, with_notifier};

/// What the API tells, with how often [`change_everything`] makes it tell it; the engine tells the rest.
const TOLD: [(&str, usize); 21] = [
    ("segment.create.start", 2),
    ("segment.create.end", 1),
    ("segment.create.error", 1),
    ("segment.update.start", 2),
    ("segment.update.end", 1),
    ("segment.update.error", 1),
    ("segment.delete.start", 2),
    ("segment.delete.end", 1),
    ("segment.delete.error", 1),
    ("host.create.start", 2),
    ("host.create.end", 1),
    ("host.create.error", 1),
    ("host.update.start", 2),
    ("host.update.end", 1),
    ("host.update.error", 1),
    ("host.delete.start", 2),
    ("host.delete.end", 1),
    ("host.delete.error", 1),
    ("notification.create.start", 2),
    ("notification.create.end", 1),
    ("notification.create.error", 1),
];

fn notifier(bus: Arc<dyn Bus>, topic: &str) -> Notifier {
    let text = format!("[oslo_messaging_notifications]\ndriver = messagingv2\ntopics = {topic}\n");
    let section = Source::from_text("t.conf", &text).unwrap().section().unwrap();
    Notifier::new(bus, &section, "masakari-api:controller-1").unwrap()
}

fn broker() -> Option<String> {
    let url = std::env::var("THEMIS_TEST_AMQP_URL").ok();
    if url.is_none() {
        left_out("THEMIS_TEST_AMQP_URL is not set (. DIR/env after .ci/services start DIR)");
    }
    url
}

/// The changes behind the captured originals, then each kind once more with a database that refuses to write.
async fn change_everything(api: &Api) {
    let segment = api.segment("seg-1").await;
    let again = json!({"segment": {"name": "seg-1", "recovery_method": "auto", "service_type": "COMPUTE"}});
    assert_eq!(api.post("/v1/segments", again).await.status, 409);
    let path = format!("/v1/segments/{segment}");
    update_segment(api, &path).await.ok(200);
    let host = api.host(&segment, "compute-1").await;
    let again = json!({"host": {"name": "compute-1", "type": "COMPUTE", "control_attributes": "SSH"}});
    assert_eq!(api.post(&format!("{path}/hosts"), again).await.status, 409);
    assert_eq!(api.notify("compute-1", "2026-11-20T08:28:51.123456").await.status, 202);
    let path_of_host = format!("{path}/hosts/{host}");
    let maintenance = || api.put(&path_of_host, json!({"host": {"on_maintenance": true}}));
    sql(api, "UPDATE notifications SET status = 'finished'").await;

    refuse(api, "INSERT ON notifications").await;
    assert_eq!(api.notify("compute-1", "2026-11-20T18:28:51").await.status, 500);
    maintenance().await.ok(200);
    // As before the change, or the next one would change nothing; and back for what follows.
    sql(api, "UPDATE hosts SET on_maintenance = 0").await;
    refuse(api, "UPDATE ON hosts").await;
    assert_eq!(maintenance().await.status, 500);
    sql(api, "DROP TRIGGER refuse_hosts").await;
    sql(api, "UPDATE hosts SET on_maintenance = 1").await;
    refuse(api, "UPDATE ON hosts").await;
    assert_eq!(api.delete(&path_of_host).await.status, 500);
    sql(api, "UPDATE failover_segments SET enabled = 1").await;
    refuse(api, "UPDATE ON failover_segments").await;
    assert_eq!(update_segment(api, &path).await.status, 500);
    sql(api, "DROP TRIGGER refuse_failover_segments").await;
    sql(api, "UPDATE failover_segments SET enabled = 0").await;
    refuse(api, "UPDATE ON failover_segments").await;
    assert_eq!(api.delete(&path).await.status, 500);

    sql(api, "DROP TRIGGER refuse_hosts").await;
    sql(api, "DROP TRIGGER refuse_failover_segments").await;
    assert_eq!(api.delete(&path_of_host).await.status, 204);
    assert_eq!(api.delete(&path).await.status, 204);
}

async fn update_segment(api: &Api, path: &str) -> Answer {
    let change = json!({"segment": {"description": "now with words", "enabled": false}});
    let request = api.request("admin", "PUT", path).json(&change);
    send(request.header("openstack-api-version", "instance-ha 1.2")).await
}

async fn sql(api: &Api, statement: &str) {
    api.store.execute_unprepared(statement).await.unwrap();
}

/// From now on the database refuses this.
async fn refuse(api: &Api, event: &str) {
    let (_, table) = event.split_once(" ON ").unwrap();
    let signal = "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'refused'";
    sql(
        api,
        &format!("CREATE TRIGGER refuse_{table} BEFORE {event} FOR EACH ROW {signal}"),
    )
    .await;
}

/// Ids and times differ from run to run, module and traceback from program to program; that they are there does not.
fn comparable(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| match key.as_str() {
                "id" | "uuid" | "notification_uuid" | "source_host_uuid" | "generated_time" | "created_at"
                | "updated_at" | "module_name" | "function_name" | "traceback" => (key.clone(), json!(kind(value))),
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

/// What Masakari tells for this event. Of the failures two were captured; the others are their `start` with a fault.
fn original(events: &BTreeMap<String, Value>, event_type: &str) -> Value {
    if let Some(event) = events.get(event_type) {
        return event.clone();
    }
    let mut event = events[&event_type.replace(".error", ".start")].clone();
    let failure = &events["host.create.error"];
    event["priority"] = failure["priority"].clone();
    let fault = &mut event["payload"]["masakari_object.data"]["fault"];
    *fault = failure["payload"]["masakari_object.data"]["fault"].clone();
    fault["masakari_object.data"]["exception"] = json!("MasakariException");
    let text = "Unexpected API error. Please report it and attach the log of themis-api.";
    fault["masakari_object.data"]["exception_message"] = json!(text);
    event
}

#[tokio::test]
async fn a_python_listener_hears_every_change_as_masakari_tells_it() {
    let Some(url) = broker() else { return };
    let originals = captured();
    for python in pythons() {
        let topic = format!("t_{}", Uuid::new_v4().simple());
        let listen = ["listen-notifications", "--topics", &topic, "--priorities", "info,error"];
        let mut peer = Peer::start(&python, &url, &[], &listen);
        peer.expect("ready").await;
        let bus: Arc<dyn Bus> = Arc::new(RabbitBus::start(Settings::for_url(&url).unwrap(), "themis-api").unwrap());
        with_notifier(notifier(bus, &topic), change_everything).await;
        let mut heard: BTreeMap<String, usize> = BTreeMap::new();
        for _ in 0..TOLD.iter().map(|(_, times)| times).sum() {
            let event = peer.expect("notification").await;
            let event_type = event["event_type"].as_str().unwrap();
            let original = original(&originals, event_type);
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
            *heard.entry(event_type.to_owned()).or_default() += 1;
        }
        let wanted = TOLD
            .iter()
            .map(|(event_type, times)| ((*event_type).to_owned(), *times));
        assert_eq!(heard, wanted.collect());
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
