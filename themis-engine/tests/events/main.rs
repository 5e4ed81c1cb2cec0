//! What others hear of the engine's commits: real messages over RabbitMQ, heard by a real Python listener, of rows in a real
//! MariaDB, compared with what Debian's Masakari puts on the wire (`interop/masakari-events`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../../../themis-messaging/tests/bus/peer.rs"]
#[allow(dead_code, reason = "the bus's own tests use more of it")]
mod peer;

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use themis_config::Source;
use themis_core::{HostId, IncidentId, NotificationId, Reason, SegmentId};
use themis_db::store::hosts::{NewHost, host_create};
use themis_db::store::notifications::{NewNotification, notification_create};
use themis_db::store::segments::{NewSegment, SegmentChange, segment_create, segment_update};
use themis_db::testing::{Backend, TestDatabase, left_out, mortal};
use themis_db::{NotificationKind, NotificationStatus, RecoveryMethod};
use themis_engine::adapters::announce::OsloAnnouncer;
use themis_engine::adapters::store::DatabaseStore;
use themis_engine::announce::{Announce, news};
use themis_engine::ports::store::{Store, Write};
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{Bus, Heard, Listener, Notification, Notifier, Priority, Settings, Subscription, Topic};
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::peer::{Peer, pythons};

const FAILURE: &str = "1 instance was not evacuated";
const AT: OffsetDateTime = datetime!(2026-11-20 08:28:51 UTC);

fn broker() -> Option<String> {
    let url = std::env::var("THEMIS_TEST_AMQP_URL").ok();
    if url.is_none() {
        left_out("THEMIS_TEST_AMQP_URL is not set (. DIR/env after .ci/services start DIR)");
    }
    url
}

/// One segment with one host, as in the captured originals.
async fn registered(database: &TestDatabase) -> (SegmentId, HostId) {
    let segment = NewSegment {
        uuid: SegmentId(Uuid::new_v4()),
        name: "seg-1".to_owned(),
        service_type: "COMPUTE".to_owned(),
        enabled: true,
        description: None,
        recovery_method: RecoveryMethod::Auto,
    };
    let segment = segment_create(&database.pool, segment, AT).await.unwrap();
    let change = SegmentChange {
        description: Some(Some("now with words".to_owned())),
        ..SegmentChange::default()
    };
    let segment = segment_update(&database.pool, segment.uuid, change, AT).await.unwrap();
    let host = NewHost {
        uuid: HostId(Uuid::new_v4()),
        name: "compute-1".to_owned(),
        segment_uuid: segment.uuid,
        host_type: "COMPUTE".to_owned(),
        reserved: false,
        control_attributes: "SSH".to_owned(),
        on_maintenance: false,
    };
    let host = host_create(&database.pool, host, AT).await.unwrap();
    (segment.uuid, host.uuid)
}

/// A monitor's report, stored as the API stores it.
async fn reported(database: &TestDatabase, segment: SegmentId, host: HostId, payload: Value) -> NotificationId {
    let new = NewNotification {
        uuid: NotificationId(Uuid::new_v4()),
        generated_time: AT,
        source_host_uuid: host,
        kind: NotificationKind::ComputeHost,
        payload,
        status: NotificationStatus::New,
        segment_uuid: segment,
        message: None,
    };
    notification_create(&database.pool, &new, OffsetDateTime::now_utc())
        .await
        .unwrap();
    new.uuid
}

async fn listener(python: &str, url: &str, topic: &str) -> Peer {
    let listen = ["listen-notifications", "--topics", topic, "--priorities", "info,error"];
    let mut peer = Peer::start(python, url, &[], &listen);
    peer.expect("ready").await;
    peer
}

fn captured(event_type: &str) -> Value {
    let text = include_str!("../../../interop/masakari-events/masakari-14.0.2.json");
    let events: Vec<Value> = serde_json::from_str(text).unwrap();
    events
        .into_iter()
        .find(|event| event["event_type"] == event_type)
        .unwrap()
}

/// Keys, classes and versions at every depth, without the values of a run.
fn form(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| {
                let told = key.starts_with("masakari_object.") && value.is_string() || key == "status";
                (key.clone(), if told { value.clone() } else { form(value) })
            })
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect(),
        Value::Null => json!("null"),
        Value::Bool(_) => json!("boolean"),
        Value::Number(_) => json!("number"),
        Value::String(text) if text.ends_with('Z') && text.len() == 20 => json!("time"),
        Value::String(_) => json!("text"),
        Value::Array(_) => json!("list"),
    }
}

fn opened(segment: SegmentId, host: HostId, notification: NotificationId, incident: IncidentId) -> Write {
    Write::Opened {
        incident,
        host,
        host_name: "compute-1".to_owned(),
        segment,
        notification,
        adopted: true,
        at: AT,
    }
}

fn closed(incident: IncidentId, status: &str, text: &str) -> Write {
    Write::Closed {
        incident,
        outcome: "any".to_owned(),
        summary: Reason::new("any", text),
        status: status.to_owned(),
        at: AT,
    }
}

/// Commits and tells two recoveries, of which the second fails; gives the second's notification.
async fn two_recoveries(database: &TestDatabase, announcer: &OsloAnnouncer) -> NotificationId {
    let payload = || json!({"event": "STOPPED", "host_status": "NORMAL", "cluster_status": "OFFLINE"});
    let (segment, host) = registered(database).await;
    let store = DatabaseStore::new(database.pool.clone());
    let epoch = store.lease_take("engine-1", None).await.unwrap().unwrap();
    let mut last = NotificationId(Uuid::nil());
    for (status, sentence) in [("finished", "1 instance runs elsewhere"), ("failed", FAILURE)] {
        last = reported(database, segment, host, payload()).await;
        let incident = IncidentId(Uuid::new_v4());
        let begun = [
            opened(segment, host, last, incident),
            Write::Maintenance { host, on: true },
        ];
        for writes in [&begun[..], &[closed(incident, status, sentence)]] {
            store.commit("engine-1", epoch, writes).await.unwrap();
            announcer.announce(news(writes), None);
        }
    }
    last
}

/// Asserts that an event looks as Masakari's of the same type, from the same program.
fn assert_as_captured(event: &Value) {
    let event_type = event["event_type"].as_str().unwrap();
    let original = captured(event_type);
    assert_eq!(form(&event["payload"]), form(&original["payload"]), "{event_type}");
    let program = |event: &Value| {
        event["publisher_id"]
            .as_str()
            .unwrap()
            .split(':')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(program(event), program(&original), "{event}");
}

#[tokio::test]
async fn a_python_listener_hears_of_a_recovery_as_masakari_tells_it() {
    let Some(url) = broker() else { return };
    for python in pythons() {
        let Some(database) = TestDatabase::open(Backend::MySql).await else {
            return;
        };
        let topic = format!("t_{}", Uuid::new_v4().simple());
        let mut peer = listener(&python, &url, &topic).await;
        let bus = RabbitBus::start(Settings::for_url(&url).unwrap(), "themis-engine").unwrap();
        let text = format!("[oslo_messaging_notifications]\ndriver = messagingv2\ntopics = {topic}\n");
        let section = Source::from_text("t.conf", &text).unwrap().section().unwrap();
        let notifier = Notifier::new(Arc::new(bus), &section, "masakari-engine:controller-1").unwrap();
        let announcer = OsloAnnouncer::start(database.pool.clone(), notifier);
        let failed = two_recoveries(&database, &announcer).await;
        let changes = ["notification.process.start", "host.update.start", "host.update.end"];
        let mut infos = [&changes[..], &["notification.process.end"], &changes[..]].concat();
        let (mut told, mut errors) = (Vec::new(), Vec::new());
        // Python hands them to threads, so they are heard in any order.
        for _ in 0..=infos.len() {
            let event = peer.expect("notification").await;
            assert_as_captured(&event);
            match event["priority"].as_str() {
                Some("info") => told.push(event["event_type"].as_str().unwrap().to_owned()),
                _ => errors.push(event),
            }
        }
        told.sort();
        infos.sort_unstable();
        assert_eq!(told, infos);
        let data = &errors[0]["payload"]["masakari_object.data"];
        assert_eq!(errors[0]["event_type"], "notification.process.error");
        assert_eq!(data["notification_uuid"], json!(failed.to_string()));
        let fault = &data["fault"]["masakari_object.data"];
        assert_eq!(fault["exception_message"], FAILURE);
        assert_eq!(
            (&fault["exception"], &fault["module_name"]),
            (&json!("str"), &json!("unknown"))
        );
        peer.kill().await;
    }
}

/// Which events came, in their order.
#[derive(Default)]
struct Types(Mutex<Vec<String>>);

#[async_trait]
impl Listener for Types {
    async fn hear(&self, notification: Notification) -> Heard {
        self.0.lock().unwrap().push(notification.event_type);
        Heard::Handled
    }
}

#[tokio::test]
async fn an_engine_that_stops_tells_first_what_it_has_committed() {
    const SOON: Duration = Duration::from_secs(20);
    let Some(url) = broker() else { return };
    let Some(database) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let topic = format!("t_{}", Uuid::new_v4().simple());
    let bus = || RabbitBus::start(Settings::for_url(&url).unwrap(), "themis-engine").unwrap();
    let text = format!("[oslo_messaging_notifications]\ndriver = messagingv2\ntopics = {topic}\n");
    let section = Source::from_text("t.conf", &text).unwrap().section().unwrap();
    let stopping = bus();
    let notifier = Notifier::new(Arc::new(stopping.clone()), &section, "masakari-engine:controller-1").unwrap();
    let announcer = OsloAnnouncer::start(database.pool.clone(), notifier);
    two_recoveries(&database, &announcer).await;
    // As the program does at its end; the task that tells has not run since the last commit.
    announcer.stop(SOON).await;
    stopping.stop(SOON).await;

    let types = Arc::new(Types::default());
    let subscription = Subscription {
        topics: vec![Topic::new(&topic).unwrap()],
        priorities: vec![Priority::Info, Priority::Error],
        pool: None,
        exchange: None,
    };
    let listening = bus();
    let _hearing = listening.listen(subscription, types.clone()).unwrap();
    let heard = async {
        while types.0.lock().unwrap().len() < 8 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let all = tokio::time::timeout(SOON, heard).await.is_ok();
    assert!(all, "of eight events: {:?}", types.0.lock().unwrap());
    let told = types.0.lock().unwrap();
    assert!(told.contains(&"notification.process.error".to_owned()), "{told:?}");
}

/// The real program against the private services; Keystone and Nova are away, which this needs not.
fn engine(database: &TestDatabase, url: &str, topic: &str, directory: &std::path::Path) -> Child {
    let text = format!(
        "[DEFAULT]\ntransport_url = {url}\n[database]\nconnection = {}\n\
         [keystone_authtoken]\nauth_url = http://127.0.0.1:1/v3\nusername = u\npassword = p\n\
         [network:management]\nimportance = critical\n\
         [oslo_messaging_notifications]\ndriver = messagingv2\ntopics = {topic}\n",
        database.url
    );
    let file = directory.join("themis.conf");
    std::fs::write(&file, text).unwrap();
    Command::from(mortal(env!("CARGO_BIN_EXE_themis-engine")))
        .arg("--config-file")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn the_running_engine_tells_of_a_report_that_it_takes_up() {
    let Some(url) = broker() else { return };
    let Some(python) = pythons().into_iter().next() else {
        return;
    };
    let Some(database) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let topic = format!("t_{}", Uuid::new_v4().simple());
    let mut peer = listener(&python, &url, &topic).await;
    let (segment, host) = registered(&database).await;
    let payload = json!({"event": "STARTED", "host_status": "NORMAL", "cluster_status": "ONLINE"});
    let notification = reported(&database, segment, host, payload).await;
    let directory = tempfile::tempdir().unwrap();
    let mut engine = engine(&database, &url, &topic, directory.path());
    for phase in ["start", "end"] {
        let event = peer.expect("notification").await;
        assert_eq!(event["event_type"], format!("notification.process.{phase}"));
        let data = &event["payload"]["masakari_object.data"];
        assert_eq!(data["notification_uuid"], json!(notification.to_string()));
        assert_eq!(data["payload"]["event"], "STARTED");
    }
    engine.kill().await.unwrap();
    peer.kill().await;
}
