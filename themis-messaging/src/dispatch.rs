//! From a request to a handler's answer: namespace, version and method are judged as oslo's dispatcher judges them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use serde_json::Value;

use crate::bus::{Endpoint, Handler};
use crate::envelope::Request;
use crate::{RpcError, Topic, Version};

/// Most methods of one server that run at once, as many as oslo's `executor_thread_pool_size`.
pub const CONCURRENT: usize = 64;

/// One server's way from requests to answers.
#[derive(Clone)]
pub(crate) struct Dispatcher {
    endpoint: Endpoint,
    handler: Arc<dyn Handler>,
    ping: bool,
}

impl std::fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dispatcher")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Dispatcher {
    pub(crate) fn new(endpoint: Endpoint, handler: Arc<dyn Handler>, ping: bool) -> Self {
        Self {
            endpoint,
            handler,
            ping,
        }
    }

    pub(crate) fn topic(&self) -> &Topic {
        &self.endpoint.topic
    }

    /// Runs the method. A handler that panics has failed; the server goes on.
    pub(crate) async fn run(&self, request: Request) -> Result<Value, RpcError> {
        let method = request.method;
        if self.ping && method == "oslo_rpc_server_ping" {
            return Ok(Value::from("pong"));
        }
        let requested = match &request.version {
            None => Some(Version::ONE),
            Some(version) => version.as_str().and_then(|text| text.parse().ok()),
        };
        let serves = requested.is_some_and(|version| self.endpoint.version.serves(version));
        if !serves || request.namespace != self.endpoint.namespace {
            let shown = request.version.as_ref().map_or("1.0".to_owned(), |version| {
                version.as_str().map_or_else(|| version.to_string(), str::to_owned)
            });
            return Err(RpcError::unsupported_version(&shown, &method));
        }
        if method.starts_with('_') {
            return Err(RpcError::no_such_method(&method));
        }
        let asked_by =
            [request.context.request_id(), request.context.global_request_id()].map(|id| id.unwrap_or("-").to_owned());
        let running = self
            .handler
            .handle(request.context, &method, Value::Object(request.args));
        let answer = AssertUnwindSafe(running)
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Err(RpcError::fault(format!("the handler of '{method}' panicked"))));
        if let Err(error) = &answer
            && !error.expected
        {
            let [request_id, global_request_id] = asked_by;
            tracing::error!(topic = %self.endpoint.topic, method, request_id, global_request_id, "method failed: {error}");
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::{Context, ServerName};

    struct Echo;

    #[async_trait]
    impl Handler for Echo {
        async fn handle(&self, _: Context, method: &str, args: Value) -> Result<Value, RpcError> {
            match method {
                "echo" => Ok(args),
                "panic" => panic!("on purpose"),
                _ => Err(RpcError::no_such_method(method)),
            }
        }
    }

    async fn run(message: Value) -> Result<Value, String> {
        let endpoint = Endpoint::new(
            Topic::new("t").unwrap(),
            ServerName::new("s").unwrap(),
            Version { major: 1, minor: 5 },
        );
        let request = Request::decode(message.to_string().as_bytes()).unwrap();
        Dispatcher::new(endpoint, Arc::new(Echo), true)
            .run(request)
            .await
            .map_err(|error| error.class)
    }

    #[rstest]
    #[case(json!({"method": "echo", "args": {"n": 1}}), Ok(json!({"n": 1})))]
    #[case(json!({"method": "echo", "version": "1.5"}), Ok(json!({})))]
    #[case(json!({"method": "echo", "version": "1.6"}), Err("UnsupportedVersion"))]
    #[case(json!({"method": "echo", "version": "2.0"}), Err("UnsupportedVersion"))]
    #[case(json!({"method": "echo", "version": null}), Err("UnsupportedVersion"))]
    #[case(json!({"method": "echo", "version": "1"}), Err("UnsupportedVersion"))]
    #[case(json!({"method": "echo", "namespace": "other"}), Err("UnsupportedVersion"))]
    #[case(json!({"method": "other"}), Err("NoSuchMethod"))]
    #[case(json!({"method": "_echo"}), Err("NoSuchMethod"))]
    #[case(json!({"method": "oslo_rpc_server_ping"}), Ok(json!("pong")))]
    #[case(json!({"method": "panic"}), Err("ThemisException"))]
    #[tokio::test]
    async fn requests_are_judged_as_oslo_judges_them(#[case] message: Value, #[case] expected: Result<Value, &str>) {
        assert_eq!(run(message).await, expected.map_err(str::to_owned));
    }
}
