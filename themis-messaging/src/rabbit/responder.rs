//! Answers calls: signs of life while the method runs, then the result, again and again for a while if the caller's
//! queue is not there (it may be reconnecting).

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::outbox::{Outbox, Posting, Route};
use super::vanished::Vanished;
use crate::dispatch::Dispatcher;
use crate::envelope::request::Call;
use crate::envelope::{Reply, Request, new_id};
use crate::measures::HANDLING_DELAY;
use crate::patience::{sign_interval, with_signs};
use crate::{BusError, RpcError};

/// Between attempts to reply to a queue that is not there, as in oslo.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Runs requests and answers calls.
#[derive(Clone)]
pub(crate) struct Responder {
    pub(crate) dispatcher: Dispatcher,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) vanished: Arc<Vanished>,
    /// How long a reply is tried.
    pub(crate) try_for: Duration,
}

impl Responder {
    /// Runs one request to its end, the reply included.
    pub(crate) async fn handle(self, mut request: Request) {
        self.measure(&request);
        let call = request.call.take();
        let Some(call) = call else {
            // Nobody waits for the answer to a cast; its unforeseen failures are in the log.
            let _ = self.dispatcher.run(request).await;
            return;
        };
        let Some(queue) = call.reply_queue.clone() else {
            tracing::warn!(
                method = request.method,
                "call without a reply queue: run, but not answered"
            );
            let _ = self.dispatcher.run(request).await;
            return;
        };
        let answer = with_signs(self.dispatcher.run(request), sign_interval(call.monitor_s), |every| {
            // A lost sign is followed by another.
            let _ = self.post(&queue, &message(&call, Ok(Value::Null), false), every);
        })
        .await;
        self.reply(&queue, &message(&call, answer, true)).await;
    }

    /// How long ago the message was sent, by the sender's clock and ours; a clock that is ahead of ours makes it nothing.
    fn measure(&self, request: &Request) {
        if let Some(sent_ms) = request.context.sent_ms() {
            let delay_ms = u64::try_from(now_ms().saturating_sub(sent_ms)).unwrap_or_default();
            let topic = self.dispatcher.topic().to_string();
            metrics::histogram!(HANDLING_DELAY, "topic" => topic).record(Duration::from_millis(delay_ms));
        }
    }

    fn post(&self, queue: &str, reply: &Reply, good_for: Duration) -> Result<crate::Receipt, BusError> {
        let body = reply.encode().map_err(|error| BusError::Refused {
            text: error.to_string(),
        })?;
        self.outbox.post(Posting {
            route: Route::Queue,
            key: queue.to_owned(),
            body,
            mandatory: true,
            expires: false,
            slot: None,
            good_for,
        })
    }

    async fn reply(&self, queue: &str, reply: &Reply) {
        let end = Instant::now() + self.try_for;
        loop {
            if self.vanished.contains(queue) {
                tracing::debug!(queue, "caller is gone; its reply is dropped");
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            let outcome = match self.post(queue, reply, left.max(AGAIN_AFTER)) {
                Ok(receipt) => receipt.outcome().await,
                Err(error) => Err(error),
            };
            match outcome {
                Ok(_) => return,
                Err(BusError::NoListener { .. } | BusError::ListenerGone { .. } | BusError::Full { .. })
                    if Instant::now() < end =>
                {
                    sleep(AGAIN_AFTER).await;
                }
                Err(error) => {
                    if matches!(error, BusError::NoListener { .. } | BusError::ListenerGone { .. }) {
                        self.vanished.insert(queue);
                    }
                    tracing::warn!(queue, "reply not delivered: {error}");
                    return;
                }
            }
        }
    }
}

/// Unix time in milliseconds.
pub(crate) fn now_ms() -> i64 {
    i64::try_from(time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}

fn message(call: &Call, answer: Result<Value, RpcError>, ending: bool) -> Reply {
    let (result, failure) = match answer {
        Ok(result) => (result, None),
        Err(failure) => (Value::Null, Some(failure)),
    };
    Reply {
        result,
        failure,
        ending,
        message_id: call.message_id.clone(),
        unique_id: Some(new_id()),
    }
}
