//! Notifications: of both forms of the bus, and with Python on either side.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rstest::rstest;
use serde_json::{Value, json};
use themis_config::Source;
use themis_messaging::{Bus, Context, Heard, Listener, Notification, Notifier, Priority, Serving, Subscription, Topic};

use crate::interop::{DEFAULT, DURABLE, QUORUM, Setting, TRANSIENT_QUORUM, bus, exchange, options, pythons_for};
use crate::peer::Peer;
use crate::world::{SOON, World, broker, eventually, topic};

/// Remembers what it hears; puts the first so many back.
#[derive(Default)]
struct Ear {
    heard: Mutex<Vec<Notification>>,
    put_back: Mutex<usize>,
}

#[async_trait]
impl Listener for Ear {
    async fn hear(&self, notification: Notification) -> Heard {
        self.heard.lock().unwrap().push(notification);
        let mut left = self.put_back.lock().unwrap();
        if *left == 0 {
            return Heard::Handled;
        }
        *left -= 1;
        Heard::Requeue
    }
}

impl Ear {
    fn that_puts_back(count: usize) -> Arc<Self> {
        Arc::new(Self {
            put_back: Mutex::new(count),
            ..Self::default()
        })
    }

    fn types(&self) -> Vec<String> {
        self.heard
            .lock()
            .unwrap()
            .iter()
            .map(|heard| heard.event_type.clone())
            .collect()
    }
}

async fn listen(bus: &dyn Bus, topic: &Topic, priorities: &[Priority], pool: Option<Topic>, ear: Arc<Ear>) -> Serving {
    let subscription = Subscription {
        topics: vec![topic.clone()],
        priorities: priorities.to_vec(),
        pool,
        exchange: None,
    };
    let serving = bus.listen(subscription, ear).unwrap();
    serving.ready(SOON).await.unwrap();
    serving
}

fn notifier(bus: Arc<dyn Bus>, topic: &Topic, driver: &str) -> Notifier {
    let text = format!("[oslo_messaging_notifications]\ndriver = {driver}\n");
    let section = Source::from_text("t.conf", &text).unwrap().section().unwrap();
    Notifier::new(bus, &section, "masakari-api:host-1")
        .unwrap()
        .to(topic.clone())
}

async fn emit(notifier: &Notifier, event_type: &str, priority: Priority) {
    let payload = json!({"masakari_object.name": "SegmentApiPayload", "masakari_object.data": {"name": "ü"}});
    for receipt in notifier
        .emit(&Context::fresh(), event_type, priority, &payload)
        .unwrap()
    {
        receipt.outcome().await.unwrap();
    }
}

async fn a_listener_hears_its_priorities_in_order(world: World) {
    let ear = Arc::<Ear>::default();
    let _guard = listen(
        &*world.server,
        &world.topic,
        &[Priority::Info, Priority::Warn],
        None,
        ear.clone(),
    )
    .await;
    let notifier = notifier(world.client.clone(), &world.topic, "messagingv2");
    for n in 0..5 {
        emit(&notifier, &format!("info.{n}"), Priority::Info).await;
    }
    emit(&notifier, "error", Priority::Error).await;
    emit(&notifier, "warn", Priority::Warn).await;
    eventually("six notifications", || ear.types().len() == 6).await;
    let infos: Vec<String> = ear.types().into_iter().filter(|event| event != "warn").collect();
    assert_eq!(infos, ["info.0", "info.1", "info.2", "info.3", "info.4"]);
    assert_eq!(ear.heard.lock().unwrap()[0].publisher_id, "masakari-api:host-1");
}

async fn a_notification_that_is_put_back_comes_again(world: World) {
    let ear = Ear::that_puts_back(2);
    let _guard = listen(&*world.server, &world.topic, &[Priority::Info], None, ear.clone()).await;
    emit(
        &notifier(world.client.clone(), &world.topic, "messaging"),
        "a.b",
        Priority::Info,
    )
    .await;
    eventually("three deliveries", || ear.types().len() == 3).await;
    let ids: Vec<String> = ear
        .heard
        .lock()
        .unwrap()
        .iter()
        .map(|heard| heard.message_id.clone())
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]) && ids[0].len() == 36);
}

async fn each_pool_hears_everything_once(world: World) {
    let ears: Vec<Arc<Ear>> = (0..3).map(|_| Arc::default()).collect();
    let pools = [topic(), topic()];
    let mut guards = Vec::new();
    for (ear, pool) in ears.iter().zip([&pools[0], &pools[0], &pools[1]]) {
        let bus = &*world.server;
        guards.push(
            listen(
                bus,
                &world.topic,
                &[Priority::Info, Priority::Error],
                Some(pool.clone()),
                ear.clone(),
            )
            .await,
        );
    }
    let notifier = notifier(world.client.clone(), &world.topic, "messagingv2");
    for n in 0..10 {
        let priority = if n % 2 == 0 { Priority::Info } else { Priority::Error };
        emit(&notifier, &n.to_string(), priority).await;
    }
    let count = |at: usize| ears[at].types().len();
    eventually("ten in each pool", || count(0) + count(1) == 10 && count(2) == 10).await;
}

macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod local {
            $(#[tokio::test]
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

async fn notifications_wait_for_their_first_listener(world: World) {
    let notifier = notifier(world.client.clone(), &world.topic, "messagingv2");
    for n in 0..3 {
        emit(&notifier, &n.to_string(), Priority::Info).await;
    }
    let ear = Arc::<Ear>::default();
    let _guard = listen(&*world.server, &world.topic, &[Priority::Info], None, ear.clone()).await;
    eventually("those from before", || ear.types() == ["0", "1", "2"]).await;
}

async fn listeners_without_a_pool_share_the_notifications(world: World) {
    let ears: [Arc<Ear>; 2] = std::array::from_fn(|_| Arc::default());
    let mut guards = Vec::new();
    for ear in &ears {
        guards.push(listen(&*world.server, &world.topic, &[Priority::Info], None, ear.clone()).await);
    }
    let notifier = notifier(world.client.clone(), &world.topic, "messagingv2");
    for n in 0..10 {
        emit(&notifier, &n.to_string(), Priority::Info).await;
    }
    let heard = || ears.iter().map(|ear| ear.types().len()).sum::<usize>();
    eventually("ten between the two", || heard() == 10).await;
}

on_both!(
    a_listener_hears_its_priorities_in_order,
    a_notification_that_is_put_back_comes_again,
    each_pool_hears_everything_once,
    notifications_wait_for_their_first_listener,
    listeners_without_a_pool_share_the_notifications,
);

#[rstest]
#[case::default(DEFAULT)]
#[case::durable(DURABLE)]
#[case::quorum(QUORUM)]
#[case::transient_quorum(TRANSIENT_QUORUM)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_listener_hears_ours_even_those_from_before_it_was_there(#[case] setting: Setting) {
    let Some(url) = broker() else { return };
    let exchange = exchange(&setting);
    for python in pythons_for(&setting) {
        let (topic, bus) = (topic(), Arc::new(bus(&url, &setting)));
        let versioned = notifier(bus.clone(), &topic, "messagingv2");
        emit(&versioned, "segment.create.end", Priority::Info).await;
        let words = ["listen-notifications", "--topics", topic.as_str()];
        let words = [&words[..], &["--priorities", "info,error"]].concat();
        let mut peer = Peer::start(&python, &url, &options(&setting, &exchange), &words);
        peer.expect("ready").await;
        let said = peer.expect("notification").await;
        assert_eq!(
            (&said["event_type"], &said["priority"]),
            (&json!("segment.create.end"), &json!("info"))
        );
        assert_eq!(said["payload"]["masakari_object.data"]["name"], "ü");
        assert_eq!(said["publisher_id"], "masakari-api:host-1");
        let plain = notifier(bus.clone(), &topic, "messaging");
        emit(&plain, "plain", Priority::Error).await;
        let said = peer.expect("notification").await;
        assert_eq!(
            (&said["event_type"], &said["priority"]),
            (&json!("plain"), &json!("error"))
        );
        bus.stop(SOON).await;
    }
}

#[rstest]
#[case::default(DEFAULT)]
#[case::durable(DURABLE)]
#[case::quorum(QUORUM)]
#[case::transient_quorum(TRANSIENT_QUORUM)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pythons_notifications_are_heard_by_us(#[case] setting: Setting) {
    let Some(url) = broker() else { return };
    let exchange = exchange(&setting);
    for python in pythons_for(&setting) {
        let (topic, ear, bus) = (topic(), Arc::<Ear>::default(), bus(&url, &setting));
        let _guard = listen(&bus, &topic, &[Priority::Error, Priority::Sample], None, ear.clone()).await;
        let context = json!({"request_id": "req-5", "auth_token": "hidden"}).to_string();
        let words = [
            "notify",
            "--topics",
            topic.as_str(),
            "--event-type",
            "host.update.end",
            "--payload",
            "{\"x\": 1}",
        ];
        let words = [&words[..], &["--priority", "error", "--context", &context]].concat();
        let said = Peer::ask(&python, &url, &options(&setting, &exchange), &words).await;
        assert_eq!(said["event"], "sent");
        eventually("Python's notification", || ear.types() == ["host.update.end"]).await;
        let heard = ear.heard.lock().unwrap().remove(0);
        assert_eq!((heard.priority, &heard.payload), (Priority::Error, &json!({"x": 1})));
        assert_eq!(heard.context.request_id(), Some("req-5"));
        assert_eq!(heard.context.get("auth_token"), Some(&Value::Null));
        bus.stop(SOON).await;
    }
}

/// Python puts the first two deliveries back, then two listeners of one pool and one of another share what comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pythons_pools_and_requeues_work_on_our_notifications() {
    let Some(url) = broker() else { return };
    for python in pythons_for(&DEFAULT) {
        let (topic, bus) = (topic(), Arc::new(bus(&url, &DEFAULT)));
        let (ear, pools) = (
            Arc::<Ear>::default(),
            [topic.to_string() + "-p", topic.to_string() + "-q"],
        );
        let ours = Topic::new(&pools[0]).unwrap();
        let _guard = listen(&*bus, &topic, &[Priority::Info], Some(ours), ear.clone()).await;
        let exchange = exchange(&DEFAULT);
        let words = [
            "listen-notifications",
            "--topics",
            topic.as_str(),
            "--priorities",
            "info",
        ];
        let words = [&words[..], &["--pool", &pools[1], "--requeue", "2"]].concat();
        let mut peer = Peer::start(&python, &url, &options(&DEFAULT, &exchange), &words);
        peer.expect("ready").await;
        emit(&notifier(bus.clone(), &topic, "messagingv2"), "a.b", Priority::Info).await;
        for _ in 0..3 {
            assert_eq!(peer.expect("notification").await["event_type"], "a.b");
        }
        eventually("our pool's copy", || ear.types() == ["a.b"]).await;
        bus.stop(SOON).await;
    }
}
