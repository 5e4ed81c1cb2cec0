//! More promises that both forms of the bus keep: namespaces, names, and an end at which nothing is dropped.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use themis_messaging::local::LocalBus;
use themis_messaging::{
    BusError, CallError, Context, Endpoint, Form, Keep, Notification, Priority, Sent, ServerName, Target, Version,
};

use crate::recorder::Recorder;
use crate::world::{SOON, World, on_both};

on_both!(
    a_namespace_is_served_by_its_server_only,
    one_name_serves_one_interface,
    what_was_sent_before_the_stop_goes_out,
);

async fn a_namespace_is_served_by_its_server_only(world: World) {
    let endpoint = Endpoint {
        namespace: Some("baseapi".to_owned()),
        ..Endpoint::new(world.topic.clone(), ServerName::new("one").unwrap(), Version::ONE)
    };
    let serving = world.server.serve(endpoint, Recorder::new()).unwrap();
    serving.ready(SOON).await.unwrap();
    let ask = async |namespace: Option<&str>| {
        let target = Target {
            namespace: namespace.map(str::to_owned),
            ..world.target()
        };
        world
            .client
            .call(&Context::fresh(), &target, "echo", json!({"n": 1}), SOON)
            .await
    };
    assert_eq!(ask(Some("baseapi")).await.unwrap(), json!({"n": 1}));
    for other in [None, Some("other")] {
        let error = ask(other).await.unwrap_err();
        assert!(matches!(error, CallError::Remote(error) if error.class == "UnsupportedVersion"));
    }
}

async fn one_name_serves_one_interface(world: World) {
    let _serving = world.serve("one", Recorder::new()).await;
    let other = Endpoint {
        namespace: Some("other".to_owned()),
        ..Endpoint::new(world.topic.clone(), ServerName::new("one").unwrap(), Version::ONE)
    };
    let again = world.server.serve(other, Recorder::new());
    assert!(matches!(again, Err(BusError::AlreadyServed { .. })));
}

async fn what_was_sent_before_the_stop_goes_out(world: World) {
    let recorder = Recorder::new();
    let _serving = world.serve("one", recorder.clone()).await;
    for n in 0..500 {
        let args = json!({"n": n});
        let sent = world
            .client
            .fanout(&Context::empty(), &world.target(), "echo", args, Keep::All, SOON);
        sent.unwrap();
    }
    if Arc::ptr_eq(&world.client, &world.server) {
        // One bus for both: what is sent there is with the server at once, which has its time to handle it.
        world.client.stop(SOON).await;
        assert_eq!(recorder.count(), 500);
    } else {
        world.client.stop(SOON).await;
        recorder.until("all of them", |recorder| recorder.count() == 500).await;
    }
}

/// The broker's absence, as the in-process bus plays it.
#[tokio::test(start_paused = true)]
async fn while_the_local_bus_is_away_notifications_wait_in_order_and_are_refused_when_there_is_no_room() {
    let bus = LocalBus::new();
    let world = World::of(bus.clone());
    let notification = |n: u32| Notification {
        message_id: n.to_string(),
        publisher_id: "p".to_owned(),
        event_type: n.to_string(),
        priority: Priority::Info,
        payload: json!({}),
        timestamp: "2026-11-20 08:00:00".to_owned(),
        unique_id: None,
        context: Context::empty(),
    };
    let notify = |n: u32, expires| {
        world
            .client
            .notify(&world.topic, &notification(n), Form::Envelope, expires)
    };
    bus.set_away(true);
    let minute = Duration::from_secs(60);
    let stale = notify(0, Duration::from_secs(1)).unwrap();
    let kept = notify(1, minute).unwrap();
    assert!(matches!(stale.outcome().await, Err(BusError::Expired { .. })));
    bus.set_away(false);
    assert_eq!(kept.outcome().await.unwrap(), Sent::Confirmed);
    bus.set_away(true);
    let mut waiting = 0;
    while notify(2, minute).is_ok() {
        waiting += 1;
        assert!(waiting < 10_000, "what waits has no bound");
    }
    let refused = notify(3, minute).unwrap_err();
    assert!(
        matches!(refused, BusError::Full { waiting: 4096 }) && waiting == 4096,
        "{refused}"
    );
}
