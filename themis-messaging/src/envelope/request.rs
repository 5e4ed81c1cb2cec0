//! A request: a cast, a fanout or, when it names a reply queue, a call.

use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::{Map, Value};

use super::{CONTEXT_PREFIX, DecodeError, new_id, take_context, take_text, unwrap, wrap};
use crate::{BusError, Context, Target};

/// A request to run a method.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The method's name.
    pub method: String,
    /// Its arguments, by name.
    pub args: Map<String, Value>,
    /// Namespace of the method.
    pub namespace: Option<String>,
    /// The version as it was written, to be judged by the dispatcher; `None` means `1.0`.
    pub version: Option<Value>,
    /// What the caller waits for, if it waits.
    pub call: Option<Call>,
    /// New with every sending that is not a repetition.
    pub unique_id: Option<String>,
    /// Who asks.
    pub context: Context,
}

/// What makes a request a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Names the call in its replies.
    pub message_id: String,
    /// Where the caller listens; Python waits for a reply in vain without it.
    pub reply_queue: Option<String>,
    /// Seconds within which the caller wants a sign that the method still runs; `None`: no signs.
    pub monitor_s: Option<f64>,
}

impl Request {
    /// A new request without a wish for an answer.
    ///
    /// # Errors
    /// The arguments are no object.
    pub(crate) fn new(context: &Context, target: &Target, method: &str, args: Value) -> Result<Self, BusError> {
        let Value::Object(args) = args else {
            return Err(BusError::Arguments {
                method: method.to_owned(),
            });
        };
        Ok(Self {
            method: method.to_owned(),
            args,
            namespace: target.namespace.clone(),
            version: Some(Value::String(target.version.to_string())),
            call: None,
            unique_id: Some(new_id()),
            context: context.clone(),
        })
    }

    /// Reads a request from an uncompressed body.
    ///
    /// # Errors
    /// A body that a Python server would drop.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut message = unwrap(body)?;
        let args = match message.remove("args") {
            None => Map::new(),
            Some(Value::Object(args)) => args,
            Some(_) => return Err(DecodeError::Key("args")),
        };
        let call = match take_text(&mut message, "_msg_id")? {
            None => None,
            Some(message_id) => Some(Call {
                message_id,
                reply_queue: take_text(&mut message, "_reply_q")?,
                monitor_s: message.get("_timeout").and_then(Value::as_f64),
            }),
        };
        Ok(Self {
            method: take_text(&mut message, "method")?.ok_or(DecodeError::Key("method"))?,
            args,
            namespace: take_text(&mut message, "namespace")?,
            version: message.remove("version"),
            call,
            unique_id: take_text(&mut message, "_unique_id")?,
            context: take_context(&mut message),
        })
    }

    /// The body of this request.
    ///
    /// # Errors
    /// None in practice: JSON values are always written.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        wrap(self)
    }
}

/// The keys in the order in which Python sends them.
impl Serialize for Request {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("method", &self.method)?;
        map.serialize_entry("args", &self.args)?;
        if let Some(namespace) = &self.namespace {
            map.serialize_entry("namespace", namespace)?;
        }
        if let Some(version) = &self.version {
            map.serialize_entry("version", version)?;
        }
        if let Some(call) = &self.call {
            map.serialize_entry("_msg_id", &call.message_id)?;
            map.serialize_entry("_reply_q", &call.reply_queue)?;
            map.serialize_entry("_timeout", &call.monitor_s.map(number))?;
        }
        if let Some(unique_id) = &self.unique_id {
            map.serialize_entry("_unique_id", unique_id)?;
        }
        for (key, value) in self.context.iter() {
            map.serialize_entry(&format!("{CONTEXT_PREFIX}{key}"), value)?;
        }
        map.end()
    }
}

/// Whole seconds are written without a fraction, as Python does.
fn number(seconds: f64) -> Value {
    let whole = Value::from(seconds).to_string();
    whole
        .strip_suffix(".0")
        .and_then(|text| text.parse::<i64>().ok())
        .map_or(Value::from(seconds), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_may_leave_out_may_be_absent() {
        let request = Request::decode(br#"{"method":"echo","extra":1}"#).unwrap();
        assert_eq!((request.args.len(), request.version, request.call), (0, None, None));
        assert!(Request::decode(br#"{"args":{}}"#).is_err());
        assert!(Request::decode(br#"{"method":"echo","args":[1]}"#).is_err());
    }
}
