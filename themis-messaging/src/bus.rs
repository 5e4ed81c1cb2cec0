//! The bus as its users see it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::envelope::notification::{Form, Notification, Priority};
use crate::{BusError, CallError, Context, Patience, RpcError, ServerName, Serving, Target, Topic, Version};

/// Sends and serves messages. All arguments of methods are JSON objects, passed by name.
#[async_trait]
pub trait Bus: Send + Sync + fmt::Debug {
    /// Gives a message to one server (of `target.server`, or whichever is free) and waits until the broker has it.
    /// It is handled at most once, and lost when the server dies before handling it.
    ///
    /// # Errors
    /// [`BusError::NoListener`] when the broker knows no queue for it; see [`BusError::advice`] for the rest.
    async fn cast(
        &self,
        context: &Context,
        target: &Target,
        method: &str,
        args: Value,
        within: Duration,
    ) -> Result<(), BusError>;

    /// Asks one server and waits for its answer. `within` bounds the whole call, a lost broker included.
    ///
    /// # Errors
    /// The method's own failure, no answer in time, or a request that did not get through.
    async fn call(
        &self,
        context: &Context,
        target: &Target,
        method: &str,
        args: Value,
        within: Duration,
    ) -> Result<Value, CallError> {
        let patience = Patience::within(within);
        self.call_patiently(context, target, method, args, patience).await
    }

    /// The same for methods that may take long: the server is asked for signs of life, and the call ends early when none
    /// comes.
    ///
    /// # Errors
    /// As [`Bus::call`], and [`CallError::Silent`].
    async fn call_patiently(
        &self,
        context: &Context,
        target: &Target,
        method: &str,
        args: Value,
        patience: Patience,
    ) -> Result<Value, CallError>;

    /// Gives a message to every server of the topic that is there; nobody there is no error. Returns at once; while the
    /// broker is away the message waits as `keep` says, at most `expires`. What a server has not taken `expires` after
    /// the sending is dropped by the broker, so nobody hears stale news. The receipt may be dropped.
    ///
    /// # Errors
    /// No room, or the bus is stopping.
    fn fanout(
        &self,
        context: &Context,
        target: &Target,
        method: &str,
        args: Value,
        keep: Keep,
        expires: Duration,
    ) -> Result<Receipt, BusError>;

    /// Serves a topic until the returned guard is stopped or dropped. Returns at once, also when the broker is away:
    /// it is tried for ever. Handlers are started in the order of arrival, at most 64 at a time.
    ///
    /// # Errors
    /// The topic is already served by this process under the same name.
    fn serve(&self, endpoint: Endpoint, handler: Arc<dyn Handler>) -> Result<Serving, BusError>;

    /// Publishes a notification for whoever listens, now or later: its queue is declared, so it is kept even when
    /// nobody has listened yet. Returns at once; while the broker is away it waits in order, at most `expires`.
    ///
    /// # Errors
    /// No room, or the bus is stopping.
    fn notify(
        &self,
        topic: &Topic,
        notification: &Notification,
        form: Form,
        expires: Duration,
    ) -> Result<Receipt, BusError>;

    /// Hears notifications until the returned guard is stopped or dropped; one at a time, each at least once.
    ///
    /// # Errors
    /// The bus is stopping.
    fn listen(&self, subscription: Subscription, listener: Arc<dyn Listener>) -> Result<Serving, BusError>;

    /// Stops taking messages, lets handlers and publications end, closes connections; all of it within `within`.
    async fn stop(&self, within: Duration);
}

/// What a server is called and which interface it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The topic.
    pub topic: Topic,
    /// The server's own name on the topic.
    pub server: ServerName,
    /// The interface; requests of the same major and no larger minor are served.
    pub version: Version,
    /// Namespace of the methods; `None` for the plain one.
    pub namespace: Option<String>,
}

impl Endpoint {
    /// An endpoint in the plain namespace.
    #[must_use]
    pub fn new(topic: Topic, server: ServerName, version: Version) -> Self {
        Self {
            topic,
            server,
            version,
            namespace: None,
        }
    }
}

/// The methods of a server.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Runs one method. `args` is always an object. For a cast the answer is dropped (a failure is logged).
    ///
    /// # Errors
    /// Becomes the caller's [`CallError::Remote`]; [`RpcError::no_such_method`] for a name it does not know.
    async fn handle(&self, context: Context, method: &str, args: Value) -> Result<Value, RpcError>;
}

/// Which notifications are heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Of these topics.
    pub topics: Vec<Topic>,
    /// Of these priorities.
    pub priorities: Vec<Priority>,
    /// Listeners of one pool share the notifications, and each pool gets them all; `None`: all that have no pool.
    pub pool: Option<Topic>,
    /// The publisher's control exchange when it is not ours (`nova`).
    pub exchange: Option<String>,
}

/// Hears notifications.
#[async_trait]
pub trait Listener: Send + Sync {
    /// Takes one notification.
    async fn hear(&self, notification: Notification) -> Heard;
}

/// What becomes of a notification that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It is done.
    Handled,
    /// Not now; it is delivered again.
    Requeue,
}

/// Which of the waiting messages are kept while the broker is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// Only the newest of this topic, method and key: for reports, where a newer one makes the older worthless.
    Newest(String),
    /// Each, in order; when there is no room the new one is refused: for events.
    All,
}

impl Keep {
    /// The name of the slot in which only the newest waits.
    pub(crate) fn slot(self, target: &Target, method: &str) -> Option<String> {
        match self {
            Self::Newest(key) => Some(format!("{} {method} {key}", target.topic)),
            Self::All => None,
        }
    }
}

/// How a fanout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The broker has it.
    Confirmed,
    /// A newer one took its place before it could be sent.
    Superseded,
}

/// The later outcome of a fanout.
#[derive(Debug)]
pub struct Receipt {
    done: oneshot::Receiver<Result<Sent, BusError>>,
    attempted: Arc<AtomicBool>,
    since: Instant,
    until: Instant,
}

impl Receipt {
    /// A receipt and where its outcome is told. `attempted`: whether it was ever written to a broker.
    pub(crate) fn new(until: Instant, attempted: Arc<AtomicBool>) -> (oneshot::Sender<Result<Sent, BusError>>, Self) {
        let (tell, done) = oneshot::channel();
        (
            tell,
            Self {
                done,
                attempted,
                since: Instant::now(),
                until,
            },
        )
    }

    /// Waits until the broker has it, a newer one took its place, or its time is over.
    ///
    /// # Errors
    /// It was not sent, or nobody knows; see [`BusError::advice`].
    pub async fn outcome(self) -> Result<Sent, BusError> {
        match timeout_at(self.until, self.done).await {
            Ok(told) => told.unwrap_or(Err(BusError::Stopping)),
            Err(_) => {
                let waited = self.since.elapsed();
                if self.attempted.load(Ordering::Relaxed) {
                    Err(BusError::Unconfirmed { waited })
                } else {
                    Err(BusError::Expired { waited })
                }
            }
        }
    }
}

/// One argument of a method, read into its type.
///
/// # Errors
/// [`RpcError::bad_arguments`] that names the argument and what is wrong with it.
pub fn argument<T: DeserializeOwned>(args: &Value, name: &str) -> Result<T, RpcError> {
    let value = args
        .get(name)
        .ok_or_else(|| RpcError::bad_arguments(format!("missing argument '{name}'")))?;
    T::deserialize(value).map_err(|error| RpcError::bad_arguments(format!("argument '{name}': {error}")))
}
