//! The broker of a simulated world, and what all but the engines say over it: the in-process bus with the topics, methods
//! and times to live of the real programs. Nothing reaches an engine's inbox but through here and its own ports.
//!
//! Read next: [`crate::monitors`] (who answers questions), `ports/wire.rs` (the bus as one engine's process has it).

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use themis_core::report::{ENGINE_TOPIC, OBSERVATIONS_TOPIC, RPC_VERSION, Report};
use themis_messaging::local::LocalBus;
use themis_messaging::{Bus, Context, Keep, NameError, Target, Topic};

/// As monitors have it for reports and answers.
const NEWS_EXPIRE: Duration = Duration::from_secs(5);
/// As the API has it.
const WAKE_EXPIRES: Duration = Duration::from_secs(30);

/// The broker.
#[derive(Debug, Clone)]
pub struct Broker {
    /// The bus that all processes share.
    pub bus: LocalBus,
    observations: Target,
    engines: Target,
}

impl Broker {
    /// A broker without servers.
    ///
    /// # Errors
    /// Never, unless the fixed names are no names.
    pub fn new() -> Result<Self, NameError> {
        let version = RPC_VERSION.parse()?;
        Ok(Self {
            bus: LocalBus::new(),
            observations: Target::topic(Topic::new(OBSERVATIONS_TOPIC)?, version),
            engines: Target::topic(Topic::new(ENGINE_TOPIC)?, version),
        })
    }

    /// A monitor reports. While the broker is away only its newest report waits; one that answers a question waits by itself.
    pub fn report(&self, report: &Report) {
        let keep = match report.nonce {
            None => Keep::Newest(report.observer.clone()),
            Some(_) => Keep::All,
        };
        self.send(
            &self.observations,
            "report",
            json!({"report": report}),
            keep,
            NEWS_EXPIRE,
        );
    }

    /// A monitor answers a question.
    pub fn answer(&self, method: &str, answer: &impl Serialize) {
        let args = json!({"answer": answer});
        self.send(&self.observations, method, args, Keep::All, NEWS_EXPIRE);
    }

    /// The API says that there is something new in the database.
    pub fn wake(&self) {
        let keep = Keep::Newest("wake".to_owned());
        self.send(&self.engines, "wake", json!({}), keep, WAKE_EXPIRES);
    }

    fn send(&self, target: &Target, method: &str, args: Value, keep: Keep, expires: Duration) {
        let sent = self.bus.fanout(&Context::empty(), target, method, args, keep, expires);
        // What finds no room is lost, as it is for the real senders: they log it, and their next word is whole.
        drop(sent);
    }
}
