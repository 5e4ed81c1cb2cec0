//! The answer to a call: a result, a failure, or a sign that the method still runs.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{DecodeError, take_text, unwrap, wrap};
use crate::RpcError;
use crate::rpc_error::Detail;

/// One message to a caller. A call may get several; the one with `ending`, or with a failure, is the last.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reply {
    /// What the method returned; null also for signs of life and for failures.
    pub result: Value,
    /// How it failed.
    #[serde(serialize_with = "failure_text")]
    pub failure: Option<RpcError>,
    /// Whether it is the last message to this call.
    pub ending: bool,
    /// Of the call.
    #[serde(rename = "_msg_id")]
    pub message_id: String,
    /// Of this message.
    #[serde(rename = "_unique_id")]
    pub unique_id: Option<String>,
}

/// A failure inside a reply: itself JSON as a string.
#[derive(Serialize, Deserialize)]
struct Failure {
    class: String,
    module: String,
    #[serde(default)]
    message: Value,
    #[serde(default)]
    tb: Vec<String>,
    #[serde(default)]
    args: Vec<Value>,
    #[serde(default)]
    kwargs: Map<String, Value>,
}

impl Reply {
    /// Reads a reply from an uncompressed body.
    ///
    /// # Errors
    /// No reply. A failure that cannot be read is still a failure, with its text as the message.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut message = unwrap(body)?;
        Ok(Self {
            message_id: take_text(&mut message, "_msg_id")?.ok_or(DecodeError::Key("_msg_id"))?,
            failure: match message.remove("failure") {
                None | Some(Value::Null) => None,
                Some(failure) => Some(read_failure(&failure)),
            },
            // Senders of long ago left it out of their only message.
            ending: message.get("ending").and_then(Value::as_bool).unwrap_or(false),
            unique_id: take_text(&mut message, "_unique_id")?,
            result: message.remove("result").unwrap_or_default(),
        })
    }

    /// The body of this reply.
    ///
    /// # Errors
    /// None in practice: JSON values are always written.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        wrap(self)
    }
}

fn read_failure(failure: &Value) -> RpcError {
    let text = failure.as_str().map_or_else(|| failure.to_string(), str::to_owned);
    match serde_json::from_str::<Failure>(&text) {
        Ok(failure) => RpcError {
            class: failure.class,
            module: failure.module,
            message: failure
                .message
                .as_str()
                .map_or_else(|| failure.message.to_string(), str::to_owned),
            detail: Box::new(Detail {
                trace: failure.tb,
                args: failure.args,
                kwargs: failure.kwargs,
            }),
            expected: false,
        },
        Err(_) => RpcError {
            class: "RemoteError".to_owned(),
            ..RpcError::fault(text)
        },
    }
}

fn failure_text<S: serde::Serializer>(error: &Option<RpcError>, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(error) = error else {
        return serializer.serialize_none();
    };
    let failure = Failure {
        class: error.class.clone(),
        module: error.module.clone(),
        message: Value::String(error.message.clone()),
        tb: error.detail.trace.clone(),
        args: error.detail.args.clone(),
        kwargs: error.detail.kwargs.clone(),
    };
    serializer.serialize_str(&serde_json::to_string(&failure).map_err(serde::ser::Error::custom)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_cannot_be_read_is_still_a_failure() {
        let reply = Reply::decode(br#"{"_msg_id":"1","failure":"went wrong","ending":true}"#).unwrap();
        assert_eq!(reply.failure.unwrap().message, "went wrong");
        assert!(Reply::decode(br#"{"result":1}"#).is_err());
    }
}
