//! The role that receives the answers to our calls: one queue for the whole process, the same over reconnects.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use lapin::Consumer;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use serde_json::Value;
use tokio::sync::{Notify, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::connector::Line;
use super::listener::open;
use super::supervisor::{Ended, Role, in_time};
use super::topology::{declare_queue, short};
use crate::declare::DeclareError;
use crate::envelope::{DecodeError, Reply};
use crate::measures::UNREADABLE;
use crate::patience::Awaited;
use crate::serving::Readiness;
use crate::settings::QueueOptions;
use crate::{BusError, RpcError};

/// Most calls that wait for their answers at once.
const MOST_CALLS: usize = 4096;
/// Answers taken ahead.
const PREFETCH: u16 = 256;

type Answer = Result<Value, RpcError>;

/// The calls that wait for answers.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<HashMap<String, Waiting>>);

#[derive(Debug)]
struct Waiting {
    result: Value,
    signs: Arc<Notify>,
    answer: oneshot::Sender<Answer>,
}

/// A call's place among those that wait; dropping it gives the place up.
#[derive(Debug)]
pub(crate) struct Place {
    calls: Arc<Calls>,
    message_id: String,
    signs: Arc<Notify>,
    /// Where the answer comes.
    pub(crate) answer: oneshot::Receiver<Answer>,
}

impl Place {
    /// The answer to come, and the signs before it.
    pub(crate) fn awaited<'a>(&'a mut self, method: &'a str) -> Awaited<'a> {
        Awaited {
            method,
            answer: &mut self.answer,
            signs: &self.signs,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.calls.lock().remove(&self.message_id);
    }
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for the answer to the call of this id.
    pub(crate) fn expect(self: &Arc<Self>, message_id: &str) -> Result<Place, BusError> {
        let (tell, answer) = oneshot::channel();
        let signs = Arc::new(Notify::new());
        let mut calls = self.lock();
        if calls.len() >= MOST_CALLS {
            return Err(BusError::Full { waiting: calls.len() });
        }
        calls.insert(
            message_id.to_owned(),
            Waiting {
                result: Value::Null,
                signs: signs.clone(),
                answer: tell,
            },
        );
        Ok(Place {
            calls: self.clone(),
            message_id: message_id.to_owned(),
            signs,
            answer,
        })
    }

    /// Takes one reply in. Some servers send the result first and the end in a message of its own: the last result
    /// that is not null counts. Replies to nobody are dropped: their call gave up, or they are repetitions.
    fn take(&self, reply: Reply) {
        let mut calls = self.lock();
        let Some(waiting) = calls.get_mut(&reply.message_id) else {
            return;
        };
        waiting.signs.notify_one();
        if !reply.result.is_null() {
            waiting.result = reply.result;
        }
        if (reply.ending || reply.failure.is_some())
            && let Some(waiting) = calls.remove(&reply.message_id)
        {
            let _ = waiting.answer.send(reply.failure.map_or(Ok(waiting.result), Err));
        }
    }
}

/// Receives replies.
pub(crate) struct Replies {
    pub(crate) queue: String,
    pub(crate) queues: QueueOptions,
    pub(crate) consume: FieldTable,
    pub(crate) calls: Arc<Calls>,
    pub(crate) readiness: watch::Sender<Readiness>,
    pub(crate) stop: CancellationToken,
}

#[async_trait]
impl Role for Replies {
    fn name(&self) -> String {
        "replies".to_owned()
    }

    async fn run(&mut self, line: &Line) -> Ended {
        match self.receive(line).await {
            Ok(never) | Err(never) => never,
        }
    }

    fn away(&mut self) {
        self.readiness.send_replace(Readiness::Away);
    }

    fn refused(&mut self, error: &DeclareError) {
        self.readiness.send_replace(Readiness::Refused(error.clone()));
    }
}

impl Replies {
    async fn subscribe(&self, line: &Line) -> Result<Consumer, Ended> {
        let lost = |error: lapin::Error| Ended::Lost(error.to_string());
        let channel = line.connection.create_channel().await.map_err(lost)?;
        channel
            .basic_qos(PREFETCH, BasicQosOptions::default())
            .await
            .map_err(lost)?;
        declare_queue(&channel, &self.queues.transient_queue(&self.queue), true).await?;
        let (queue, tag) = (short(&self.queue)?, short("1")?);
        let options = BasicConsumeOptions::default();
        channel
            .basic_consume(queue, tag, options, self.consume.clone())
            .await
            .map_err(lost)
    }

    async fn receive(&self, line: &Line) -> Result<Ended, Ended> {
        let lost = |error: lapin::Error| Ended::Lost(error.to_string());
        let mut replies = in_time(self.subscribe(line)).await?;
        line.works();
        self.readiness.send_replace(Readiness::Ready);
        loop {
            tokio::select! {
                // The queue is left to expire, as oslo does: an answer may still be on its way.
                () = self.stop.cancelled() => return Ok(Ended::Stopped),
                delivery = replies.next() => {
                    let Some(delivery) = delivery else { return Err(Ended::Lost("the reply queue is gone".to_owned())) };
                    let delivery = delivery.map_err(lost)?;
                    delivery.acker.ack(BasicAckOptions::default()).await.map_err(lost)?;
                    match open(&delivery).and_then(|body| Reply::decode(&body)) {
                        Ok(reply) => self.calls.take(reply),
                        Err(error) => unreadable(&error),
                    }
                }
            }
        }
    }
}

fn unreadable(error: &DecodeError) {
    metrics::counter!(UNREADABLE).increment(1);
    tracing::warn!("reply dropped: {error}");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reply(result: Value, failure: Option<RpcError>, ending: bool) -> Reply {
        Reply {
            result,
            failure,
            ending,
            message_id: "1".to_owned(),
            unique_id: None,
        }
    }

    #[tokio::test]
    async fn a_result_and_its_end_may_come_in_two_messages() {
        let calls = Arc::new(Calls::default());
        let mut place = calls.expect("1").unwrap();
        calls.take(reply(Value::Null, None, false));
        calls.take(reply(json!(7), None, false));
        assert!(place.answer.try_recv().is_err());
        calls.take(reply(Value::Null, None, true));
        assert_eq!(place.answer.try_recv().unwrap(), Ok(json!(7)));
        calls.take(reply(json!(8), None, true));
    }

    #[tokio::test]
    async fn a_reply_that_is_neither_result_nor_end_is_a_sign_of_life() {
        let calls = Arc::new(Calls::default());
        let place = calls.expect("1").unwrap();
        calls.take(reply(Value::Null, None, false));
        tokio::time::timeout(std::time::Duration::from_secs(1), place.signs.notified())
            .await
            .unwrap();
    }

    #[test]
    fn a_failure_ends_the_call_and_a_dropped_call_leaves_nothing() {
        let calls = Arc::new(Calls::default());
        let mut place = calls.expect("1").unwrap();
        calls.take(reply(Value::Null, Some(RpcError::fault("no")), false));
        assert_eq!(place.answer.try_recv().unwrap().unwrap_err().message, "no");
        drop(calls.expect("2").unwrap());
        drop(place);
        assert!(calls.lock().is_empty());
    }
}
