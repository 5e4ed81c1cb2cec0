//! Where a test takes place: a bus in this process, or one on the broker, with names that no other test uses.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use themis_messaging::local::LocalBus;
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{
    Bus, BusError, CallError, Context, Endpoint, Handler, ServerName, Serving, Settings, Target, Topic, Version,
};
use uuid::Uuid;

use crate::left_out;

pub(crate) const SOON: Duration = Duration::from_secs(10);

/// The broker's URL, or a line that says what is left out.
pub(crate) fn broker() -> Option<String> {
    let url = std::env::var("THEMIS_TEST_AMQP_URL").ok();
    if url.is_none() {
        left_out("THEMIS_TEST_AMQP_URL names no broker; see .ci/services");
    }
    url
}

/// A server's and a client's bus (the same one, locally), and a topic of the test's own.
pub(crate) struct World {
    pub(crate) client: Arc<dyn Bus>,
    pub(crate) server: Arc<dyn Bus>,
    pub(crate) topic: Topic,
}

impl World {
    pub(crate) fn local() -> Self {
        Self::of(LocalBus::new())
    }

    pub(crate) fn of(bus: LocalBus) -> Self {
        let bus: Arc<dyn Bus> = Arc::new(bus);
        Self {
            client: bus.clone(),
            server: bus,
            topic: topic(),
        }
    }

    pub(crate) fn rabbit() -> Option<Self> {
        let url = broker()?;
        let bus = || -> Arc<dyn Bus> { Arc::new(RabbitBus::start(Settings::for_url(&url).unwrap(), "test").unwrap()) };
        Some(Self {
            client: bus(),
            server: bus(),
            topic: topic(),
        })
    }

    pub(crate) async fn serve(&self, name: &str, handler: Arc<dyn Handler>) -> Serving {
        let version = Version { major: 1, minor: 5 };
        let endpoint = Endpoint::new(self.topic.clone(), ServerName::new(name).unwrap(), version);
        let serving = self.server.serve(endpoint, handler).unwrap();
        serving.ready(SOON).await.unwrap();
        serving
    }

    pub(crate) fn target(&self) -> Target {
        Target::topic(self.topic.clone(), Version::ONE)
    }

    pub(crate) fn server_named(&self, name: &str) -> Target {
        self.target().at(ServerName::new(name).unwrap())
    }

    pub(crate) async fn call(&self, method: &str, args: Value) -> Result<Value, CallError> {
        self.client
            .call(&Context::fresh(), &self.target(), method, args, SOON)
            .await
    }

    pub(crate) async fn cast(&self, target: &Target, method: &str, args: Value) -> Result<(), BusError> {
        self.client.cast(&Context::fresh(), target, method, args, SOON).await
    }
}

pub(crate) fn topic() -> Topic {
    Topic::new(format!("test-{}", Uuid::new_v4().simple())).unwrap()
}

/// Waits until something holds that nobody announces.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(
        tokio::time::timeout(SOON, wait).await.is_ok(),
        "not within {SOON:?}: {what}"
    );
}

/// Each of these tests once on the in-process bus and once on the broker.
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

pub(crate) use on_both;
