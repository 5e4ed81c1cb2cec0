//! What an outage leaves in the log: one line when it begins, one when it ends, and never a password.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{Bus, Context, Endpoint, Readiness, ServerName, Settings, Target, Version};

use crate::broker::Broker;
use crate::recorder::Recorder;
use crate::world::{SOON, eventually, topic};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn lines_with(&self, words: &str) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        text.lines()
            .filter(|line| line.contains(words))
            .map(str::to_owned)
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_two_lines_in_the_log_and_no_password() {
    let Some(broker) = Broker::start().await else { return };
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    broker.ctl(&["add_user", "someone", "s3cret-word"]).await;
    broker
        .ctl(&["set_permissions", "-p", "/", "someone", ".*", ".*", ".*"])
        .await;
    let url = broker.url.replace("guest:guest", "someone:s3cret-word");
    let place = broker.url.rsplit('@').next().unwrap().to_owned();
    let topic = topic();
    let bus = RabbitBus::start(Settings::for_url(&url).unwrap(), "test").unwrap();
    let endpoint = Endpoint::new(topic.clone(), ServerName::new("one").unwrap(), Version::ONE);
    let serving = bus.serve(endpoint, Recorder::new()).unwrap();
    serving.ready(SOON).await.unwrap();
    let context = Context::fresh().with("auth_token", "s3cret-word");
    let target = Target::topic(topic, Version::ONE);
    let ask = async |within| {
        bus.call(&context, &target, "echo", json!({"password": "s3cret-word"}), within)
            .await
    };
    ask(SOON).await.unwrap();

    broker.act("rabbit-kill").await;
    eventually("the loss is seen", || !matches!(serving.readiness(), Readiness::Ready)).await;
    ask(Duration::from_secs(4)).await.unwrap_err();
    broker.act("rabbit-start").await;
    serving.ready(Duration::from_secs(60)).await.unwrap();
    ask(Duration::from_secs(60)).await.unwrap();
    eventually("all roles are back", || !log.lines_with("broker back after").is_empty()).await;

    let ours = |words: &str| {
        let lines = log.lines_with(words);
        lines
            .into_iter()
            .filter(|line| line.contains(&place))
            .collect::<Vec<_>>()
    };
    let (lost, back) = (ours("WARN"), ours("INFO"));
    assert_eq!((lost.len(), back.len()), (1, 1), "{lost:?} {back:?}");
    assert!(lost[0].contains("broker away, trying until it is back"), "{lost:?}");
    assert_eq!(log.lines_with("s3cret-word"), Vec::<String>::new());
    bus.stop(SOON).await;

    let wrong = broker.url.replace("guest:guest", "someone:wr0ng-word");
    let refused = RabbitBus::start(Settings::for_url(&wrong).unwrap(), "test").unwrap();
    eventually("the refusal is told", || {
        !log.lines_with("check user, password and virtual host").is_empty()
    })
    .await;
    assert_eq!(log.lines_with("wr0ng-word"), Vec::<String>::new());
    refused.stop(SOON).await;
}
