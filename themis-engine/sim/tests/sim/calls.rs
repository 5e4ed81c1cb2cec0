//! One process, one bus: real engines serve their topics over the in-process bus, and are called there as the API calls
//! them: at the name that holds the lease.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use themis_core::Mode;
use themis_core::leader::{
    DEVICE_TEST, DeviceTest, LeaderStatus, NOT_LEADING, PREFLIGHT, Preflight, STATUS, UNKNOWN_DEVICE,
};
use themis_core::report::{ENGINE_TOPIC, HOSTMONITOR_TOPIC};
use themis_engine::adapters::bus::{OsloBus, ask_all};
use themis_messaging::{
    Bus, BusError, CallError, Context, Endpoint, Handler, RpcError, ServerName, Target, Topic, Version,
};
use themis_sim::broker::Broker;
use themis_sim::clock::SimIds;
use themis_sim::happen::happen;
use themis_sim::ports::ProcessBus;
use themis_sim::process::Process;
use themis_sim::run::begun;
use themis_sim::scenario::{Command, Scenario};
use themis_sim::world::{STEP, World};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// As the API waits.
const WITHIN: Duration = Duration::from_secs(10);

async fn three_hosts() -> World {
    let text = "# Three healthy hosts.\nhosts 3\nengines 2\ninstances 2 on compute-2\n";
    let scenario = Scenario::parse(text).expect("a scenario");
    begun(&scenario, &SimIds::new(1, 99), false).await.expect("a world")
}

async fn call(world: &World, engine: &str, method: &str, args: Value) -> Result<Value, CallError> {
    let engines = Target::topic(Topic::new(ENGINE_TOPIC).expect("a topic"), Version::ONE);
    let target = engines.at(ServerName::new(engine).expect("a name"));
    let bus = &world.broker.bus;
    bus.call(&Context::fresh(), &target, method, args, WITHIN).await
}

async fn status(world: &World, engine: &str) -> LeaderStatus {
    let answer = call(world, engine, STATUS, json!({})).await.expect("an answer");
    serde_json::from_value(answer).expect("a status")
}

/// The leader and the standby.
fn engines(world: &World) -> [&'static str; 2] {
    match world.store.holder().as_deref() {
        Some("engine-1") => ["engine-1", "engine-2"],
        Some("engine-2") => ["engine-2", "engine-1"],
        other => panic!("{other:?} leads"),
    }
}

/// A monitor that notes what it is asked.
struct Recorder(mpsc::UnboundedSender<String>);

#[async_trait]
impl Handler for Recorder {
    async fn handle(&self, _: Context, method: &str, _: Value) -> Result<Value, RpcError> {
        self.0.send(method.to_owned()).expect("the test listens");
        Ok(Value::Null)
    }
}

/// The power device of the first host.
fn device(world: &World) -> Uuid {
    let of_first = world
        .store
        .tables(|tables| tables.hosts.values().next().map(|host| host.devices[0].id.0));
    of_first.expect("a host")
}

async fn pass(world: &World, time: Duration) {
    let end = world.now() + time;
    while world.now() < end {
        sleep(STEP).await;
        world.tick();
    }
}

#[tokio::test(start_paused = true)]
async fn the_leader_answers_what_the_api_asks() {
    let world = three_hosts().await;
    let [leader, _] = engines(&world);

    let stands = status(&world, leader).await;
    assert_eq!(
        (stands.engine.as_str(), stands.mode, stands.hosts),
        (leader, Mode::Armed, 3)
    );
    assert_eq!(
        (stands.observers, stands.incidents),
        (4, 0),
        "three monitors and the witness are heard: {stands:?}"
    );
    assert!(stands.settled && stands.nova_answers, "{stands:?}");

    // Until the devices are read again: the first readings were before the monitors had said whose they are.
    pass(&world, Duration::from_secs(90)).await;
    let answer = call(&world, leader, PREFLIGHT, json!({})).await.expect("an answer");
    let preflight: Preflight = serde_json::from_value(answer).expect("a preflight");
    assert!(preflight.ready, "{preflight:?}");
    let names: Vec<&str> = preflight.hosts.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(names, ["compute-1", "compute-2", "compute-3"]);

    let args = json!({"device": device(&world)});
    let answer = call(&world, leader, DEVICE_TEST, args).await.expect("an answer");
    let test: DeviceTest = serde_json::from_value(answer).expect("a test");
    assert_eq!(
        (test.uuid.0, test.state.as_str(), test.bound),
        (device(&world), "on", true)
    );
    assert!(test.took_ms >= 60, "a device takes its time: {test:?}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_answered_is_refused_by_class() {
    let world = three_hosts().await;
    let [leader, standby] = engines(&world);
    let refusal = async |engine: &str, method: &str, args: Value| match call(&world, engine, method, args).await {
        Err(CallError::Remote(error)) => error.class,
        other => panic!("{method} at {engine}: {other:?}"),
    };
    for method in [STATUS, PREFLIGHT, DEVICE_TEST] {
        let args = json!({"device": device(&world)});
        assert_eq!(refusal(standby, method, args).await, NOT_LEADING, "{method}");
    }
    let unknown = json!({"device": Uuid::from_u128(7)});
    assert_eq!(refusal(leader, DEVICE_TEST, unknown).await, UNKNOWN_DEVICE);
}

#[tokio::test(start_paused = true)]
async fn a_killed_leader_answers_nobody_and_its_successor_has_heard_everything() {
    let world = three_hosts().await;
    let [leader, standby] = engines(&world);
    let kill = async {
        // The device is being read.
        sleep(Duration::from_millis(30)).await;
        happen(&world, &Command::CrashLeader, Uuid::nil());
    };
    let test = call(&world, leader, DEVICE_TEST, json!({"device": device(&world)}));
    let (answer, ()) = tokio::join!(test, kill);
    assert!(
        matches!(answer, Err(CallError::Timeout { .. })),
        "the dead say nothing, not even that they are dead: {answer:?}"
    );
    let answer = call(&world, leader, STATUS, json!({})).await;
    assert!(
        matches!(answer, Err(CallError::Bus(BusError::NoListener { .. }))),
        "{answer:?}"
    );
    pass(&world, Duration::from_secs(30)).await;
    assert_eq!(engines(&world)[0], standby);
    assert_eq!(status(&world, standby).await.observers, 4);
}

#[tokio::test(start_paused = true)]
async fn a_killed_process_sends_nothing_more() {
    let broker = Broker::new().expect("a broker");
    let process = Process::new("engine-1");
    let bus = ProcessBus::new(broker.bus.clone(), process.clone());
    let (sender, mut asked) = mpsc::unbounded_channel();
    let topic = Topic::new(HOSTMONITOR_TOPIC).expect("a topic");
    let endpoint = Endpoint::new(topic, ServerName::new("compute-1").expect("a name"), Version::ONE);
    let _served = broker.bus.serve(endpoint, Arc::new(Recorder(sender))).expect("served");
    let questions = OsloBus::new(Arc::new(bus)).expect("names");
    ask_all(&questions, "engine-1").await;
    assert_eq!(asked.recv().await.as_deref(), Some("resend"));
    process.kill();
    ask_all(&questions, "engine-1").await;
    assert!(timeout(WITHIN, asked.recv()).await.is_err(), "the dead ask nothing");
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_a_broker_that_is_away_and_gets_through_when_it_is_back() {
    let world = three_hosts().await;
    let [leader, _] = engines(&world);
    happen(&world, &Command::Broker(true), Uuid::nil());
    let back = async {
        pass(&world, Duration::from_secs(2)).await;
        happen(&world, &Command::Broker(false), Uuid::nil());
    };
    let before = world.now();
    let (stands, ()) = tokio::join!(status(&world, leader), back);
    assert_eq!(stands.engine, leader);
    assert!(world.now() - before >= Duration::from_secs(2));
}
