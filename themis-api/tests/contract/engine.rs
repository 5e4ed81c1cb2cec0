//! An engine's ear on the in-process bus: counts how often it was woken, and answers calls as a leader does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use themis_config::Source;
use themis_core::report::ENGINE_TOPIC;
use themis_messaging as messaging;
use themis_messaging::local::LocalBus;
use themis_messaging::{
    Bus, Context, Endpoint, Handler, Listener, Notification, Notifier, Priority, RpcError, ServerName, Serving,
    Subscription, Target, Topic, Version,
};
use tokio::sync::{Notify, watch};

/// Where the API tells what it changes.
const EVENTS: &str = "versioned_notifications";

pub(crate) struct Engine {
    bus: LocalBus,
    heard: Arc<Heard>,
    told: watch::Receiver<Vec<String>>,
    _serving: [Serving; 2],
}

/// What the engine answers to a method and its arguments.
type Answers = Box<dyn Fn(&str, &Value) -> Result<Value, RpcError> + Send>;

/// Hears what is told to the world.
struct Ear(watch::Sender<Vec<String>>);

#[async_trait]
impl Listener for Ear {
    async fn hear(&self, notification: Notification) -> messaging::Heard {
        self.0.send_modify(|told| told.push(notification.event_type));
        messaging::Heard::Handled
    }
}

struct Heard {
    wakes: AtomicUsize,
    wakers: Mutex<Vec<Context>>,
    changed: Notify,
    answers: Mutex<Answers>,
}

#[async_trait]
impl Handler for Heard {
    async fn handle(&self, context: Context, method: &str, args: Value) -> Result<Value, RpcError> {
        if method != "wake" {
            return self.answers.lock().unwrap()(method, &args);
        }
        self.wakers.lock().unwrap().push(context);
        self.wakes.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_one();
        Ok(Value::Null)
    }
}

impl Engine {
    pub(crate) fn start() -> Self {
        let bus = LocalBus::new();
        let heard = Arc::new(Heard {
            wakes: AtomicUsize::new(0),
            wakers: Mutex::default(),
            changed: Notify::new(),
            answers: Mutex::new(Box::new(|method, _| Err(RpcError::no_such_method(method)))),
        });
        let endpoint = Endpoint::new(
            Topic::new(ENGINE_TOPIC).unwrap(),
            ServerName::new("engine-1").unwrap(),
            Version::ONE,
        );
        let serving = bus.serve(endpoint, Arc::clone(&heard) as Arc<dyn Handler>).unwrap();
        let (ear, told) = watch::channel(Vec::new());
        let listening = bus.listen(every_event(), Arc::new(Ear(ear))).unwrap();
        Self {
            bus,
            heard,
            told,
            _serving: [serving, listening],
        }
    }

    pub(crate) fn bus(&self) -> Arc<dyn Bus> {
        Arc::new(self.bus.clone())
    }

    pub(crate) fn target() -> Target {
        Target::topic(Topic::new(ENGINE_TOPIC).unwrap(), Version::ONE)
    }

    /// Tells over the same bus.
    pub(crate) fn notifier(&self) -> Notifier {
        let text = format!("[oslo_messaging_notifications]\ndriver = messagingv2\ntopics = {EVENTS}\n");
        let section = Source::from_text("t.conf", &text).unwrap().section().unwrap();
        Notifier::new(self.bus(), &section, "masakari-api:controller-1").unwrap()
    }

    /// Waits until so many events were told; gives their types, in order.
    pub(crate) async fn told(&self, count: usize) -> Vec<String> {
        let mut told = self.told.clone();
        let enough = told.wait_for(|told| told.len() >= count);
        let enough = tokio::time::timeout(Duration::from_secs(5), enough).await;
        enough
            .unwrap_or_else(|_| panic!("told only {:?}", self.told.borrow()))
            .unwrap()
            .clone()
    }

    /// From now on calls are answered so.
    pub(crate) fn answers(&self, answers: impl Fn(&str, &Value) -> Result<Value, RpcError> + Send + 'static) {
        *self.heard.answers.lock().unwrap() = Box::new(answers);
    }

    /// Waits until a wake-up is heard; panics when none comes.
    pub(crate) async fn woken(&self) {
        tokio::time::timeout(Duration::from_secs(5), self.heard.changed.notified())
            .await
            .expect("no wake-up came");
    }

    /// What came with the last wake-up.
    pub(crate) fn last_waker(&self) -> Option<Context> {
        self.heard.wakers.lock().unwrap().last().cloned()
    }

    pub(crate) fn wakes(&self) -> usize {
        self.heard.wakes.load(Ordering::SeqCst)
    }
}

fn every_event() -> Subscription {
    Subscription {
        topics: vec![Topic::new(EVENTS).unwrap()],
        priorities: vec![Priority::Info, Priority::Error],
        pool: None,
        exchange: None,
    }
}
