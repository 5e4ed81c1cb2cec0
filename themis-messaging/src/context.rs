//! The context that travels with every message: who asked, by which request. Unknown keys are kept and passed on.

use std::fmt;

use serde_json::{Map, Value};
use uuid::Uuid;

/// A message's context, as a dictionary. `auth_token` in it travels in clear; it is never printed.
#[derive(Clone, Default, PartialEq)]
pub struct Context {
    entries: Map<String, Value>,
    sender: Option<String>,
    sent_ms: Option<i64>,
}

impl Context {
    /// A context without any key, as periodic work of a daemon has.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// The context of a new request of our own: `req-<uuid4>`.
    #[must_use]
    pub fn fresh() -> Self {
        Self::empty().with("request_id", format!("req-{}", Uuid::new_v4()))
    }

    /// The context of a request that came with ids of its own (`x-openstack-request-id` and the caller's global one).
    #[must_use]
    pub fn of_request(request_id: &str, global_request_id: Option<&str>) -> Self {
        Self::empty()
            .with("request_id", request_id)
            .with("global_request_id", global_request_id)
    }

    /// The same context with one key more.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.entries.insert(key.to_owned(), value.into());
        self
    }

    /// One key's value.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.get(key)
    }

    /// The id of the request that this message belongs to.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.get("request_id").and_then(Value::as_str)
    }

    /// The id that the first caller gave to the whole chain of requests.
    #[must_use]
    pub fn global_request_id(&self) -> Option<&str> {
        self.get("global_request_id").and_then(Value::as_str)
    }

    /// The user of the broker who sent this message, for whom the broker vouches (AMQP's `user_id`): with a user for
    /// each host, nobody can speak for another. `None` when the sender did not ask the broker to vouch, and always on
    /// a bus without broker.
    #[must_use]
    pub fn sender(&self) -> Option<&str> {
        self.sender.as_deref()
    }

    /// The same context as it came from this user.
    pub(crate) fn sent_by(mut self, sender: Option<String>) -> Self {
        self.sender = sender;
        self
    }

    /// When the message was given to its sender's bus: milliseconds of that machine's Unix time. `None` from senders
    /// other than Themis, and on a bus without broker.
    pub(crate) fn sent_ms(&self) -> Option<i64> {
        self.sent_ms
    }

    /// The same context as it was sent then.
    pub(crate) fn sent_at(mut self, sent_ms: Option<i64>) -> Self {
        self.sent_ms = sent_ms;
        self
    }

    /// All keys and values, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.entries.iter()
    }
}

impl FromIterator<(String, Value)> for Context {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(entries: I) -> Self {
        Self {
            entries: entries.into_iter().collect(),
            ..Self::default()
        }
    }
}

/// Names the request only: a context may hold a token.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("request_id", &self.request_id())
            .field("global_request_id", &self.global_request_id())
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_a_context_is_not_printed() {
        let context = Context::of_request("req-1", Some("req-2")).with("auth_token", "gAAAA-secret");
        let shown = format!("{context:?}");
        assert!(
            shown.contains("req-1") && shown.contains("req-2") && !shown.contains("secret"),
            "{shown}"
        );
    }
}
