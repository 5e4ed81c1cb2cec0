//! What a sender is told when his first attempt may have arrived and nobody takes the second: never that it was not sent.

use std::time::Duration;

use lapin::options::QueueDeleteOptions;
use lapin::{Connection, ConnectionProperties};
use serde_json::json;
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{Advice, Bus, BusError, Context, Endpoint, ServerName, Settings, Target, Topic, Version};

use crate::recorder::Recorder;
use crate::strait::Strait;
use crate::world::{SOON, broker, topic};

fn bus(url: &str) -> RabbitBus {
    RabbitBus::start(Settings::for_url(url).unwrap(), "test").unwrap()
}

/// The queue of a topic, as after the restart of a broker that keeps none.
async fn delete(url: &str, topic: &Topic) {
    let url = format!("{}/%2F", url.trim_end_matches('/').replacen("rabbit://", "amqp://", 1));
    let connection = Connection::connect(&url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    let options = QueueDeleteOptions::default();
    channel.queue_delete(topic.as_str().into(), options).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_handled_though_not_confirmed_is_not_said_to_be_unsent_when_nobody_takes_its_repetition() {
    let Some(url) = broker() else { return };
    let strait = Strait::open(&url).await;
    let (topic, recorder) = (topic(), Recorder::new());
    let target = Target::topic(topic.clone(), Version::ONE);
    let (server, client) = (bus(&url), bus(&strait.url));
    let endpoint = Endpoint::new(topic.clone(), ServerName::new("one").unwrap(), Version::ONE);
    let serving = server.serve(endpoint, recorder.clone()).unwrap();
    serving.ready(SOON).await.unwrap();
    let context = Context::fresh();
    client
        .call(&context, &target, "echo", json!({"n": 0}), SOON)
        .await
        .unwrap();

    strait.hold_back();
    let cast = client.cast(&context, &target, "echo", json!({"n": 1}), SOON * 3);
    let call = client.call(&context, &target, "sleep", json!({"ms": 500}), SOON * 3);
    let spoil = async {
        recorder
            .until("both are handled", |recorder| recorder.count() == 3)
            .await;
        // The server ends; its answer to the call is on its way before that.
        serving.stop(SOON).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        delete(&url, &topic).await;
        strait.cut();
    };
    let (cast, call, ()) = tokio::join!(cast, call, spoil);
    let cast = cast.unwrap_err();
    assert!(matches!(cast, BusError::ListenerGone { .. }), "{cast}");
    assert_eq!(cast.advice(), Advice::Indeterminate, "it was handled: {cast}");
    assert_eq!(
        call.unwrap(),
        json!(500),
        "an answer is worth more than what became of the repetition"
    );

    let fresh = client
        .cast(&context, &target, "echo", json!({"n": 2}), SOON)
        .await
        .unwrap_err();
    assert!(matches!(fresh, BusError::NoListener { .. }), "{fresh}");
    assert_eq!(fresh.advice(), Advice::Retry, "this one was surely not handled");
    assert_eq!(recorder.count(), 3);
}
