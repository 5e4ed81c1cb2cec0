//! Who may speak for which observer: with a user of the broker for each host, the broker vouches for the sender of every
//! report (AMQP's `user_id`), and a report in another host's name is dropped here, before it is evidence.
//! `docs/operators/bus.md` says how such users are made.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use themis_config::{ConfigError, Source};

/// Where the host's name goes.
const PLACE: &str = "{host}";
/// Observers that were pointed out; whoever invents names cannot fill the memory or the log.
const MOST_TOLD: usize = 1000;

themis_config::section! {
    /// Whose reports are believed; the rest of the section is the detection's.
    pub struct ObserverUsersSection("detection", strict) {
        /// The broker's user that reports of a host must come from, with {host} for the host's name, for instance themis-{host}; off: any user.
        pub observer_users: String = "off",
    }
}

/// The rule, and whom it was said to.
#[derive(Debug)]
pub struct Senders {
    /// What stands before and after the host's name; `None`: everybody is believed.
    rule: Option<(String, String)>,
    told: Mutex<BTreeSet<String>>,
}

impl Senders {
    /// The rule of the configuration.
    ///
    /// # Errors
    /// It is neither `off` nor has one place for the host's name.
    pub fn read(source: &Source) -> Result<Self, ConfigError> {
        let text = source.section::<ObserverUsersSection>()?.observer_users;
        Self::new(&text).ok_or_else(|| ConfigError::BadValue {
            file: "configuration".to_owned(),
            section: "detection".to_owned(),
            key: "observer_users".to_owned(),
            what: format!("'{text}' is neither off nor a user's name with one {PLACE} in it, such as themis-{PLACE}"),
        })
    }

    /// Everybody is believed.
    #[must_use]
    pub fn anybody() -> Self {
        Self {
            rule: None,
            told: Mutex::default(),
        }
    }

    fn new(text: &str) -> Option<Self> {
        let rule = match text.split_once(PLACE) {
            None if text == "off" => None,
            Some((before, after)) if !after.contains(PLACE) => Some((before.to_owned(), after.to_owned())),
            _ => return None,
        };
        Some(Self {
            rule,
            told: Mutex::default(),
        })
    }

    /// Whether a message in the name of `observer` is believed; `sender` is the user for whom the broker vouches. A
    /// message that is not is counted, and said once for each observer.
    pub fn admit(&self, observer: &str, sender: Option<&str>) -> bool {
        let Some((before, after)) = &self.rule else { return true };
        let named = sender
            .and_then(|user| user.strip_prefix(before.as_str()))
            .and_then(|user| user.strip_suffix(after.as_str()));
        if named == Some(observer) {
            return true;
        }
        metrics::counter!("themis_engine_unvouched_messages_total").increment(1);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < MOST_TOLD && told.insert(observer.to_owned()) {
            let user = sender.map_or_else(
                || "no user that the broker vouches for".to_owned(),
                |user| format!("user '{user}'"),
            );
            tracing::warn!(
                "a message in the name of {observer:?} came from {user} and not from '{before}{observer}{after}': dropped, \
                 as all that follow; see [detection] observer_users"
            );
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_observers_own_user_speaks_for_it() {
        let senders = Senders::new("themis-{host}@site").unwrap();
        assert!(senders.admit("compute-1", Some("themis-compute-1@site")));
        for other in [
            None,
            Some("themis-compute-2@site"),
            Some("themis-compute-1"),
            Some("compute-1"),
            Some(""),
        ] {
            assert!(!senders.admit("compute-1", other), "{other:?}");
        }
        assert!(Senders::new("off").unwrap().admit("compute-1", None));
        assert!(Senders::new("{host}").unwrap().admit("compute-1", Some("compute-1")));
    }

    #[test]
    fn a_rule_without_a_place_for_the_name_is_refused_with_the_fix() {
        for wrong in ["on", "match", "themis", "", "{host}{host}"] {
            let text = format!("[detection]\nobserver_users = {wrong}\n");
            let error = Senders::read(&Source::from_text("t.conf", &text).unwrap())
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("observer_users") && error.contains("themis-{host}"),
                "{error}"
            );
        }
    }

    #[test]
    fn whom_it_was_said_to_is_bounded() {
        let senders = Senders::new("{host}").unwrap();
        for n in 0..=MOST_TOLD {
            senders.admit(&n.to_string(), None);
        }
        assert_eq!(senders.told.lock().unwrap().len(), MOST_TOLD);
    }
}
