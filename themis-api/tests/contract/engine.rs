//! An engine's ear on the in-process bus: counts how often it was woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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

#[derive(Default)]
struct Heard {
    wakes: AtomicUsize,
    changed: Notify,
}

#[async_trait]
impl Handler for Heard {
    async fn handle(&self, _: Context, method: &str, _: Value) -> Result<Value, RpcError> {
        assert_eq!(method, "wake");
        self.wakes.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_one();
        Ok(Value::Null)
    }
}

impl Engine {
    pub(crate) fn start() -> Self {
        let bus = LocalBus::new();
        let heard = Arc::new(Heard::default());
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
