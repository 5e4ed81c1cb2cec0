//! What our messages look like on the wire, read by a plain AMQP client beside the bus.

use std::time::Duration;

use lapin::message::Delivery;
use lapin::options::{BasicGetOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Connection, ConnectionProperties};
use serde_json::{Value, json};
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{Bus, Context, Endpoint, Keep, ServerName, Settings, Target, Topic, Version};

use crate::recorder::Recorder;
use crate::world::{SOON, broker, topic};

/// What one message on the wire says beside its content.
#[derive(Debug, PartialEq)]
struct Seen {
    call: bool,
    expiration_ms: Option<u64>,
    user: Option<String>,
}

fn text(value: &Option<ShortString>) -> Option<&str> {
    value.as_ref().map(ShortString::as_str)
}

/// Checks what all messages have in common.
fn look_at(delivery: &Delivery) -> Seen {
    let properties = &delivery.properties;
    assert_eq!(text(properties.content_type()), Some("application/json"));
    assert_eq!(text(properties.content_encoding()), Some("utf-8"));
    assert_eq!(
        (*properties.delivery_mode(), *properties.priority()),
        (Some(2), Some(0))
    );
    // Python looks at "compression" alone.
    let headers = properties.headers().as_ref().unwrap().inner();
    let names: Vec<&str> = headers.keys().map(ShortString::as_str).collect();
    assert_eq!(names, ["themis-sent-ms"]);
    assert!(properties.correlation_id().is_none() && properties.reply_to().is_none());
    assert!(properties.message_id().is_none() && properties.timestamp().is_none() && properties.kind().is_none());
    let body: Value = serde_json::from_slice(&delivery.data).unwrap();
    assert_eq!(body["oslo.version"], "2.0");
    let inner: Value = serde_json::from_str(body["oslo.message"].as_str().unwrap()).unwrap();
    assert_eq!((&inner["method"], &inner["version"]), (&json!("echo"), &json!("1.0")));
    Seen {
        call: inner.get("_msg_id").is_some(),
        expiration_ms: text(properties.expiration()).map(|ms| ms.parse().unwrap()),
        user: text(properties.user_id()).map(str::to_owned),
    }
}

/// A queue beside the server's, on both exchanges, that gets every message.
async fn spy(url: &str, topic: &Topic) -> (Connection, Channel, ShortString) {
    let url = format!("{}%2F", url.replacen("rabbit://", "amqp://", 1));
    let connection = Connection::connect(&url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    let queue: ShortString = format!("{topic}-spy").into();
    let declared = QueueDeclareOptions {
        auto_delete: true,
        ..QueueDeclareOptions::default()
    };
    channel
        .queue_declare(queue.clone(), declared, FieldTable::default())
        .await
        .unwrap();
    for (exchange, key) in [
        ("themis".to_owned(), topic.to_string()),
        (format!("{topic}_fanout"), String::new()),
    ] {
        let options = QueueBindOptions::default();
        channel
            .queue_bind(
                queue.clone(),
                exchange.into(),
                key.into(),
                options,
                FieldTable::default(),
            )
            .await
            .unwrap();
    }
    (connection, channel, queue)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_messages_carry_the_properties_that_oslos_carry() {
    let Some(url) = broker() else { return };
    let topic = topic();
    let bus = RabbitBus::start(Settings::for_url(&url).unwrap(), "test").unwrap();
    let endpoint = Endpoint::new(topic.clone(), ServerName::new("one").unwrap(), Version::ONE);
    let serving = bus.serve(endpoint, Recorder::new()).unwrap();
    serving.ready(SOON).await.unwrap();
    let (_connection, channel, queue) = spy(&url, &topic).await;

    let (context, target) = (Context::fresh(), Target::topic(topic.clone(), Version::ONE));
    bus.cast(&context, &target, "echo", json!({}), SOON).await.unwrap();
    bus.call(&context, &target, "echo", json!({}), SOON).await.unwrap();
    let fanout = bus
        .fanout(&context, &target, "echo", json!({}), Keep::All, Duration::from_secs(20))
        .unwrap();
    fanout.outcome().await.unwrap();

    let mut seen = Vec::new();
    for _ in 0..3 {
        let message = channel
            .basic_get(queue.clone(), BasicGetOptions::default())
            .await
            .unwrap()
            .unwrap();
        seen.push(look_at(&message.delivery));
    }
    let [cast, call, fanout] = seen.try_into().unwrap();
    assert_eq!(
        cast,
        Seen {
            call: false,
            expiration_ms: None,
            user: None
        }
    );
    assert!(call.call && call.user.is_none(), "{call:?}");
    assert!(
        call.expiration_ms.is_some_and(|ms| (9_000..=10_000).contains(&ms)),
        "{call:?}"
    );
    assert!(
        fanout.expiration_ms.is_some_and(|ms| (19_000..=20_000).contains(&ms)),
        "{fanout:?}"
    );
    assert_eq!(
        fanout.user.as_deref(),
        Some("guest"),
        "the broker vouches for who sent it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fanouts_handler_learns_which_user_of_the_broker_sent_it() {
    let Some(url) = broker() else { return };
    let (topic, recorder) = (topic(), Recorder::new());
    let bus = RabbitBus::start(Settings::for_url(&url).unwrap(), "test").unwrap();
    let endpoint = Endpoint::new(topic.clone(), ServerName::new("one").unwrap(), Version::ONE);
    let serving = bus.serve(endpoint, recorder.clone()).unwrap();
    serving.ready(SOON).await.unwrap();
    let (context, target) = (Context::fresh(), Target::topic(topic.clone(), Version::ONE));
    let forged = context.clone().with("sender", "compute-9");
    bus.fanout(&forged, &target, "echo", json!({}), Keep::All, SOON)
        .unwrap()
        .outcome()
        .await
        .unwrap();
    bus.cast(&forged, &target, "echo", json!({}), SOON).await.unwrap();
    recorder.until("both", |recorder| recorder.count() == 2).await;
    let senders: Vec<Option<String>> = recorder
        .contexts()
        .iter()
        .map(|context| context.sender().map(str::to_owned))
        .collect();
    assert!(
        senders.contains(&Some("guest".to_owned())) && senders.contains(&None),
        "{senders:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_queue_manager_a_server_finds_its_fanouts_again() {
    let Some(url) = broker() else { return };
    let (topic, recorder) = (topic(), Recorder::new());
    let endpoint = || Endpoint::new(topic.clone(), ServerName::new("one").unwrap(), Version::ONE);
    let start = || {
        let stable = format!("{url}?use_queue_manager=true&hostname=h1&processname=engine");
        RabbitBus::start(Settings::for_url(&stable).unwrap(), "test").unwrap()
    };
    let first = start();
    first
        .serve(endpoint(), Recorder::new())
        .unwrap()
        .ready(SOON)
        .await
        .unwrap();
    first.stop(SOON).await;
    let client = RabbitBus::start(Settings::for_url(&url).unwrap(), "test").unwrap();
    let target = Target::topic(topic.clone(), Version::ONE);
    client
        .fanout(&Context::empty(), &target, "echo", json!({}), Keep::All, SOON)
        .unwrap()
        .outcome()
        .await
        .unwrap();
    let second = start();
    let _serving = second.serve(endpoint(), recorder.clone()).unwrap();
    recorder
        .until("the fanout from between", |recorder| recorder.count() == 1)
        .await;

    let plain = format!("{}%2F", url.replacen("rabbit://", "amqp://", 1));
    let connection = Connection::connect(&plain, ConnectionProperties::default())
        .await
        .unwrap();
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let name = format!("{topic}_fanout_h1:engine:one");
    connection
        .create_channel()
        .await
        .unwrap()
        .queue_declare(name.into(), passive, FieldTable::default())
        .await
        .unwrap();
}
