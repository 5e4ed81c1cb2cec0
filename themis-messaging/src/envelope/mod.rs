//! The messages as they are on the wire: the envelope, and in it a request, a reply or a notification.
//!
//! `{"oslo.version": "2.0", "oslo.message": "<JSON as a string>"}`, observed with oslo.messaging 14.0.3 and 18.3.1.
//! Decoders take anything that Python takes, answer everything else with a [`DecodeError`] and never panic. Read next:
//! [`body`] (properties and compression), [`request`], [`reply`], [`notification`].

pub mod body;
pub mod notification;
pub mod reply;
pub mod request;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::Context;

pub use body::MAX_BODY;
pub use notification::{Form, Notification, Priority};
pub use reply::Reply;
pub use request::Request;

/// What a Python peer would drop with a line in its log, and so do we.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The content type is not exactly `application/json`.
    #[error("content type '{0}'")]
    ContentType(String),
    /// The compression is unknown, or the compressed bytes are not what the header says.
    #[error("compression '{method}': {what}")]
    Compression {
        /// The header's value.
        method: String,
        /// What is wrong.
        what: String,
    },
    /// Larger than [`MAX_BODY`], compressed or not.
    #[error("longer than {MAX_BODY} bytes")]
    TooLong,
    /// Not JSON.
    #[error("not JSON")]
    Json(#[from] serde_json::Error),
    /// JSON, but no object.
    #[error("no object")]
    NoObject,
    /// An envelope of another version than 2.0.
    #[error("envelope version {0}")]
    EnvelopeVersion(String),
    /// A key that must be there is not, or is of the wrong kind.
    #[error("'{0}' is missing or of the wrong kind")]
    Key(&'static str),
}

const CONTEXT_PREFIX: &str = "_context_";

#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(rename = "oslo.version")]
    version: &'static str,
    #[serde(rename = "oslo.message")]
    message: &'a str,
}

/// Puts an inner message into the envelope.
pub(crate) fn wrap(message: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let inner = serde_json::to_string(message)?;
    serde_json::to_vec(&Envelope {
        version: "2.0",
        message: &inner,
    })
}

/// Takes the inner message out of its envelope; a message without one is its own inner message.
///
/// # Errors
/// Not JSON, no object, or an envelope of another version.
pub fn unwrap(body: &[u8]) -> Result<Map<String, Value>, DecodeError> {
    let outer = object(body)?;
    match (outer.get("oslo.version"), outer.get("oslo.message")) {
        (Some(version), Some(message)) => {
            if version.as_str() != Some("2.0") {
                return Err(DecodeError::EnvelopeVersion(version.to_string()));
            }
            object(message.as_str().ok_or(DecodeError::Key("oslo.message"))?.as_bytes())
        }
        _ => Ok(outer),
    }
}

fn object(json: &[u8]) -> Result<Map<String, Value>, DecodeError> {
    match serde_json::from_slice(json)? {
        Value::Object(object) => Ok(object),
        _ => Err(DecodeError::NoObject),
    }
}

/// A key of text: absent and null are the same.
fn take_text(message: &mut Map<String, Value>, key: &'static str) -> Result<Option<String>, DecodeError> {
    match message.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(DecodeError::Key(key)),
    }
}

/// The keys with the context's prefix, without it.
fn take_context(message: &mut Map<String, Value>) -> Context {
    message
        .iter_mut()
        .filter_map(|(key, value)| {
            key.strip_prefix(CONTEXT_PREFIX)
                .map(|key| (key.to_owned(), value.take()))
        })
        .collect()
}

/// A new id as oslo writes them: 32 hexadecimal digits.
#[must_use]
pub fn new_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("{\"oslo.version\":\"2.0\",\"oslo.message\":\"{\\\"method\\\":\\\"x\\\"}\"}", true)]
    #[case("{\"method\":\"x\"}", true)]
    #[case("{\"oslo.message\":\"{}\",\"method\":\"x\"}", true)]
    #[case("{\"oslo.version\":\"1.0\",\"oslo.message\":\"{}\"}", false)]
    #[case("{\"oslo.version\":\"2.1\",\"oslo.message\":\"{}\"}", false)]
    #[case("{\"oslo.version\":\"3.0\",\"oslo.message\":\"{}\"}", false)]
    #[case("{\"oslo.version\":2.0,\"oslo.message\":\"{}\"}", false)]
    #[case("{\"oslo.version\":\"2.0\",\"oslo.message\":{}}", false)]
    #[case("{\"oslo.version\":\"2.0\",\"oslo.message\":\"[]\"}", false)]
    #[case("[]", false)]
    #[case("not json", false)]
    #[case("", false)]
    fn takes_and_refuses_what_python_takes_and_refuses(#[case] body: &str, #[case] taken: bool) {
        let inner = unwrap(body.as_bytes());
        assert_eq!(inner.is_ok(), taken, "{inner:?}");
        if taken {
            assert_eq!(inner.unwrap()["method"], "x");
        }
    }
}
