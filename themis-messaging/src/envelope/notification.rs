//! A notification: an event that is told to whoever listens, outside of any request.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::Value;

use super::{CONTEXT_PREFIX, DecodeError, take_context, take_text, unwrap, wrap};
use crate::Context;

/// How important a notification is: lower case in queue names, upper case in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Priority {
    Audit,
    Debug,
    Info,
    Warn,
    Error,
    Critical,
    Sample,
}

impl Priority {
    /// All of them, in oslo's order.
    pub const ALL: [Self; 7] = [
        Self::Audit,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
        Self::Critical,
        Self::Sample,
    ];

    /// As in routing keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Sample => "sample",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Priority {
    type Err = DecodeError;
    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.as_str().eq_ignore_ascii_case(text))
            .ok_or(DecodeError::Key("priority"))
    }
}

/// How a notification is put on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In the envelope, as the driver `messagingv2` does.
    Envelope,
    /// Bare, as the old driver `messaging` does.
    Plain,
}

/// One notification.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// UUID with dashes.
    pub message_id: String,
    /// `service:host` or `service.host`.
    pub publisher_id: String,
    /// What happened: `segment.create`.
    pub event_type: String,
    /// How important it is.
    pub priority: Priority,
    /// About what.
    pub payload: Value,
    /// UTC, `YYYY-MM-DD HH:MM:SS.ffffff`, without the fraction when it is zero.
    pub timestamp: String,
    /// New with every sending that is not a repetition.
    pub unique_id: Option<String>,
    /// By whose request; a token in it is not sent.
    pub context: Context,
}

impl Notification {
    /// Reads a notification from an uncompressed body, with envelope (`messagingv2`) or without (`messaging`).
    ///
    /// # Errors
    /// No notification.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut message = unwrap(body)?;
        let mut text = |key| take_text(&mut message, key);
        Ok(Self {
            event_type: text("event_type")?.ok_or(DecodeError::Key("event_type"))?,
            priority: text("priority")?.ok_or(DecodeError::Key("priority"))?.parse()?,
            message_id: text("message_id")?.unwrap_or_default(),
            publisher_id: text("publisher_id")?.unwrap_or_default(),
            timestamp: text("timestamp")?.unwrap_or_default(),
            unique_id: text("_unique_id")?,
            payload: message.remove("payload").unwrap_or_default(),
            context: take_context(&mut message),
        })
    }

    /// The body of this notification.
    ///
    /// # Errors
    /// None in practice: JSON values are always written.
    pub fn encode(&self, form: Form) -> Result<Vec<u8>, serde_json::Error> {
        match form {
            Form::Envelope => wrap(self),
            Form::Plain => serde_json::to_vec(self),
        }
    }
}

impl Serialize for Notification {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("message_id", &self.message_id)?;
        map.serialize_entry("publisher_id", &self.publisher_id)?;
        map.serialize_entry("event_type", &self.event_type)?;
        map.serialize_entry("priority", &self.priority.as_str().to_ascii_uppercase())?;
        map.serialize_entry("payload", &self.payload)?;
        map.serialize_entry("timestamp", &self.timestamp)?;
        if let Some(unique_id) = &self.unique_id {
            map.serialize_entry("_unique_id", unique_id)?;
        }
        for (key, value) in self.context.iter() {
            let value = if key == "auth_token" { &Value::Null } else { value };
            map.serialize_entry(&format!("{CONTEXT_PREFIX}{key}"), value)?;
        }
        map.end()
    }
}
