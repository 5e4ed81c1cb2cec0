//! A broker that is there and refuses a queue: for an operator the program is not up.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{Bus, Endpoint, Readiness, ServerName, Settings, Version};

use crate::recorder::Recorder;
use crate::world::{SOON, broker, eventually, topic};

#[tokio::test]
async fn a_program_whose_queue_is_refused_is_not_up_however_often_it_connects() {
    let Some(url) = broker() else { return };
    let topic = topic();
    let endpoint = |name| Endpoint::new(topic.clone(), ServerName::new(name).unwrap(), Version::ONE);
    let mut quorum = Settings::for_url(&format!("{url}?rabbit_quorum_queue=true")).unwrap();
    quorum.exchange = format!("{topic}-durable");
    let other = RabbitBus::start(quorum, "test").unwrap();
    let serving = other.serve(endpoint("other"), Recorder::new()).unwrap();
    serving.ready(SOON).await.unwrap();
    serving.stop(SOON).await;
    other.stop(SOON).await;

    // Of this thread alone, on which this test's tasks run.
    let recorder = PrometheusBuilder::new().build_recorder();
    let shown = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let ours = RabbitBus::start(Settings::for_url(&url).unwrap(), "test").unwrap();
    let refused = ours.serve(endpoint("ours"), Recorder::new()).unwrap();
    let again = format!("themis_bus_reconnects_total{{role=\"listening:{topic}\"}}");
    let wait = async {
        while !shown.render().contains(&again) {
            let told = matches!(refused.readiness(), Readiness::Refused(_));
            assert!(!told || !up(&shown.render()), "{}", shown.render());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON * 2, wait).await.unwrap();
    eventually("the second refusal", || {
        matches!(refused.readiness(), Readiness::Refused(_))
    })
    .await;
    assert!(!up(&shown.render()), "{}", shown.render());
    ours.stop(SOON).await;
}

fn up(shown: &str) -> bool {
    shown
        .lines()
        .any(|line| line.starts_with("themis_bus_up") && line.ends_with(" 1"))
}
