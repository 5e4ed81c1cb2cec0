//! The bus inside one process, for tests and the simulator: no broker, no encoding, only tokio's clock.
//!
//! It keeps the same promises as [`crate::rabbit`] (one conformance suite runs against both) and has one bad day to
//! offer: [`LocalBus::set_away`] acts like a broker that cannot be reached.

mod queues;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use serde_json::Value;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bus::{Bus, Endpoint, Handler, Heard, Keep, Listener, Receipt, Sent, Subscription};
use crate::dispatch::Dispatcher;
use crate::envelope::{Form, Notification, Request};
use crate::patience::{Awaited, sign_interval, with_signs};
use crate::serving::{Readiness, Serving};
use crate::waiting::Waiting;
use crate::{BusError, CallError, Context, Patience, RpcError, Target, Topic, server};

use queues::Queues;

/// What waits for one server at most.
const INBOX: usize = 1024;
/// Before a notification that was put back is heard again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// A bus whose servers and callers live in this process. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct LocalBus {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Whether the broker is away. Changed only while the state is locked.
    away: watch::Sender<bool>,
    /// Grows with every notification. Changed only while the state is locked.
    notified: watch::Sender<u64>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[derive(Debug, Default)]
struct State {
    servers: Vec<Server>,
    queues: Queues,
    /// Turns with every message to a topic, so that its servers take turns.
    turn: usize,
    waiting: Waiting<Outgoing>,
}

#[derive(Debug)]
struct Server {
    endpoint: Endpoint,
    inbox: mpsc::Sender<Work>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Work {
    request: Request,
    caller: Option<Caller>,
}

#[derive(Debug)]
struct Caller {
    answer: oneshot::Sender<Result<Value, RpcError>>,
    signs: Arc<Notify>,
    /// How often it wants a sign.
    every: Option<Duration>,
}

/// What may wait for the broker to come back.
#[derive(Debug)]
struct Outgoing {
    what: What,
    done: oneshot::Sender<Result<Sent, BusError>>,
}

#[derive(Debug)]
enum What {
    Fanout(Target, Request),
    Notification(Topic, Notification),
}

impl LocalBus {
    /// A bus without servers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Acts like a broker that cannot be reached (`true`), or again can: then waiting fanouts go out.
    pub fn set_away(&self, away: bool) {
        let mut state = self.state();
        self.shared.away.send_replace(away);
        let now = Instant::now();
        for held in state.waiting.expired(now) {
            let waited = held.waited(now);
            let _ = held.item.done.send(Err(BusError::Expired { waited }));
        }
        while let Some(held) = (!away).then(|| state.waiting.take()).flatten() {
            state.waiting.done(&held);
            let Outgoing { what, done } = held.item;
            let _ = done.send(self.out(&mut state, &what));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a message of the kind that may wait.
    fn post(&self, what: What, slot: Option<String>, expires: Duration) -> Result<Receipt, BusError> {
        let now = Instant::now();
        let (done, receipt) = Receipt::new(now + expires, Arc::default());
        let mut state = self.state();
        if self.shared.stop.is_cancelled() {
            return Err(BusError::Stopping);
        }
        if !*self.shared.away.borrow() {
            let sent = self.out(&mut state, &what)?;
            let _ = done.send(Ok(sent));
            return Ok(receipt);
        }
        for held in state.waiting.expired(now) {
            let waited = held.waited(now);
            let _ = held.item.done.send(Err(BusError::Expired { waited }));
        }
        let full = |_| BusError::Full {
            waiting: crate::waiting::MOST,
        };
        let replaced = state
            .waiting
            .push(Outgoing { what, done }, slot, 1, now, now + expires)
            .map_err(full)?;
        if let Some(replaced) = replaced {
            let _ = replaced.done.send(Ok(Sent::Superseded));
        }
        Ok(receipt)
    }

    fn out(&self, state: &mut State, what: &What) -> Result<Sent, BusError> {
        match what {
            What::Fanout(target, request) => state.deliver(target, request),
            What::Notification(topic, notification) => {
                state.queues.publish(topic, notification)?;
                self.shared.notified.send_modify(|count| *count += 1);
            }
        }
        Ok(Sent::Confirmed)
    }

    /// Waits while the broker is away, and gives the message to a server.
    async fn send(&self, target: &Target, work: Work, within: Duration) -> Result<(), BusError> {
        let mut away = self.shared.away.subscribe();
        if timeout(within, away.wait_for(|away| !away)).await.is_err() {
            return Err(BusError::Expired { waited: within });
        }
        let mut state = self.state();
        if self.shared.stop.is_cancelled() {
            return Err(BusError::Stopping);
        }
        state.turn = state.turn.wrapping_add(1);
        let turn = state.turn;
        let listening: Vec<&Server> = state.listening(target).collect();
        let topic = target.topic.to_string();
        let Some(server) = turn.checked_rem(listening.len()).and_then(|index| listening.get(index)) else {
            return Err(BusError::NoListener { topic });
        };
        server.inbox.try_send(work).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => BusError::Full {
                waiting: server.inbox.max_capacity(),
            },
            mpsc::error::TrySendError::Closed(_) => BusError::NoListener { topic },
        })
    }
}

impl State {
    fn listening<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = &'a Server> {
        self.servers.iter().filter(|server| {
            !server.stop.is_cancelled()
                && server.endpoint.topic == target.topic
                && target
                    .server
                    .as_ref()
                    .is_none_or(|name| *name == server.endpoint.server)
        })
    }

    fn deliver(&self, target: &Target, request: &Request) {
        for server in self.listening(target) {
            // A server with a full inbox misses it, as one whose queue has expired would.
            let _ = server.inbox.try_send(Work {
                request: request.clone(),
                caller: None,
            });
        }
    }
}

#[async_trait]
impl Bus for LocalBus {
    async fn cast(
        &self,
        context: &Context,
        target: &Target,
        method: &str,
        args: Value,
        within: Duration,
    ) -> Result<(), BusError> {
        let request = Request::new(context, target, method, args)?;
        self.send(target, Work { request, caller: None }, within).await
    }

    async fn call_patiently(
        &self,
        context: &Context,
        target: &Target,
        method: &str,
        args: Value,
        patience: Patience,
    ) -> Result<Value, CallError> {
        let end = Instant::now() + patience.whole();
        let (tell, mut answer) = oneshot::channel();
        let signs = Arc::new(Notify::new());
        let caller = Caller {
            answer: tell,
            signs: signs.clone(),
            every: sign_interval(patience.silence().map(|silence| silence.as_secs_f64())),
        };
        let work = Work {
            request: Request::new(context, target, method, args)?,
            caller: Some(caller),
        };
        self.send(target, work, patience.whole()).await?;
        let awaited = Awaited {
            method,
            answer: &mut answer,
            signs: &signs,
        };
        awaited.wait(end, patience).await
    }

    fn fanout(
        &self,
        context: &Context,
        target: &Target,
        method: &str,
        args: Value,
        keep: Keep,
        expires: Duration,
    ) -> Result<Receipt, BusError> {
        let request = Request::new(context, target, method, args)?;
        let slot = keep.slot(target, method);
        self.post(What::Fanout(target.clone(), request), slot, expires)
    }

    fn serve(&self, endpoint: Endpoint, handler: Arc<dyn Handler>) -> Result<Serving, BusError> {
        let mut state = self.state();
        state.servers.retain(|server| !server.stop.is_cancelled());
        if self.shared.stop.is_cancelled() {
            return Err(BusError::Stopping);
        }
        let same = |known: &Endpoint| known.topic == endpoint.topic && known.server == endpoint.server;
        if state.servers.iter().any(|server| same(&server.endpoint)) {
            return Err(BusError::AlreadyServed { topic: endpoint.topic });
        }
        let (inbox, works) = mpsc::channel(INBOX);
        let (said, readiness) = watch::channel(Readiness::Ready);
        let stop = self.shared.stop.child_token();
        state.servers.push(Server {
            endpoint: endpoint.clone(),
            inbox,
            stop: stop.clone(),
        });
        let dispatcher = Dispatcher::new(endpoint.clone(), handler, true);
        let shared = Arc::downgrade(&self.shared);
        let stopped = stop.clone();
        self.shared.tasks.spawn(async move {
            let serving = server::run(works, |work: Work| {
                let dispatcher = dispatcher.clone();
                async move {
                    let running = dispatcher.run(work.request);
                    let Some(caller) = work.caller else {
                        let _ = running.await;
                        return;
                    };
                    let answer = with_signs(running, caller.every, |_| caller.signs.notify_one()).await;
                    let _ = caller.answer.send(answer);
                }
            });
            let close = async {
                stopped.cancelled().await;
                if let Some(shared) = shared.upgrade() {
                    // Dropping the sender ends the loop once it is drained.
                    let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
                    state.servers.retain(|server| !server.stop.is_cancelled());
                }
            };
            tokio::join!(serving, close);
            said.send_replace(Readiness::Stopped);
        });
        Ok(Serving::new(readiness, stop))
    }

    fn notify(
        &self,
        topic: &Topic,
        notification: &Notification,
        _: Form,
        expires: Duration,
    ) -> Result<Receipt, BusError> {
        let what = What::Notification(topic.clone(), notification.clone());
        self.post(what, None, expires)
    }

    fn listen(&self, subscription: Subscription, listener: Arc<dyn Listener>) -> Result<Serving, BusError> {
        let mut state = self.state();
        if self.shared.stop.is_cancelled() {
            return Err(BusError::Stopping);
        }
        let names = state.queues.subscribe(&subscription);
        let (said, readiness) = watch::channel(Readiness::Ready);
        let stop = self.shared.stop.child_token();
        let (stopped, weak) = (stop.clone(), Arc::downgrade(&self.shared));
        let mut notified = self.shared.notified.subscribe();
        self.shared.tasks.spawn(async move {
            // The bus must be able to end while a listener sleeps, so it is held for moments only.
            let bus = || weak.upgrade().map(|shared| Self { shared });
            while !stopped.is_cancelled() {
                let Some(taken) = bus().map(|bus| bus.state().queues.take(&names)) else {
                    break;
                };
                let Some((queue, notification)) = taken else {
                    if !matches!(stopped.run_until_cancelled(notified.changed()).await, Some(Ok(()))) {
                        break;
                    }
                    continue;
                };
                // A listener that panics has not heard.
                let heard = AssertUnwindSafe(listener.hear(notification.clone()))
                    .catch_unwind()
                    .await;
                if !matches!(heard, Ok(Heard::Handled)) {
                    let _ = stopped.run_until_cancelled(tokio::time::sleep(AGAIN_AFTER)).await;
                    if let Some(bus) = bus() {
                        bus.state().queues.put_back(&queue, notification);
                        bus.shared.notified.send_modify(|count| *count += 1);
                    }
                }
            }
            if let Some(bus) = bus() {
                bus.state().queues.leave(&names);
            }
            said.send_replace(Readiness::Stopped);
        });
        Ok(Serving::new(readiness, stop))
    }

    async fn stop(&self, within: Duration) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        let _ = timeout(within, self.shared.tasks.wait()).await;
    }
}
