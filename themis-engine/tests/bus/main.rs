//! The engine as a program on a real broker and a real database: whom it believes, and which request its lines name.
//!
//! Needs `.ci/services`; without it the test says so and passes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod world;

use secrecy::SecretString;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::json;
use themis_core::leader::{BRAKES, Brakes, DEVICE_TEST, LeaderStatus, OBSERVERS, Observers, STATUS};
use themis_core::{HostId, NotificationId, PowerDeviceId, RequestId, SegmentId};
use themis_db::store::hosts::{HostRow, NewHost, host_create};
use themis_db::store::notifications::{NewNotification, notification_create};
use themis_db::store::power_devices::{PowerDevice, power_device_create};
use themis_db::store::requests::{Request, request_create};
use themis_db::store::segments::{NewSegment, segment_create};
use themis_db::words::RequestKind;
use themis_db::{NotificationKind, NotificationStatus, RecoveryMethod};
use themis_messaging::{Bus, Context, Heard, Keep, Listener, Notification, Priority, Subscription, Topic};
use time::OffsetDateTime;
use uuid::Uuid;

use world::{SOON, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engines_lines_name_the_request_that_woke_it() {
    let Some(world) = World::start("").await else { return };
    let ids = [(); 2].map(|()| format!("req-{}", Uuid::new_v4()));
    let request = Request {
        uuid: RequestId(Uuid::new_v4()),
        kind: RequestKind::Mode,
        host_uuid: None,
        args: json!({"value": "observe", "segment_uuid": null, "accept_unbound": []}),
        reason: "for the test".to_owned(),
        user_id: "u".to_owned(),
        user_name: "operator".to_owned(),
    };
    request_create(&world.database.pool, &request, OffsetDateTime::now_utc())
        .await
        .unwrap();
    // The engine of this test looks into the database when it is woken, and not else.
    let context = Context::of_request(&ids[0], Some(&ids[1]));
    world
        .bus
        .fanout(&context, &world.engines, "wake", json!({}), Keep::All, SOON)
        .unwrap();
    let handled = world.line("request mode by operator").await;
    assert!(handled.contains(&format!("[{} {} ", ids[1], ids[0])), "{handled}");
    let woken = world.line("woken by the API").await;
    assert!(woken.contains(&format!("[{} {} ", ids[1], ids[0])), "{woken}");
    assert!(
        world.line("starts").await.contains("[-]"),
        "a line of no request names none"
    );
}

async fn with_host(world: &World) -> HostRow {
    let (pool, at) = (&world.database.pool, OffsetDateTime::now_utc());
    let segment = NewSegment {
        uuid: SegmentId(Uuid::new_v4()),
        name: "seg-1".to_owned(),
        service_type: "COMPUTE".to_owned(),
        enabled: true,
        description: None,
        recovery_method: RecoveryMethod::Auto,
    };
    let segment = segment_create(pool, segment, at).await.unwrap();
    let host = NewHost {
        uuid: HostId(Uuid::new_v4()),
        name: "compute-1".to_owned(),
        segment_uuid: segment.uuid,
        host_type: "COMPUTE".to_owned(),
        reserved: false,
        control_attributes: "SSH".to_owned(),
        on_maintenance: false,
    };
    host_create(pool, host, at).await.unwrap()
}

/// A host with a power device that nobody can read: the engine of these tests has no key for its password.
async fn with_device(world: &World) -> PowerDeviceId {
    let (pool, at) = (&world.database.pool, OffsetDateTime::now_utc());
    let host = with_host(world).await;
    let device = PowerDevice {
        uuid: PowerDeviceId(Uuid::new_v4()),
        host_uuid: host.uuid,
        driver: "ipmi".to_owned(),
        address: "127.0.0.1".to_owned(),
        port: 9,
        system: String::new(),
        level: 1,
        username: "admin".to_owned(),
        secret: SecretString::from("sealed"),
        accepted: None,
    };
    power_device_create(pool, &device, at).await.unwrap().device.uuid
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lines_of_a_device_test_name_the_request_that_called() {
    let Some(world) = World::start("").await else { return };
    let device = with_device(&world).await;
    let wake = world
        .bus
        .fanout(&Context::empty(), &world.engines, "wake", json!({}), Keep::All, SOON);
    wake.unwrap().outcome().await.unwrap();
    let ids = [(); 2].map(|()| format!("req-{}", Uuid::new_v4()));
    let context = Context::of_request(&ids[0], Some(&ids[1]));
    // Until the engine has read its new device, it refuses.
    world
        .until("the engine knows the device", async || {
            let args = json!({"device": device});
            let tested = world.bus.call(&context, &world.engine, DEVICE_TEST, args, SOON).await;
            tested.is_ok_and(|answer| answer["uuid"] == json!(device))
        })
        .await;
    let read = world.line("was read for a caller").await;
    assert!(read.contains(&device.to_string()), "{read}");
    assert!(read.contains(&format!("[{} {} ", ids[1], ids[0])), "{read}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_tells_whom_it_hears_and_what_holds_it_back() {
    let Some(world) = World::start("").await else { return };
    with_device(&world).await;
    let wake = world
        .bus
        .fanout(&Context::empty(), &world.engines, "wake", json!({}), Keep::All, SOON);
    wake.unwrap().outcome().await.unwrap();
    let args = json!({"report": {
        "observer": "stranger", "boot_id": "1", "monitor_start": Uuid::nil(), "sequence": 1, "clock_ms": 1000,
        "generation": "g", "networks": {},
    }});
    let sent = world
        .bus
        .fanout(&Context::empty(), &world.observations, "report", args, Keep::All, SOON);
    sent.unwrap().outcome().await.unwrap();
    let ask = async |method| {
        world
            .bus
            .call(&Context::fresh(), &world.engine, method, json!({}), SOON)
            .await
            .unwrap()
    };
    let observers = async || {
        serde_json::from_value::<Observers>(ask(OBSERVERS).await)
            .unwrap()
            .observers
    };
    world
        .until("the stranger is heard", async || !observers().await.is_empty())
        .await;
    let heard = observers().await;
    assert_eq!((heard.len(), heard[0].name.as_str()), (1, "stranger"));
    let place = heard[0].networks.values().next().unwrap();
    assert_eq!(place.reason.as_ref().unwrap().code, "observer_not_registered");

    let brakes = async || serde_json::from_value::<Brakes>(ask(BRAKES).await).unwrap().brakes;
    let names = async |code: &str| -> Vec<String> {
        let brakes = brakes().await;
        let brake = brakes.iter().find(|brake| brake.code == code).unwrap();
        brake.hosts.iter().map(|host| host.name.clone()).collect()
    };
    world
        .until("the host is read", async || {
            names("observe_mode").await == ["compute-1"]
        })
        .await;
    assert_eq!(names("power_device_unbound").await, ["compute-1"]);
    assert_eq!(names("segment_disabled").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_in_another_hosts_name_is_dropped_counted_and_said_once() {
    let Some(world) = World::start("[detection]\nobserver_users = themis-{host}\n").await else {
        return;
    };
    let (honest, liar) = (format!("a{}", world.name), format!("b{}", world.name));
    let honests_bus = world.bus_of(&format!("themis-{honest}")).await;
    let liars_bus = world.bus_of(&format!("themis-{liar}")).await;
    let observers = async || -> usize {
        let answer = world
            .bus
            .call(&Context::fresh(), &world.engine, STATUS, json!({}), SOON)
            .await;
        serde_json::from_value::<LeaderStatus>(answer.unwrap())
            .unwrap()
            .observers
    };
    let report = async |bus: &dyn Bus, observer: &str, sequence: u64| {
        let args = json!({"report": {
            "observer": observer, "boot_id": "1", "monitor_start": Uuid::nil(), "sequence": sequence,
            "clock_ms": 1000 * sequence, "generation": "g", "networks": {}, "of a later release": {"x": 1},
        }});
        let sent = bus.fanout(&Context::empty(), &world.observations, "report", args, Keep::All, SOON);
        sent.unwrap().outcome().await.unwrap();
    };
    report(&honests_bus, &honest, 1).await;
    world
        .until("the honest monitor is heard", async || observers().await == 1)
        .await;

    for sequence in 1..=3 {
        report(&liars_bus, &format!("c{}", world.name), sequence).await;
    }
    let counted = || async { world.metric("themis_engine_unvouched_messages_total").await == Some(3.0) };
    world.until("the forged ones are counted", counted).await;
    assert_eq!(observers().await, 1, "nobody is heard in another's name");
    let said = world.lines("in the name of");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains(&liar) && said[0].contains("observer_users"),
        "{}",
        said[0]
    );
    report(&liars_bus, &liar, 1).await;
    world
        .until("the liar is heard in its own name", async || observers().await == 2)
        .await;
    // What an operator reads at the same place.
    let delay = format!(
        "themis_bus_handling_delay_seconds_count{{topic=\"{}\"}}",
        world.observations.topic
    );
    assert_eq!(world.metric(&delay).await, Some(5.0));
}

/// An event's type, and the local and the global id of its request.
type Traced = (String, Option<String>, Option<String>);

/// The events that came.
#[derive(Default)]
struct Events(Mutex<Vec<Traced>>);

#[async_trait]
impl Listener for Events {
    async fn hear(&self, event: Notification) -> Heard {
        let (local, global) = (event.context.request_id(), event.context.global_request_id());
        let heard = (
            event.event_type.clone(),
            local.map(str::to_owned),
            global.map(str::to_owned),
        );
        self.0.lock().unwrap().push(heard);
        Heard::Handled
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engines_events_name_the_request_that_woke_it_for_them() {
    let Some(world) = World::start("[oslo_messaging_notifications]\ndriver = messagingv2\ntopics = events\n").await
    else {
        return;
    };
    let events = Arc::new(Events::default());
    let subscription = Subscription {
        topics: vec![Topic::new("events").unwrap()],
        priorities: vec![Priority::Info, Priority::Error],
        pool: None,
        exchange: None,
    };
    let _hearing = world.bus.listen(subscription, events.clone()).unwrap();
    let host = with_host(&world).await;
    let at = OffsetDateTime::now_utc();
    let claim = NewNotification {
        uuid: NotificationId(Uuid::new_v4()),
        generated_time: at,
        source_host_uuid: host.uuid,
        kind: NotificationKind::ComputeHost,
        payload: json!({"event": "STARTED", "host_status": "NORMAL", "cluster_status": "ONLINE"}),
        status: NotificationStatus::New,
        segment_uuid: host.segment_uuid,
        message: None,
    };
    notification_create(&world.database.pool, &claim, at).await.unwrap();
    let ids = [(); 2].map(|()| format!("req-{}", Uuid::new_v4()));
    let context = Context::of_request(&ids[0], Some(&ids[1]));
    let wake = world
        .bus
        .fanout(&context, &world.engines, "wake", json!({}), Keep::All, SOON);
    wake.unwrap().outcome().await.unwrap();
    let both = async || events.0.lock().unwrap().len() == 2;
    world.until("the beginning and the end are told", both).await;
    let [local, global] = ids.map(Some);
    let told = |phase| (format!("notification.process.{phase}"), local.clone(), global.clone());
    assert_eq!(*events.0.lock().unwrap(), [told("start"), told("end")]);
}
