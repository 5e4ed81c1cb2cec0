//! The bad days of a broker: killed, paused, cut, blocked; a queue deleted; an engine that is away.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use serde_json::{Value, json};
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{
    Advice, Bus, BusError, CallError, Context, Endpoint, Keep, Readiness, Receipt, Sent, ServerName, Serving, Settings,
    Target, Topic, Version,
};
use tokio::time::Instant;

use crate::broker::Broker;
use crate::peer::{Peer, pythons};
use crate::recorder::Recorder;
use crate::world::{SOON, broker, eventually, topic};

/// Enough for the back-off after a broker's restart on a busy machine.
const RECOVERY: Duration = Duration::from_secs(60);

fn bus(url: &str) -> RabbitBus {
    RabbitBus::start(Settings::for_url(url).unwrap(), "test").unwrap()
}

fn endpoint(topic: &Topic) -> Endpoint {
    Endpoint::new(topic.clone(), ServerName::new("one").unwrap(), Version::ONE)
}

async fn serve(bus: &RabbitBus, topic: &Topic, recorder: &Arc<Recorder>) -> Serving {
    let serving = bus.serve(endpoint(topic), recorder.clone()).unwrap();
    serving.ready(SOON).await.unwrap();
    serving
}

fn target(topic: &Topic) -> Target {
    Target::topic(topic.clone(), Version::ONE)
}

fn report(bus: &RabbitBus, topic: &Topic, n: u64) -> Receipt {
    let padding = "x".repeat(50_000);
    let args = json!({"report": {"sequence": n, "padding": padding}});
    let keep = Keep::Newest("compute-1".to_owned());
    bus.fanout(
        &Context::empty(),
        &target(topic),
        "echo",
        args,
        keep,
        Duration::from_secs(120),
    )
    .unwrap()
}

fn sequences(recorder: &Recorder) -> Vec<u64> {
    recorder
        .args()
        .iter()
        .map(|args| args["report"]["sequence"].as_u64().unwrap())
        .collect()
}

fn last(recorder: &Recorder) -> Option<Value> {
    recorder.args().pop()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_broker_was_killed_the_newest_report_arrives_whole() {
    let Some(broker) = Broker::start().await else { return };
    let (topic, recorder) = (topic(), Recorder::new());
    let (server, client) = (bus(&broker.url), bus(&broker.url));
    let serving = serve(&server, &topic, &recorder).await;
    report(&client, &topic, 0).outcome().await.unwrap();
    recorder
        .until("the first report", |recorder| recorder.count() == 1)
        .await;

    broker.act("rabbit-kill").await;
    let mut receipts = Vec::new();
    for n in 1..=20 {
        receipts.push(report(&client, &topic, n));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    eventually("the loss is seen", || !matches!(serving.readiness(), Readiness::Ready)).await;
    broker.act("rabbit-start").await;
    serving.ready(RECOVERY).await.unwrap();
    // The next report, as a monitor sends it every ten seconds; the one that waited may have found no listener yet.
    let fresh = report(&client, &topic, 21);
    assert_eq!(
        tokio::time::timeout(RECOVERY, fresh.outcome()).await.unwrap().unwrap(),
        Sent::Confirmed
    );
    recorder
        .until_within(RECOVERY, "the newest", |r| sequences(r).last() == Some(&21))
        .await;
    assert_eq!(
        last(&recorder).unwrap()["report"]["padding"].as_str().unwrap().len(),
        50_000
    );
    let seen = sequences(&recorder);
    assert!(seen.is_sorted() && seen.len() <= 4, "old reports came back: {seen:?}");
    let mut superseded = 0;
    for receipt in receipts {
        superseded += usize::from(receipt.outcome().await.unwrap() == Sent::Superseded);
    }
    assert!(
        superseded >= 17,
        "only the newest may wait; {superseded} of 20 were superseded"
    );
    assert_eq!(
        client
            .call(&Context::fresh(), &target(&topic), "echo", json!({}), RECOVERY)
            .await
            .unwrap(),
        json!({})
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_an_outage_arrive_in_order_and_calls_end_in_time() {
    let Some(broker) = Broker::start_with("").await else {
        return;
    };
    let (topic, recorder) = (topic(), Recorder::new());
    // Durable queues outlive the broker, so that what is confirmed before the server is back is not lost.
    let url = format!("{}?rabbit_quorum_queue=true", broker.url);
    let (server, client) = (bus(&url), bus(&url));
    let serving = serve(&server, &topic, &recorder).await;
    let one = target(&topic).at(ServerName::new("one").unwrap());
    let context = Context::fresh();
    client.call(&context, &one, "echo", json!({}), SOON).await.unwrap();

    broker.act("rabbit-stop").await;
    eventually("the loss is seen", || !matches!(serving.readiness(), Readiness::Ready)).await;
    let began = Instant::now();
    let within = Duration::from_millis(1500);
    let error = client
        .call(&context, &one, "echo", json!({"lost": true}), within)
        .await
        .unwrap_err();
    assert!(began.elapsed() < within + Duration::from_secs(1));
    assert_eq!(error.advice(), Advice::Retry, "it was never sent: {error}");
    // Polled in this order for the first time, so posted in this order.
    let casts = (0..50).map(|n| {
        let (client, context, one) = (&client, &context, &one);
        async move { client.cast(context, one, "echo", json!({"n": n}), RECOVERY).await }
    });
    let recovery = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        broker.act("rabbit-start").await;
    };
    let (sent, ()) = tokio::join!(futures::future::try_join_all(casts), recovery);
    sent.unwrap();
    recorder
        .until_within(RECOVERY, "all casts", |recorder| recorder.count() == 51)
        .await;
    let numbers: Vec<Value> = recorder
        .args()
        .into_iter()
        .skip(1)
        .map(|args| args["n"].clone())
        .collect();
    assert_eq!(numbers, (0..50).map(Value::from).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_cut_and_a_queue_deleted_are_mended() {
    let Some(broker) = Broker::start().await else { return };
    let (topic, recorder) = (topic(), Recorder::new());
    let (server, client) = (bus(&broker.url), bus(&broker.url));
    let serving = serve(&server, &topic, &recorder).await;
    let ask = async || {
        client
            .call(&Context::fresh(), &target(&topic), "echo", json!({}), RECOVERY)
            .await
    };
    ask().await.unwrap();
    let before = broker.depths(topic.as_str()).await;

    broker.ctl(&["close_all_connections", "on purpose"]).await;
    eventually("the cut is seen", || !matches!(serving.readiness(), Readiness::Ready)).await;
    serving.ready(RECOVERY).await.unwrap();
    ask().await.unwrap();
    let names = |depths: Vec<(String, usize)>| depths.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(
        names(broker.depths(topic.as_str()).await),
        names(before),
        "queues have the same names again"
    );

    broker.ctl(&["delete_queue", topic.as_str()]).await;
    eventually("the cancellation is seen", || {
        !matches!(serving.readiness(), Readiness::Ready)
    })
    .await;
    serving.ready(RECOVERY).await.unwrap();
    ask().await.unwrap();
    assert_eq!(recorder.count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_broker_leaves_the_sender_in_doubt_and_not_in_wait() {
    let Some(broker) = Broker::start().await else { return };
    let (topic, recorder) = (topic(), Recorder::new());
    let (server, client) = (bus(&broker.url), bus(&broker.url));
    let _serving = serve(&server, &topic, &recorder).await;
    let within = Duration::from_secs(2);
    let context = Context::fresh();
    client
        .call(&context, &target(&topic), "echo", json!({}), SOON)
        .await
        .unwrap();

    broker.act("rabbit-pause").await;
    let began = Instant::now();
    let cast = client
        .cast(&context, &target(&topic), "echo", json!({"n": 1}), within)
        .await
        .unwrap_err();
    assert_eq!(cast.advice(), Advice::Indeterminate, "{cast}");
    let call = client
        .call(&context, &target(&topic), "echo", json!({"n": 2}), within)
        .await
        .unwrap_err();
    assert!(matches!(call, CallError::Timeout { .. }), "{call}");
    assert!(began.elapsed() < within * 2 + Duration::from_secs(1));
    broker.act("rabbit-resume").await;
    client
        .call(&context, &target(&topic), "echo", json!({"n": 3}), RECOVERY)
        .await
        .unwrap();
    recorder
        .until("the last", |recorder| last(recorder) == Some(json!({"n": 3})))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocking_broker_is_not_pressed() {
    let Some(broker) = Broker::start().await else { return };
    let (topic, recorder) = (topic(), Recorder::new());
    let (server, client) = (bus(&broker.url), bus(&broker.url));
    let _serving = serve(&server, &topic, &recorder).await;
    let context = Context::fresh();
    let cast = async |n: u64, within| {
        client
            .cast(&context, &target(&topic), "echo", json!({"n": n}), within)
            .await
    };
    cast(0, SOON).await.unwrap();
    broker.ctl(&["set_vm_memory_high_watermark", "0.000001"]).await;
    // A broker tells of the block when something is published.
    let first = cast(1, Duration::from_secs(2)).await;
    let second = cast(2, Duration::from_secs(1)).await.unwrap_err();
    assert!(
        matches!(second, BusError::Expired { .. }),
        "it was not written: {second}; the one before: {first:?}"
    );
    let waiting = {
        let (client, context, topic) = (client.clone(), context.clone(), topic.clone());
        tokio::spawn(async move {
            client
                .cast(&context, &target(&topic), "echo", json!({"n": 3}), RECOVERY)
                .await
        })
    };
    broker.ctl(&["set_vm_memory_high_watermark", "absolute", "1GiB"]).await;
    waiting.await.unwrap().unwrap();
    recorder
        .until("the one that waited", |recorder| {
            last(recorder) == Some(json!({"n": 3}))
        })
        .await;
    assert!(!recorder.args().contains(&json!({"n": 2})));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_is_away_leaves_nothing_behind() {
    let Some(broker) = Broker::start().await else { return };
    let Some(python) = pythons().into_iter().next() else {
        return;
    };
    let topic = topic();
    let client = bus(&broker.url);
    let mut engine = Peer::start(&python, &broker.url, &[], &["serve", "--topic", topic.as_str()]);
    engine.expect("ready").await;
    engine.kill().await;
    let queues = broker.depths(&format!("{topic}_fanout_")).await;
    assert_eq!(queues.len(), 1, "the dead server's queue stays for a while: {queues:?}");
    let expires = Duration::from_secs(4);
    let receipts = (0..200).map(|n| {
        let keep = Keep::Newest(n.to_string());
        let args = json!({"report": {"n": n}});
        client
            .fanout(&Context::empty(), &target(&topic), "report", args, keep, expires)
            .unwrap()
            .outcome()
    });
    futures::future::try_join_all(receipts).await.unwrap();
    let eyes = Eyes::open(&broker.url).await;
    assert!(
        eyes.depth(&queues[0].0).await > 0,
        "reports lie in the dead engine's queue"
    );
    tokio::time::sleep(expires).await;
    assert_eq!(eyes.depth(&queues[0].0).await, 0, "and not for long");
}

/// A plain client that asks the broker how full a queue is.
pub(crate) struct Eyes(Connection);

impl Eyes {
    pub(crate) async fn open(url: &str) -> Self {
        let url = format!("{}/%2F", url.trim_end_matches('/').replacen("rabbit://", "amqp://", 1));
        Self(
            Connection::connect(&url, ConnectionProperties::default())
                .await
                .unwrap(),
        )
    }

    pub(crate) async fn depth(&self, queue: &str) -> u32 {
        self.look(queue).await.unwrap()
    }

    /// Whether there is such a queue.
    pub(crate) async fn sees(&self, queue: &str) -> bool {
        self.look(queue).await.is_ok()
    }

    async fn look(&self, queue: &str) -> lapin::Result<u32> {
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let channel = self.0.create_channel().await?;
        let queue = channel
            .queue_declare(queue.into(), passive, FieldTable::default())
            .await?;
        Ok(queue.message_count())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clash_of_declarations_names_queue_argument_and_option() {
    let Some(url) = broker() else { return };
    let topic = topic();
    let start = |overrides: &str, exchange: &str| {
        let mut settings = Settings::for_url(&format!("{url}{overrides}")).unwrap();
        settings.exchange = exchange.to_owned();
        RabbitBus::start(settings, "test").unwrap()
    };
    let exchanges = [format!("x-{topic}"), format!("y-{topic}")];
    let ours = start("", &exchanges[0]);
    let _serving = serve(&ours, &topic, &Recorder::new()).await;

    let other = start("?rabbit_quorum_queue=true", &exchanges[1]);
    let serving = other.serve(endpoint(&topic), Recorder::new()).unwrap();
    let error = serving.ready(SOON).await.unwrap_err().to_string();
    for word in [
        format!("queue '{topic}'"),
        "'durable'".to_owned(),
        "rabbit_quorum_queue".to_owned(),
    ] {
        assert!(error.contains(&word), "{error}");
    }
    let same_exchange = start("?amqp_durable_queues=true", &exchanges[0]);
    let cast = same_exchange
        .cast(&Context::fresh(), &target(&topic), "echo", json!({}), SOON)
        .await
        .unwrap_err();
    assert!(
        cast.to_string().contains(&format!("exchange '{}'", exchanges[0])),
        "{cast}"
    );
    assert_eq!(cast.advice(), Advice::GiveUp);
    // One bad publication does not hold up the others.
    let fanout = same_exchange
        .fanout(&Context::empty(), &target(&topic), "echo", json!({}), Keep::All, SOON)
        .unwrap();
    assert_eq!(fanout.outcome().await.unwrap(), Sent::Confirmed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_broker_is_named_without_its_password() {
    let settings = Settings::for_url("rabbit://someone:s3cret@127.0.0.1:1/").unwrap();
    let bus = RabbitBus::start(settings, "test").unwrap();
    let topic = topic();
    let serving = bus.serve(endpoint(&topic), Recorder::new()).unwrap();
    let within = Duration::from_millis(300);
    assert!(matches!(serving.ready(within).await, Err(BusError::Expired { .. })));
    let error = bus
        .cast(&Context::fresh(), &target(&topic), "echo", json!({}), within)
        .await
        .unwrap_err();
    assert_eq!(error.advice(), Advice::Retry, "{error}");
    assert!(!format!("{bus:?} {error:?}").contains("s3cret"));
    let began = Instant::now();
    bus.stop(SOON).await;
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "an orderly stop does not wait for a broker that is away"
    );
}

/// A broker that stands still keeps its connections open: only the heartbeats that it owes tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_misses_the_brokers_heartbeats_goes_away_and_comes_back() {
    let Some(broker) = Broker::start().await else { return };
    let [watchful, trusting] = [4, 0].map(|s| format!("{}?heartbeat_timeout_threshold={s}", broker.url));
    let (topics, recorder) = ([topic(), topic()], Recorder::new());
    let (with, without) = (bus(&watchful), bus(&trusting));
    let serving = serve(&with, &topics[0], &recorder).await;
    let unaware = serve(&without, &topics[1], &Recorder::new()).await;

    broker.act("rabbit-pause").await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    let [seen, unseen] = [&serving, &unaware].map(|served| served.readiness());
    broker.act("rabbit-resume").await;
    assert!(
        !matches!(seen, Readiness::Ready),
        "three missed heartbeats were not noticed"
    );
    assert!(
        matches!(unseen, Readiness::Ready),
        "something else than heartbeats told: {unseen:?}"
    );

    serving.ready(RECOVERY).await.unwrap();
    let (context, target) = (Context::fresh(), target(&topics[0]));
    let answer = with.call(&context, &target, "echo", json!({"n": 1}), RECOVERY).await;
    assert_eq!(answer.unwrap(), json!({"n": 1}));
}
