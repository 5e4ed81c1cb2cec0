//! The notifier of a program: over the broker of everything else, unless notifications have one of their own.

use std::sync::Arc;
use std::time::Duration;

use themis_config::{ConfigError, Source};

use super::RabbitBus;
use crate::notifier::publisher_id;
use crate::{Bus, Notifier, NotifierError, Settings, SettingsError};

/// Notifications that cannot be sent as configured.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// The broker's settings.
    #[error("[oslo_messaging_notifications] transport_url: {0}")]
    Settings(#[from] SettingsError),
    /// A value of the wrong kind.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Driver or topics.
    #[error(transparent)]
    Notifier(#[from] NotifierError),
}

/// A notifier with the bus that carries it.
#[derive(Debug)]
pub struct Events {
    /// What to emit with.
    pub notifier: Notifier,
    own: Option<RabbitBus>,
}

impl Events {
    /// Reads the section and connects where it says; `program` names the publisher: `masakari-api`.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn start(source: &Source, bus: Arc<dyn Bus>, program: &str) -> Result<Self, EventsError> {
        let own = match Settings::of_notifications(source)? {
            Some(settings) => Some(RabbitBus::start(settings, program)?),
            None => None,
        };
        let carrier = own.clone().map_or(bus, |own| Arc::new(own) as Arc<dyn Bus>);
        let notifier = Notifier::new(carrier, &source.section()?, &publisher_id(program))?;
        Ok(Self { notifier, own })
    }

    /// Lets what waits leave, when the broker is one of its own; all of it within `within`.
    pub async fn stop(&self, within: Duration) {
        if let Some(own) = &self.own {
            own.stop(within).await;
        }
    }
}
