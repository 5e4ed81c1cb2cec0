//! Calls with signs of life, as caller and against Python's servers.

use std::time::Duration;

use serde_json::{Value, json};
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{Advice, Bus, CallError, Context, Patience, Settings, Target, Version};
use tokio::time::Instant;

use crate::peer::{Peer, pythons};
use crate::recorder::Recorder;
use crate::world::{World, broker, topic};

macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod local {
            $(#[tokio::test(start_paused = true)]
            async fn $name() {
                super::$name(super::World::local()).await;
            })+
        }
        mod rabbit {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(world) = super::World::rabbit() {
                    super::$name(world).await;
                }
            })+
        }
    };
}

on_both!(
    a_running_method_is_waited_for_beyond_the_silence_that_is_borne,
    a_method_that_runs_too_long_ends_at_the_whole_deadline,
    a_method_that_nobody_begins_is_given_up_after_the_silence,
);

const SILENCE: Duration = Duration::from_secs(2);

async fn ask(bus: &dyn Bus, target: &Target, method: &str, args: Value, within_s: u64) -> Result<Value, CallError> {
    let patience = Patience::within(Duration::from_secs(within_s)).unless_silent_for(SILENCE);
    bus.call_patiently(&Context::fresh(), target, method, args, patience)
        .await
}

async fn a_running_method_is_waited_for_beyond_the_silence_that_is_borne(world: World) {
    let _serving = world.serve("one", Recorder::new()).await;
    let answer = ask(&*world.client, &world.target(), "sleep", json!({"ms": 5000}), 30).await;
    assert_eq!(answer.unwrap(), json!(5000));
}

async fn a_method_that_runs_too_long_ends_at_the_whole_deadline(world: World) {
    let _serving = world.serve("one", Recorder::new()).await;
    let began = Instant::now();
    let error = ask(&*world.client, &world.target(), "sleep", json!({"ms": 60_000}), 5)
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Timeout { .. }), "{error}");
    assert!(began.elapsed() >= Duration::from_secs(5) && began.elapsed() < Duration::from_secs(7));
}

async fn a_method_that_nobody_begins_is_given_up_after_the_silence(world: World) {
    let recorder = Recorder::new();
    let _serving = world.serve("one", recorder.clone()).await;
    // As many as run at once: the next one waits for its turn, and gives no signs.
    for _ in 0..64 {
        world
            .cast(&world.target(), "sleep", json!({"ms": 60_000}))
            .await
            .unwrap();
    }
    recorder.until("all of them", |recorder| recorder.count() == 64).await;
    let began = Instant::now();
    let error = ask(&*world.client, &world.target(), "echo", json!({}), 30)
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Silent { .. }), "{error}");
    assert_eq!(error.advice(), Advice::Indeterminate);
    assert!(began.elapsed() >= SILENCE && began.elapsed() < Duration::from_secs(8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_server_gives_us_signs_and_its_death_is_noticed() {
    let Some(url) = broker() else { return };
    for python in pythons() {
        let topic = topic();
        let mut peer = Peer::start(&python, &url, &[], &["serve", "--topic", topic.as_str()]);
        peer.expect("ready").await;
        let bus = RabbitBus::start(Settings::for_url(&url).unwrap(), "test").unwrap();
        let target = Target::topic(topic, Version { major: 1, minor: 2 });
        let began = Instant::now();
        ask(&bus, &target, "sleep", json!({"seconds": 5}), 60).await.unwrap();
        assert!(began.elapsed() > SILENCE * 2, "the method ran longer than the silence");
        peer.expect("request").await;

        let asked = ask(&bus, &target, "sleep", json!({"seconds": 50}), 60);
        let killed = async {
            peer.expect("request").await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            peer.kill().await;
            Instant::now()
        };
        let (error, killed) = tokio::join!(asked, killed);
        let error = error.unwrap_err();
        assert!(matches!(error, CallError::Silent { .. }), "{error}");
        assert!(
            killed.elapsed() < SILENCE * 3,
            "known {:?} after the death",
            killed.elapsed()
        );
    }
}
