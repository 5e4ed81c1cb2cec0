//! What a method's failure looks like to its caller, in either direction.

use std::fmt;

use serde_json::{Map, Value};

/// Module under which our own exceptions reach Python callers.
const MODULE: &str = "themis.exception";
/// Module of oslo's own refusals.
const DISPATCHER: &str = "oslo_messaging.rpc.dispatcher";

/// A failed method: what the handler answers, and what the caller gets.
#[derive(Debug, Clone, PartialEq)]
pub struct RpcError {
    /// Name of the exception's class, as Python would have it.
    pub class: String,
    /// The Python module of that class.
    pub module: String,
    /// What went wrong, for people.
    pub message: String,
    /// What only Python makes use of.
    pub detail: Box<Detail>,
    /// Whether the handler foresaw it: then it is the caller's affair and not logged as a fault. Not on the wire.
    pub expected: bool,
}

/// What a Python caller rebuilds the exception from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detail {
    /// Lines of a traceback; empty from us.
    pub trace: Vec<String>,
    /// Positional arguments of the exception.
    pub args: Vec<Value>,
    /// Its keyword arguments.
    pub kwargs: Map<String, Value>,
}

impl RpcError {
    fn of(module: &str, class: &str, message: impl Into<String>, expected: bool) -> Self {
        let message = message.into();
        let detail = Detail {
            args: vec![Value::String(message.clone())],
            ..Detail::default()
        };
        Self {
            class: class.to_owned(),
            module: module.to_owned(),
            message,
            detail: Box::new(detail),
            expected,
        }
    }

    /// A refusal that belongs to the method's contract, by a class name of our own (`NotLeader`).
    #[must_use]
    pub fn refused(class: &str, message: impl Into<String>) -> Self {
        Self::of(MODULE, class, message, true)
    }

    /// A fault that the method did not foresee.
    #[must_use]
    pub fn fault(message: impl Into<String>) -> Self {
        Self::of(MODULE, "ThemisException", message, false)
    }

    /// The arguments do not fit the method.
    #[must_use]
    pub fn bad_arguments(message: impl Into<String>) -> Self {
        Self::of("builtins", "TypeError", message, true)
    }

    /// The server has no such method.
    #[must_use]
    pub fn no_such_method(method: &str) -> Self {
        Self::of(
            DISPATCHER,
            "NoSuchMethod",
            format!("Endpoint does not support RPC method {method}"),
            true,
        )
    }

    /// The server does not serve this version, or this namespace.
    #[must_use]
    pub fn unsupported_version(version: &str, method: &str) -> Self {
        let text = format!("Endpoint does not support RPC version {version}. Attempted method: {method}");
        Self::of(DISPATCHER, "UnsupportedVersion", text, true)
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}

impl std::error::Error for RpcError {}
