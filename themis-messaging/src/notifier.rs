//! Telling the world what happened: notifications in oslo's form, as the section `[oslo_messaging_notifications]` says.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::macros::format_description;
use uuid::Uuid;

use crate::bus::{Bus, Receipt};
use crate::config::NotificationSection;
use crate::envelope::new_id;
use crate::envelope::notification::{Form, Notification, Priority};
use crate::{BusError, Context, NameError, Topic};

/// How long a notification waits for a broker that is away.
const GOOD_FOR: Duration = Duration::from_secs(600);

/// A section that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NotifierError {
    /// A driver that we have not.
    #[error("[oslo_messaging_notifications] driver: '{0}' is not supported; use messagingv2, messaging or noop")]
    Driver(String),
    /// A topic that cannot be one.
    #[error("[oslo_messaging_notifications] topics: {0}")]
    Topic(#[from] NameError),
}

/// A publisher's name as OpenStack's services give it: the program and this machine, `masakari-api:controller-1`.
#[must_use]
pub fn publisher_id(program: &str) -> String {
    format!("{program}:{}", rustix::system::uname().nodename().to_string_lossy())
}

/// Publishes notifications under one publisher's name.
#[derive(Debug, Clone)]
pub struct Notifier {
    bus: Arc<dyn Bus>,
    publisher_id: String,
    topics: Vec<Topic>,
    forms: Vec<Form>,
}

impl Notifier {
    /// A notifier for `publisher_id` (`masakari-api:host-1`). Without a driver in the section it sends nothing, as
    /// everywhere in OpenStack.
    ///
    /// # Errors
    /// A driver or a topic that cannot be used.
    pub fn new(bus: Arc<dyn Bus>, section: &NotificationSection, publisher_id: &str) -> Result<Self, NotifierError> {
        let mut forms = Vec::new();
        for driver in &section.driver {
            match driver.as_str() {
                "messagingv2" => forms.push(Form::Envelope),
                "messaging" => forms.push(Form::Plain),
                "noop" => {}
                other => return Err(NotifierError::Driver(other.to_owned())),
            }
        }
        let topics = section.topics.iter().map(Topic::new).collect::<Result<_, _>>()?;
        Ok(Self {
            bus,
            publisher_id: publisher_id.to_owned(),
            topics,
            forms,
        })
    }

    /// The same notifier for another topic (`versioned_notifications`) instead of the section's.
    #[must_use]
    pub fn to(mut self, topic: Topic) -> Self {
        self.topics = vec![topic];
        self
    }

    /// The same notifier under another publisher's name.
    #[must_use]
    pub fn of(mut self, publisher_id: &str) -> Self {
        publisher_id.clone_into(&mut self.publisher_id);
        self
    }

    /// Whether nothing is ever sent, because no driver is configured.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.forms.is_empty()
    }

    /// Publishes one notification on every topic and in every form; it returns at once. A broker that is away keeps
    /// it waiting for ten minutes. The receipts may be dropped.
    ///
    /// # Errors
    /// No room, or the bus is stopping.
    pub fn emit(
        &self,
        context: &Context,
        event_type: &str,
        priority: Priority,
        payload: &Value,
    ) -> Result<Vec<Receipt>, BusError> {
        let mut receipts = Vec::new();
        for form in &self.forms {
            for topic in &self.topics {
                let notification = Notification {
                    message_id: Uuid::new_v4().to_string(),
                    publisher_id: self.publisher_id.clone(),
                    event_type: event_type.to_owned(),
                    priority,
                    payload: payload.clone(),
                    timestamp: timestamp(OffsetDateTime::now_utc()),
                    unique_id: Some(new_id()),
                    context: context.clone(),
                };
                receipts.push(self.bus.notify(topic, &notification, *form, GOOD_FOR)?);
            }
        }
        Ok(receipts)
    }
}

/// As Python's `str(datetime)`: the fraction is missing when it is zero.
fn timestamp(at: OffsetDateTime) -> String {
    let whole = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let fraction = format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:6]");
    let text = if at.microsecond() == 0 {
        at.format(whole)
    } else {
        at.format(fraction)
    };
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use themis_config::Source;
    use time::macros::datetime;

    use super::*;
    use crate::local::LocalBus;

    fn notifier(text: &str) -> Result<Notifier, NotifierError> {
        let section = Source::from_text("t.conf", text).unwrap().section().unwrap();
        Notifier::new(Arc::new(LocalBus::new()), &section, "masakari-api:host-1")
    }

    #[test]
    fn timestamps_are_written_as_python_writes_them() {
        assert_eq!(
            timestamp(datetime!(2026-11-20 08:49:44.213991 UTC)),
            "2026-11-20 08:49:44.213991"
        );
        assert_eq!(timestamp(datetime!(2026-01-02 03:04:05 UTC)), "2026-01-02 03:04:05");
    }

    #[test]
    fn without_a_driver_nothing_is_sent() {
        let emit = |text| {
            notifier(text)
                .unwrap()
                .emit(&Context::empty(), "a.b", Priority::Info, &Value::Null)
                .unwrap()
        };
        assert_eq!(emit("").len(), 0);
        assert_eq!(emit("[oslo_messaging_notifications]\ndriver = noop\n").len(), 0);
        assert_eq!(
            emit("[oslo_messaging_notifications]\ndriver = messagingv2\ntopics = a,b\n").len(),
            2
        );
        let error = notifier("[oslo_messaging_notifications]\ndriver = log\n")
            .unwrap_err()
            .to_string();
        assert!(error.contains("'log'") && error.contains("messagingv2"), "{error}");
    }
}
