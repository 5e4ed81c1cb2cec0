//! What an operator can see of the bus: each measure moves when what it measures happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use serde_json::{Value, json};
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{
    Bus, BusError, Context, Endpoint, Form, Heard, Listener, Notification, Priority, ServerName, Settings,
    Subscription, Target, Version,
};

use crate::broker::Broker;
use crate::recorder::Recorder;
use crate::world::{SOON, topic};

/// Puts the first notification back.
#[derive(Default)]
struct Reluctant(AtomicBool);

#[async_trait]
impl Listener for Reluctant {
    async fn hear(&self, _: Notification) -> Heard {
        if self.0.swap(true, Ordering::SeqCst) {
            Heard::Handled
        } else {
            Heard::Requeue
        }
    }
}

/// The value of a sample, by what its line begins with.
fn value(shown: &str, name: &str) -> f64 {
    shown
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
        .unwrap_or(0.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_sees_what_happens_on_the_bus() {
    let Some(broker) = Broker::start().await else { return };
    let metrics = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &[0.1, 1.0, 10.0])
        .unwrap()
        .install_recorder()
        .unwrap();
    let until = async |what: &str, name: &str, least: f64| {
        let wait = async {
            while value(&metrics.render(), name) < least {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(40), wait).await.is_ok();
        assert!(in_time, "{what}: {name} is not {least}:\n{}", metrics.render());
    };
    let topic = topic();
    let url = format!("{}?rabbit_qos_prefetch_count=1", broker.url);
    let bus = RabbitBus::start(Settings::for_url(&url).unwrap(), "test").unwrap();
    let endpoint = Endpoint::new(topic.clone(), ServerName::new("one").unwrap(), Version::ONE);
    let serving = bus.serve(endpoint, Recorder::new()).unwrap();
    serving.ready(SOON).await.unwrap();
    let target = Target::topic(topic.clone(), Version::ONE);
    let (context, slow) = (Context::fresh(), json!({"ms": 60_000}));

    // More than a server runs and takes ahead: the rest stays with the broker.
    for _ in 0..300 {
        bus.cast(&context, &target, "sleep", slow.clone(), SOON).await.unwrap();
    }
    let depth = format!("themis_bus_queue_depth_messages{{queue=\"{topic}\"}}");
    until("what is not taken is seen", &depth, 150.0).await;
    let delay = format!("themis_bus_handling_delay_seconds_count{{topic=\"{topic}\"}}");
    until("the handled ones are timed", &delay, 64.0).await;
    let sum = value(&metrics.render(), &delay.replace("_count", "_sum"));
    assert!((0.0..64.0 * 5.0).contains(&sum), "{sum} s for 64 messages");
    until("published", "themis_bus_published_total", 300.0).await;
    until("confirmed", "themis_bus_confirmed_total", 300.0).await;
    until("received", "themis_bus_received_total", 64.0).await;

    let nobody = Target::topic(crate::world::topic(), Version::ONE);
    let error = bus.cast(&context, &nobody, "echo", json!({}), SOON).await.unwrap_err();
    assert!(matches!(error, BusError::NoListener { .. }), "{error}");
    until("a cast to nobody", "themis_bus_returned_total", 1.0).await;

    let subscription = Subscription {
        topics: vec![topic.clone()],
        priorities: vec![Priority::Info],
        pool: None,
        exchange: None,
    };
    let _hearing = bus.listen(subscription, Arc::new(Reluctant::default())).unwrap();
    let notification = Notification {
        message_id: "1".to_owned(),
        publisher_id: "p".to_owned(),
        event_type: "e".to_owned(),
        priority: Priority::Info,
        payload: Value::Null,
        timestamp: "2026-11-20 08:00:00".to_owned(),
        unique_id: Some("u".to_owned()),
        context: Context::empty(),
    };
    bus.notify(&topic, &notification, Form::Envelope, SOON).unwrap();
    until("a notification put back", "themis_bus_redelivered_total", 1.0).await;

    until("connected", "themis_bus_up{bus=\"rpc\"}", 1.0).await;
    assert!(metrics.render().contains("themis_bus_waiting_messages{bus=\"rpc\"} 0"));
    broker.ctl(&["close_all_connections", "on purpose"]).await;
    let role = format!("themis_bus_reconnects_total{{role=\"listening:{topic}\"}}");
    until("a connection in place of the lost one", &role, 1.0).await;
    assert!(metrics.render().contains("# HELP themis_bus_reconnects_total"));
}
