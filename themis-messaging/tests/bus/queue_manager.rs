//! Reply queues whose names stay (`use_queue_manager`): a caller that is killed while an answer is on its way, and what its
//! next start makes of that answer. With a real broker and both oslo.messaging at the other end.

use std::time::Duration;

use serde_json::json;
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{Bus, Context, Endpoint, ServerName, Settings, Target, Topic, Version};
use tokio::runtime::Runtime;
use tokio::time::sleep;
use uuid::Uuid;

use crate::peer::{Peer, pythons};
use crate::recorder::Recorder;
use crate::survival::Eyes;
use crate::world::{SOON, broker, topic};

/// How long the method takes whose caller is killed.
const SLOW_S: u64 = 3;

fn target(topic: &Topic) -> Target {
    Target::topic(topic.clone(), Version::ONE)
}

/// A caller with a runtime of its own, which calls a slow method.
struct Caller(Runtime);

impl Caller {
    fn begin(url: &str, topic: &Topic) -> Self {
        let runtime = Runtime::new().unwrap();
        let (url, target) = (url.to_owned(), target(topic));
        runtime.spawn(async move {
            let bus = RabbitBus::start(Settings::for_url(&url).unwrap(), "test").unwrap();
            let args = json!({"seconds": SLOW_S});
            let _ = bus.call(&Context::fresh(), &target, "sleep", args, SOON * 2).await;
            panic!("the call ended, and its caller was to be killed before");
        });
        Self(runtime)
    }

    /// Everything of it is gone in the middle of whatever it did; its sockets close without a farewell.
    async fn kill(self) {
        tokio::task::spawn_blocking(|| self.0.shutdown_timeout(SOON))
            .await
            .unwrap();
    }
}

/// The answer comes after the caller's next start, or before it.
async fn killed_and_back(after: Duration) {
    let Some(url) = broker() else { return };
    for python in pythons() {
        let (topic, process) = (topic(), Uuid::new_v4().simple().to_string());
        let stable = format!("{url}?use_queue_manager=true&hostname=h&processname={process}");
        let mut peer = Peer::start(&python, &url, &[], &["serve", "--topic", topic.as_str()]);
        peer.expect("ready").await;
        let first = Caller::begin(&stable, &topic);
        assert_eq!(peer.expect("request").await["method"], "sleep");
        first.kill().await;
        sleep(after).await;

        let second = RabbitBus::start(Settings::for_url(&stable).unwrap(), "test").unwrap();
        for n in 0..3 {
            let args = json!({"n": n});
            let answer = second
                .call(&Context::fresh(), &target(&topic), "echo", args.clone(), SOON)
                .await;
            assert_eq!(answer.unwrap(), args, "its own answer, not that to the killed one");
            sleep(Duration::from_secs(SLOW_S) / 2).await;
        }
        let eyes = Eyes::open(&url).await;
        let queue = |number: u32| format!("reply_h:{process}:{number}");
        assert_eq!(
            eyes.depth(&queue(1)).await,
            0,
            "the old answer was taken out and dropped"
        );
        assert!(
            !eyes.sees(&queue(2)).await,
            "the name of the first start was free again"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_is_back_at_once_does_not_take_the_answer_to_its_former_self_for_its_own() {
    killed_and_back(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_came_while_its_caller_was_away_harms_nobody() {
    killed_and_back(Duration::from_secs(SLOW_S + 1)).await;
}

/// Only the newest oslo.messaging has a queue manager. It counts its starts in a file that outlives them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_caller_with_a_queue_manager_may_be_killed_while_our_answer_is_on_its_way() {
    let Some(url) = broker() else { return };
    let Some(python) = pythons().into_iter().nth(1) else {
        return;
    };
    let (topic, process, recorder) = (topic(), Uuid::new_v4().simple().to_string(), Recorder::new());
    let server = RabbitBus::start(Settings::for_url(&url).unwrap(), "test").unwrap();
    let endpoint = Endpoint::new(topic.clone(), ServerName::new("one").unwrap(), Version::ONE);
    let serving = server.serve(endpoint, recorder.clone()).unwrap();
    serving.ready(SOON).await.unwrap();
    let locks = tempfile::tempdir().unwrap();
    let set = [
        "oslo_messaging_rabbit.use_queue_manager=true".to_owned(),
        "oslo_messaging_rabbit.hostname=h".to_owned(),
        format!("oslo_messaging_rabbit.processname={process}"),
        format!("oslo_concurrency.lock_path={}", locks.path().display()),
    ];
    let options: Vec<&str> = set.iter().flat_map(|option| ["--set", option]).collect();
    let call = |method: &'static str, args: &'static str| {
        ["call", "--topic", topic.as_str(), "--method", method, "--args", args]
    };
    let mut first = Peer::start(&python, &url, &options, &call("sleep", r#"{"ms": 2000}"#));
    recorder
        .until_within(SOON * 6, "the call", |recorder| recorder.count() == 1)
        .await;
    first.kill().await;
    sleep(Duration::from_secs(3)).await;
    let answer = Peer::ask(&python, &url, &options, &call("echo", r#"{"n": 1}"#)).await;
    assert_eq!(
        (&answer["event"], &answer["result"]),
        (&json!("result"), &json!({"n": 1}))
    );
    let _ = std::fs::remove_file(format!("/dev/shm/h_{process}_qmanager"));
}
