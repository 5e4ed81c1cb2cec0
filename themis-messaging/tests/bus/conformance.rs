//! The promises of a bus, kept by both of its forms.

use std::time::Duration;

use serde_json::{Value, json};
use themis_messaging::local::LocalBus;
use themis_messaging::{Advice, BusError, CallError, Context, Endpoint, Keep, Sent, ServerName, Version};

use crate::recorder::Recorder;
use crate::world::{SOON, World, eventually, on_both};

on_both!(
    a_call_returns_what_the_handler_returns,
    a_failure_reaches_the_caller_by_class_and_message,
    a_handler_that_panics_fails_alone,
    a_version_above_the_servers_is_refused,
    a_call_without_an_answer_in_time_is_indeterminate,
    a_cast_reaches_one_server_of_the_topic,
    a_cast_to_a_server_reaches_that_server,
    a_cast_to_nobody_says_so,
    a_fanout_reaches_every_server,
    a_fanout_to_nobody_is_no_error,
    the_context_reaches_the_handler,
    messages_are_started_in_the_order_of_arrival,
    a_slow_method_does_not_hold_up_the_others,
    stopping_lets_the_running_method_answer,
    a_name_is_served_once_at_a_time,
    arguments_are_passed_by_name,
    a_stopped_bus_takes_nothing_more,
);

async fn a_call_returns_what_the_handler_returns(world: World) {
    let _serving = world.serve("one", Recorder::new()).await;
    let args = json!({"n": 1, "text": "ü \"quoted\"", "deep": [{"x": null}]});
    assert_eq!(world.call("echo", args.clone()).await.unwrap(), args);
}

async fn a_failure_reaches_the_caller_by_class_and_message(world: World) {
    let _serving = world.serve("one", Recorder::new()).await;
    let failure = |error| match error {
        CallError::Remote(error) => (error.module, error.class, error.message),
        other => panic!("{other}"),
    };
    let (module, class, message) = failure(world.call("refuse", json!({})).await.unwrap_err());
    assert_eq!((module.as_str(), class.as_str()), ("themis.exception", "NotLeader"));
    assert_eq!(message, "another engine leads");
    let (module, class, _) = failure(world.call("unheard", json!({})).await.unwrap_err());
    assert_eq!(
        (module.as_str(), class.as_str()),
        ("oslo_messaging.rpc.dispatcher", "NoSuchMethod")
    );
    let (_, class, message) = failure(world.call("sleep", json!({})).await.unwrap_err());
    assert_eq!(
        (class.as_str(), message.as_str()),
        ("TypeError", "missing argument 'ms'")
    );
}

async fn a_handler_that_panics_fails_alone(world: World) {
    let _serving = world.serve("one", Recorder::new()).await;
    assert!(matches!(
        world.call("panic", json!({})).await,
        Err(CallError::Remote(_))
    ));
    assert_eq!(world.call("echo", json!({"n": 2})).await.unwrap(), json!({"n": 2}));
}

async fn a_version_above_the_servers_is_refused(world: World) {
    let _serving = world.serve("one", Recorder::new()).await;
    let mut target = world.target();
    target.version = Version { major: 1, minor: 6 };
    let error = world
        .client
        .call(&Context::fresh(), &target, "echo", json!({}), SOON)
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Remote(error) if error.class == "UnsupportedVersion"));
}

async fn a_call_without_an_answer_in_time_is_indeterminate(world: World) {
    let recorder = Recorder::new();
    let _serving = world.serve("one", recorder.clone()).await;
    let within = Duration::from_millis(700);
    let (context, target) = (Context::fresh(), world.target());
    let error = world
        .client
        .call(&context, &target, "sleep", json!({"ms": 5000}), within)
        .await
        .unwrap_err();
    assert_eq!(error.advice(), Advice::Indeterminate, "{error}");
    assert_eq!(recorder.methods(), ["sleep"]);
}

async fn a_cast_reaches_one_server_of_the_topic(world: World) {
    let (one, two) = (Recorder::new(), Recorder::new());
    let _one = world.serve("one", one.clone()).await;
    let _two = world.serve("two", two.clone()).await;
    for n in 0..10 {
        world.cast(&world.target(), "echo", json!({"n": n})).await.unwrap();
    }
    one.until("some casts", |one| one.count() > 0).await;
    two.until("some casts", |two| two.count() > 0).await;
    eventually("ten casts", || one.count() + two.count() == 10).await;
    let mut seen: Vec<u64> = one
        .args()
        .iter()
        .chain(&two.args())
        .filter_map(|args| args["n"].as_u64())
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
}

async fn a_cast_to_a_server_reaches_that_server(world: World) {
    let (one, two) = (Recorder::new(), Recorder::new());
    let _one = world.serve("one", one.clone()).await;
    let _two = world.serve("two", two.clone()).await;
    for _ in 0..3 {
        world.cast(&world.server_named("two"), "echo", json!({})).await.unwrap();
    }
    two.until("three casts", |two| two.count() == 3).await;
    assert_eq!(one.count(), 0);
}

async fn a_cast_to_nobody_says_so(world: World) {
    let error = world.cast(&world.target(), "echo", json!({})).await.unwrap_err();
    assert!(matches!(error, BusError::NoListener { .. }), "{error}");
    let _serving = world.serve("one", Recorder::new()).await;
    let error = world
        .cast(&world.server_named("other"), "echo", json!({}))
        .await
        .unwrap_err();
    assert_eq!(error.advice(), Advice::Retry);
}

async fn a_fanout_reaches_every_server(world: World) {
    let (one, two) = (Recorder::new(), Recorder::new());
    let _one = world.serve("one", one.clone()).await;
    let _two = world.serve("two", two.clone()).await;
    let args = json!({"report": {"sequence": 1}});
    let receipt = world
        .client
        .fanout(
            &Context::empty(),
            &world.target(),
            "echo",
            args.clone(),
            Keep::Newest("me".to_owned()),
            SOON,
        )
        .unwrap();
    assert_eq!(receipt.outcome().await.unwrap(), Sent::Confirmed);
    one.until("the fanout", |one| one.args() == [args.clone()]).await;
    two.until("the fanout", |two| two.args() == [args.clone()]).await;
}

async fn a_fanout_to_nobody_is_no_error(world: World) {
    let sent = world
        .client
        .fanout(&Context::empty(), &world.target(), "wake", json!({}), Keep::All, SOON)
        .unwrap();
    assert_eq!(sent.outcome().await.unwrap(), Sent::Confirmed);
}

async fn the_context_reaches_the_handler(world: World) {
    let recorder = Recorder::new();
    let _serving = world.serve("one", recorder.clone()).await;
    let context = Context::of_request("req-1", Some("req-2")).with("odd key", json!({"kept": true}));
    world
        .client
        .call(&context, &world.target(), "echo", json!({}), SOON)
        .await
        .unwrap();
    let seen = recorder.contexts().remove(0);
    assert_eq!(
        (seen.request_id(), seen.global_request_id()),
        (Some("req-1"), Some("req-2"))
    );
    assert_eq!(seen.get("odd key"), Some(&json!({"kept": true})));
}

async fn messages_are_started_in_the_order_of_arrival(world: World) {
    let recorder = Recorder::new();
    let _serving = world.serve("one", recorder.clone()).await;
    for n in 0..300 {
        let fanout = world.client.fanout(
            &Context::empty(),
            &world.target(),
            "echo",
            json!({"n": n}),
            Keep::All,
            SOON,
        );
        fanout.unwrap();
    }
    recorder.until("300 fanouts", |recorder| recorder.count() == 300).await;
    let expected: Vec<Value> = (0..300).map(|n| json!({"n": n})).collect();
    assert_eq!(recorder.args(), expected);
}

async fn a_slow_method_does_not_hold_up_the_others(world: World) {
    let recorder = Recorder::new();
    let _serving = world.serve("one", recorder.clone()).await;
    world
        .cast(&world.target(), "sleep", json!({"ms": 60_000}))
        .await
        .unwrap();
    recorder.until("the slow one", |recorder| recorder.count() == 1).await;
    assert_eq!(world.call("echo", json!({"n": 1})).await.unwrap(), json!({"n": 1}));
}

async fn stopping_lets_the_running_method_answer(world: World) {
    let recorder = Recorder::new();
    let serving = world.serve("one", recorder.clone()).await;
    let target = world.target();
    let context = Context::fresh();
    let asked = world.client.call(&context, &target, "sleep", json!({"ms": 400}), SOON);
    let stopped = async {
        recorder
            .until("the method runs", |recorder| recorder.count() == 1)
            .await;
        serving.stop(SOON).await;
    };
    let (answer, ()) = tokio::join!(asked, stopped);
    assert_eq!(answer.unwrap(), json!(400));
    // The topic's queue outlives its servers on a broker, so only the count tells.
    let _ = world.client.cast(&context, &target, "echo", json!({}), SOON).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(recorder.count(), 1);
}

async fn a_name_is_served_once_at_a_time(world: World) {
    let serving = world.serve("one", Recorder::new()).await;
    let endpoint = || {
        let version = Version { major: 1, minor: 5 };
        Endpoint::new(world.topic.clone(), ServerName::new("one").unwrap(), version)
    };
    let again = world.server.serve(endpoint(), Recorder::new());
    assert!(matches!(again, Err(BusError::AlreadyServed { .. })));
    serving.stop(SOON).await;
    let recorder = Recorder::new();
    let _serving = world.serve("one", recorder.clone()).await;
    world.call("echo", json!({})).await.unwrap();
    assert_eq!(recorder.count(), 1);
}

async fn arguments_are_passed_by_name(world: World) {
    for wrong in [json!([1]), json!("x"), json!(null)] {
        let error = world.cast(&world.target(), "echo", wrong).await.unwrap_err();
        assert!(matches!(error, BusError::Arguments { .. }), "{error}");
    }
}

async fn a_stopped_bus_takes_nothing_more(world: World) {
    let _serving = world.serve("one", Recorder::new()).await;
    world.client.stop(SOON).await;
    let fanout = world
        .client
        .fanout(&Context::empty(), &world.target(), "echo", json!({}), Keep::All, SOON);
    assert!(matches!(fanout, Err(BusError::Stopping)));
    let cast = world.cast(&world.target(), "echo", json!({})).await;
    assert!(matches!(cast, Err(BusError::Stopping)), "{cast:?}");
}

/// The broker's absence, as [`LocalBus::set_away`] plays it; the real one's is in `survival`.
#[tokio::test(start_paused = true)]
async fn while_the_local_bus_is_away_reports_wait_newest_only_and_nothing_waits_for_ever() {
    let bus = LocalBus::new();
    let world = World::of(bus.clone());
    let recorder = Recorder::new();
    let _serving = world.serve("one", recorder.clone()).await;
    bus.set_away(true);
    let fanout = |n: u64, keep, expires| {
        world
            .client
            .fanout(
                &Context::empty(),
                &world.target(),
                "echo",
                json!({"n": n}),
                keep,
                expires,
            )
            .unwrap()
    };
    let report = || Keep::Newest("compute-1".to_owned());
    let minute = Duration::from_secs(60);
    let old = fanout(1, report(), minute);
    let stale = fanout(2, Keep::All, Duration::from_secs(1));
    let event = fanout(3, Keep::All, minute);
    let newest = fanout(4, report(), minute);
    assert_eq!(old.outcome().await.unwrap(), Sent::Superseded);
    assert!(matches!(stale.outcome().await, Err(BusError::Expired { .. })));
    let error = world
        .client
        .call(&Context::fresh(), &world.target(), "echo", json!({}), minute / 2)
        .await
        .unwrap_err();
    assert_eq!(error.advice(), Advice::Retry);
    assert_eq!(recorder.count(), 0);

    let later = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        bus.set_away(false);
    };
    let target = world.target();
    let (cast, ()) = tokio::join!(world.cast(&target, "echo", json!({"n": 5})), later);
    cast.unwrap();
    assert_eq!(newest.outcome().await.unwrap(), Sent::Confirmed);
    assert_eq!(event.outcome().await.unwrap(), Sent::Confirmed);
    recorder.until("what waited", |recorder| recorder.count() == 3).await;
    assert_eq!(recorder.args(), [json!({"n": 4}), json!({"n": 3}), json!({"n": 5})]);
}
