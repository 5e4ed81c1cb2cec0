//! A handler that remembers what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use themis_messaging::{Context, Handler, RpcError, argument};
use tokio::sync::Notify;

use crate::world::SOON;

/// Methods: `echo`, `refuse`, `fail`, `panic`, `sleep` (argument `ms`); anything else does not exist.
#[derive(Default)]
pub(crate) struct Recorder {
    seen: Mutex<Vec<(String, Value, Context)>>,
    changed: Notify,
}

impl Recorder {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn methods(&self) -> Vec<String> {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .map(|(method, ..)| method.clone())
            .collect()
    }

    pub(crate) fn args(&self) -> Vec<Value> {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .map(|(_, args, _)| args.clone())
            .collect()
    }

    pub(crate) fn contexts(&self) -> Vec<Context> {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .map(|(.., context)| context.clone())
            .collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// Waits until something holds of this recorder.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        self.until_within(SOON, what, holds).await;
    }

    pub(crate) async fn until_within(&self, within: Duration, what: &str, holds: impl Fn(&Self) -> bool) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if holds(self) {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(within, wait).await.is_err() {
            panic!("not within {within:?}: {what}; seen {:?}", self.methods());
        }
    }
}

#[async_trait]
impl Handler for Recorder {
    async fn handle(&self, context: Context, method: &str, args: Value) -> Result<Value, RpcError> {
        self.seen
            .lock()
            .unwrap()
            .push((method.to_owned(), args.clone(), context));
        self.changed.notify_waiters();
        match method {
            "echo" => Ok(args),
            "refuse" => Err(RpcError::refused("NotLeader", "another engine leads")),
            "fail" => Err(RpcError::fault("it broke")),
            "panic" => panic!("on purpose"),
            "sleep" => {
                let ms: u64 = argument(&args, "ms")?;
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok(Value::from(ms))
            }
            _ => Err(RpcError::no_such_method(method)),
        }
    }
}
