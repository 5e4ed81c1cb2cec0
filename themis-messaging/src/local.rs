//! The bus inside one process, for tests and the simulator: no broker, no encoding, only tokio's clock.
//!
//! It keeps the same promises as [`crate::rabbit`] (one conformance suite runs against both) and has one bad day to
//! offer: [`LocalBus::set_away`] acts like a broker that cannot be reached.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bus::{Bus, Endpoint, Handler, Heard, Keep, Listener, Receipt, Sent, Subscription};
use crate::dispatch::Dispatcher;
use crate::envelope::{Form, Notification, Request};
use crate::serving::{Readiness, Serving};
use crate::waiting::Waiting;
use crate::{BusError, CallError, Context, RpcError, Target, Topic, server};

/// What waits for one server or listener at most.
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
    listeners: Vec<Listening>,
    /// Turns with every message to a topic, so that its servers take turns.
    turn: usize,
    waiting: Waiting<Fanout>,
}

#[derive(Debug)]
struct Server {
    endpoint: Endpoint,
    inbox: mpsc::Sender<Work>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Listening {
    subscription: Subscription,
    inbox: mpsc::Sender<Notification>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Work {
    request: Request,
    answer: Option<oneshot::Sender<Result<Value, RpcError>>>,
}

#[derive(Debug)]
struct Fanout {
    target: Target,
    request: Request,
    done: oneshot::Sender<Result<Sent, BusError>>,
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
            state.deliver(&held.item.target, &held.item.request);
            let _ = held.item.done.send(Ok(Sent::Confirmed));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
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
                answer: None,
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
        self.send(target, Work { request, answer: None }, within).await
    }

    async fn call(
        &self,
        context: &Context,
        target: &Target,
        method: &str,
        args: Value,
        within: Duration,
    ) -> Result<Value, CallError> {
        let deadline = Instant::now() + within;
        let (answer, answered) = oneshot::channel();
        let request = Request::new(context, target, method, args)?;
        self.send(
            target,
            Work {
                request,
                answer: Some(answer),
            },
            within,
        )
        .await?;
        match timeout_at(deadline, answered).await {
            Ok(Ok(answer)) => answer.map_err(CallError::Remote),
            Ok(Err(_)) | Err(_) => Err(CallError::Timeout {
                method: method.to_owned(),
                waited: within,
            }),
        }
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
        let now = Instant::now();
        let (done, receipt) = Receipt::new(now + expires, Arc::default());
        let mut state = self.state();
        if self.shared.stop.is_cancelled() {
            return Err(BusError::Stopping);
        }
        if *self.shared.away.borrow() {
            for held in state.waiting.expired(now) {
                let waited = held.waited(now);
                let _ = held.item.done.send(Err(BusError::Expired { waited }));
            }
            let slot = keep.slot(target, method);
            let entry = Fanout {
                target: target.clone(),
                request,
                done,
            };
            let replaced = state
                .waiting
                .push(entry, slot, 1, now, now + expires)
                .map_err(|_| BusError::Full {
                    waiting: crate::waiting::MOST,
                })?;
            if let Some(replaced) = replaced {
                let _ = replaced.done.send(Ok(Sent::Superseded));
            }
        } else {
            state.deliver(target, &request);
            let _ = done.send(Ok(Sent::Confirmed));
        }
        Ok(receipt)
    }

    fn serve(&self, endpoint: Endpoint, handler: Arc<dyn Handler>) -> Result<Serving, BusError> {
        let mut state = self.state();
        state.servers.retain(|server| !server.stop.is_cancelled());
        if self.shared.stop.is_cancelled() {
            return Err(BusError::Stopping);
        }
        if state.servers.iter().any(|server| server.endpoint == endpoint) {
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
                    let answer = dispatcher.run(work.request).await;
                    if let Some(caller) = work.answer {
                        let _ = caller.send(answer);
                    }
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
        let (done, receipt) = Receipt::new(Instant::now() + expires, Arc::default());
        let mut state = self.state();
        if self.shared.stop.is_cancelled() {
            return Err(BusError::Stopping);
        }
        state.listeners.retain(|listening| !listening.stop.is_cancelled());
        let mut pools = HashSet::new();
        for listening in &state.listeners {
            let subscription = &listening.subscription;
            let meant = subscription.topics.contains(topic) && subscription.priorities.contains(&notification.priority);
            // One listener of each pool; those without a pool share their queue as well.
            if meant && pools.insert(&subscription.pool) {
                let inbox = &listening.inbox;
                inbox.try_send(notification.clone()).map_err(|_| BusError::Full {
                    waiting: inbox.max_capacity(),
                })?;
            }
        }
        let _ = done.send(Ok(Sent::Confirmed));
        Ok(receipt)
    }

    fn listen(&self, subscription: Subscription, listener: Arc<dyn Listener>) -> Result<Serving, BusError> {
        let mut state = self.state();
        if self.shared.stop.is_cancelled() {
            return Err(BusError::Stopping);
        }
        let (inbox, mut notifications) = mpsc::channel::<Notification>(INBOX);
        let (said, readiness) = watch::channel(Readiness::Ready);
        let stop = self.shared.stop.child_token();
        state.listeners.push(Listening {
            subscription,
            inbox,
            stop: stop.clone(),
        });
        let stopped = stop.clone();
        self.shared.tasks.spawn(async move {
            while let Some(Some(notification)) = stopped.run_until_cancelled(notifications.recv()).await {
                while listener.hear(notification.clone()).await == Heard::Requeue && !stopped.is_cancelled() {
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
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
