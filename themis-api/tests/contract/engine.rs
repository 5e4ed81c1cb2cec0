//! An engine's ear on the in-process bus: counts how often it was woken, and answers calls as a leader does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use themis_core::report::ENGINE_TOPIC;
use themis_messaging::local::LocalBus;
use themis_messaging::{Bus, Context, Endpoint, Handler, RpcError, ServerName, Serving, Target, Topic, Version};
use tokio::sync::Notify;

pub(crate) struct Engine {
    bus: LocalBus,
    heard: Arc<Heard>,
    _serving: Serving,
}

/// What the engine answers to a method and its arguments.
type Answers = Box<dyn Fn(&str, &Value) -> Result<Value, RpcError> + Send>;

struct Heard {
    wakes: AtomicUsize,
    changed: Notify,
    answers: Mutex<Answers>,
}

#[async_trait]
impl Handler for Heard {
    async fn handle(&self, _: Context, method: &str, args: Value) -> Result<Value, RpcError> {
        if method != "wake" {
            return self.answers.lock().unwrap()(method, &args);
        }
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
            changed: Notify::new(),
            answers: Mutex::new(Box::new(|method, _| Err(RpcError::no_such_method(method)))),
        });
        let endpoint = Endpoint::new(
            Topic::new(ENGINE_TOPIC).unwrap(),
            ServerName::new("engine-1").unwrap(),
            Version::ONE,
        );
        let serving = bus.serve(endpoint, Arc::clone(&heard) as Arc<dyn Handler>).unwrap();
        Self {
            bus,
            heard,
            _serving: serving,
        }
    }

    pub(crate) fn bus(&self) -> Arc<dyn Bus> {
        Arc::new(self.bus.clone())
    }

    pub(crate) fn target() -> Target {
        Target::topic(Topic::new(ENGINE_TOPIC).unwrap(), Version::ONE)
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

    pub(crate) fn wakes(&self) -> usize {
        self.heard.wakes.load(Ordering::SeqCst)
    }
}
