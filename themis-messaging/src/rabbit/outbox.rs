//! Everything on its way to the broker: taken in at once, bounded, sent by [`super::sender`], ended by the clock if not.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::topology::LONGEST;
use crate::BusError;
use crate::bus::{Receipt, Sent};
use crate::declare::{Exchange, Queue};
use crate::envelope::MAX_BODY;
use crate::measures::{EXPIRED, WAITING};
use crate::waiting::{Held, MOST, Waiting};

/// How often it is shown how much waits.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// Where a message goes.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    /// Straight into a queue: a reply.
    Queue,
    /// Through the control exchange, by routing key.
    Topic(Exchange),
    /// To every queue of a topic.
    Fanout(Exchange),
    /// Through the control exchange into a queue that the publisher declares too: a notification.
    Notification(Exchange, Queue),
}

impl Route {
    /// The exchange's name; empty for the one that leads straight into queues.
    pub(crate) fn exchange(&self) -> &str {
        match self {
            Self::Queue => "",
            Self::Topic(exchange) | Self::Fanout(exchange) | Self::Notification(exchange, _) => &exchange.name,
        }
    }
}

/// A message on its way.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) route: Route,
    pub(crate) key: String,
    pub(crate) body: Arc<[u8]>,
    /// Whether the broker must say so when no queue takes it.
    pub(crate) mandatory: bool,
    /// Whether the broker drops it when its time is over.
    pub(crate) expires: bool,
    attempted: Arc<AtomicBool>,
    /// Attempts that may have arrived.
    attempts: AtomicU32,
    done: oneshot::Sender<Result<Sent, BusError>>,
}

impl Outgoing {
    /// It is about to be written to the broker.
    pub(crate) fn attempt(&self) {
        self.attempted.store(true, Ordering::Relaxed);
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    /// The last attempt surely did not arrive.
    pub(crate) fn unsent(&self) {
        self.attempts.fetch_sub(1, Ordering::Relaxed);
    }

    /// An attempt before the last may have arrived.
    pub(crate) fn repeated(&self) -> bool {
        self.attempts.load(Ordering::Relaxed) > 1
    }

    /// What its sender is told when its time is over: what was once written may have arrived, though it waits again.
    fn over(&self, waited: Duration) -> BusError {
        if self.attempted.load(Ordering::Relaxed) {
            BusError::Unconfirmed { waited }
        } else {
            BusError::Expired { waited }
        }
    }

    fn end(self, outcome: Result<Sent, BusError>) {
        // Nobody waits for most receipts.
        let _ = self.done.send(outcome);
    }
}

/// What a publisher says of its message, beside the message.
#[derive(Debug)]
pub(crate) struct Posting {
    pub(crate) route: Route,
    pub(crate) key: String,
    pub(crate) body: Vec<u8>,
    pub(crate) mandatory: bool,
    pub(crate) expires: bool,
    /// Only the newest of this name waits.
    pub(crate) slot: Option<String>,
    /// How long it is good for.
    pub(crate) good_for: Duration,
}

/// The way out, shared by all publishers of a bus.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Whose, for the metrics.
    bus: &'static str,
    state: Mutex<State>,
    /// Something waits for the sender.
    arrived: Notify,
    /// The earliest expiry may have changed.
    clock: Notify,
    /// Something has left.
    left: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: Waiting<Outgoing>,
    closed: bool,
}

impl Outbox {
    /// An empty one for this bus.
    pub(crate) fn of(bus: &'static str) -> Self {
        Self { bus, ..Self::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a message in.
    pub(crate) fn post(&self, posting: Posting) -> Result<Receipt, BusError> {
        if posting.key.len() > LONGEST || posting.route.exchange().len() > LONGEST {
            return Err(BusError::Refused {
                text: format!("names have at most {LONGEST} bytes"),
            });
        }
        if posting.body.len() > MAX_BODY {
            return Err(BusError::Refused {
                text: format!("messages have at most {MAX_BODY} bytes"),
            });
        }
        let now = Instant::now();
        let until = now + posting.good_for;
        let attempted = Arc::new(AtomicBool::new(false));
        let (done, receipt) = Receipt::new(until, attempted.clone());
        let Posting {
            route,
            key,
            body,
            mandatory,
            expires,
            slot,
            ..
        } = posting;
        let bytes = body.len();
        let outgoing = Outgoing {
            route,
            key,
            body: body.into(),
            mandatory,
            expires,
            attempted,
            attempts: AtomicU32::new(0),
            done,
        };
        let mut state = self.state();
        if state.closed {
            return Err(BusError::Stopping);
        }
        match state.waiting.push(outgoing, slot, bytes, now, until) {
            Ok(superseded) => {
                drop(state);
                if let Some(older) = superseded {
                    older.end(Ok(Sent::Superseded));
                }
            }
            Err(_) => return Err(BusError::Full { waiting: MOST }),
        }
        self.arrived.notify_one();
        self.clock.notify_one();
        Ok(receipt)
    }

    /// The oldest waiting message whose time is not over. It counts as on its way until it is ended or put back.
    pub(crate) fn take(&self) -> Option<Held<Outgoing>> {
        loop {
            let mut state = self.state();
            let held = state.waiting.take()?;
            drop(state);
            let now = Instant::now();
            if !held.left(now).is_zero() {
                return Some(held);
            }
            metrics::counter!(EXPIRED).increment(1);
            let waited = held.waited(now);
            let over = held.item.over(waited);
            self.end(held, Err(over));
        }
    }

    /// Ends a message.
    pub(crate) fn end(&self, held: Held<Outgoing>, outcome: Result<Sent, BusError>) {
        let mut state = self.state();
        state.waiting.done(&held);
        drop(state);
        held.item.end(outcome);
        self.left.notify_one();
    }

    /// Puts an unconfirmed message back for the next connection.
    pub(crate) fn put_back(&self, held: Held<Outgoing>) {
        let mut state = self.state();
        let superseded = state.waiting.put_back(held);
        drop(state);
        if let Some(older) = superseded {
            older.item.end(Ok(Sent::Superseded));
        }
        self.arrived.notify_one();
        self.clock.notify_one();
    }

    /// Returns when something may wait.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Takes nothing more.
    pub(crate) fn close(&self) {
        self.state().closed = true;
    }

    /// Returns when everything has left.
    pub(crate) async fn emptied(&self) {
        loop {
            let left = self.left.notified();
            {
                let state = self.state();
                if state.waiting.len() == 0 {
                    return;
                }
            }
            left.await;
        }
    }

    /// Shows how much is not with the broker yet.
    fn count(&self) {
        let state = self.state();
        let waiting = u32::try_from(state.waiting.len()).unwrap_or(u32::MAX);
        drop(state);
        metrics::gauge!(WAITING, "bus" => self.bus).set(f64::from(waiting));
    }

    /// Ends messages whose time is over, whether there is a broker or not.
    pub(crate) async fn keep_time(&self, stop: CancellationToken) {
        let mut counting = interval(COUNT_EVERY);
        loop {
            let next = self.state().waiting.next_expiry();
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.clock.notified() => {}
                _ = counting.tick() => self.count(),
                () = async { match next { Some(at) => sleep_until(at).await, None => std::future::pending().await } } => {
                    let now = Instant::now();
                    let over = self.state().waiting.expired(now);
                    metrics::counter!(EXPIRED).increment(over.len() as u64);
                    for held in over {
                        let waited = held.waited(now);
                        let over = held.item.over(waited);
                        held.item.end(Err(over));
                    }
                    self.left.notify_one();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    pub(super) fn posting(bytes: usize) -> Posting {
        Posting {
            route: Route::Queue,
            key: "q".to_owned(),
            body: vec![0; bytes],
            mandatory: true,
            expires: false,
            slot: None,
            good_for: Duration::from_secs(1),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_sender_finds_too_late_is_counted_as_expired() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let shown = recorder.handle();
        let outbox = Outbox::default();
        let receipt = outbox.post(posting(1)).unwrap();
        tokio::time::advance(Duration::from_secs(2)).await;
        metrics::with_local_recorder(&recorder, || assert!(outbox.take().is_none()));
        let shown = shown.render();
        assert!(shown.contains("themis_bus_expired_total 1"), "{shown}");
        assert!(matches!(receipt.outcome().await, Err(BusError::Expired { .. })));
    }
}
