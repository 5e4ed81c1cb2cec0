//! The bus on RabbitMQ, over lapin with its own recovery switched off.
//!
//! One connection per role, as oslo has it: one for each served topic, one for sending, one for replies (made with the
//! first call). Each is kept by a `supervisor`; everything to be sent goes through the `outbox`. Read next:
//! `supervisor`, `sender`, `listener`, `replies`, `responder`.

mod backoff;
mod connector;
mod depth;
mod events;
mod hearing;
mod identity;
mod journal;
mod listener;
mod outbox;
mod replies;
mod responder;
mod sender;
mod supervisor;
mod tls;
mod topology;
mod vanished;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::bus::{Bus, Endpoint, Handler, Keep, Listener, Receipt, Subscription};
use crate::dispatch::Dispatcher;
use crate::duplicates::Duplicates;
use crate::envelope::request::Call;
use crate::envelope::{Form, Notification, Request, new_id};
use crate::patience::timeout;
use crate::serving::{Readiness, Serving};
use crate::settings::{Settings, SettingsError};
use crate::{BusError, CallError, Context, Patience, Target, Topic, server};

use backoff::Backoff;
use connector::Connector;
pub use events::{Events, EventsError};
use hearing::Hearing;
use identity::Identity;
use journal::Journal;
use outbox::{Outbox, Posting, Route};
use replies::{Calls, Replies};
use responder::Responder;
use sender::Sender;
use supervisor::{Way, supervise};
use topology::consume_arguments;
use vanished::Vanished;

/// A bus on RabbitMQ. Clones share it; dropping the last one ends it without waiting.
#[derive(Debug, Clone)]
pub struct RabbitBus(Arc<Inner>);

struct Inner {
    settings: Settings,
    program: String,
    way: Way,
    outbox: Arc<Outbox>,
    calls: Arc<Calls>,
    replies: OnceLock<(Identity, watch::Receiver<Readiness>)>,
    vanished: Arc<Vanished>,
    served: Arc<Mutex<HashSet<String>>>,
    listeners: TaskTracker,
    others: TaskTracker,
    /// Ends the servers.
    stop_serving: CancellationToken,
    /// Ends everything else, after the servers.
    stop_sending: CancellationToken,
    _guards: [DropGuard; 2],
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RabbitBus")
            .field("hosts", &self.settings.hosts)
            .finish_non_exhaustive()
    }
}

impl RabbitBus {
    /// A bus that connects by itself and keeps trying; it returns at once. `program` names us in the broker's list of
    /// connections. Must be called inside tokio's runtime.
    ///
    /// # Errors
    /// Certificates or keys that cannot be used. A broker that is away is no error.
    pub fn start(settings: Settings, program: &str) -> Result<Self, SettingsError> {
        let way = Way {
            connector: Connector::new(&settings, program)?,
            hosts: settings.hosts.clone(),
            shuffled: settings.rabbit.kombu_failover_strategy == "shuffle",
            backoff: Backoff::new(&settings.rabbit),
            journal: Arc::new(Journal::of(settings.bus)),
        };
        let (stop_serving, stop_sending) = (CancellationToken::new(), CancellationToken::new());
        let inner = Inner {
            program: program.to_owned(),
            way,
            outbox: Arc::new(Outbox::of(settings.bus)),
            calls: Arc::default(),
            replies: OnceLock::new(),
            vanished: Arc::default(),
            served: Arc::default(),
            listeners: TaskTracker::new(),
            others: TaskTracker::new(),
            _guards: [stop_serving.clone().drop_guard(), stop_sending.clone().drop_guard()],
            stop_serving,
            stop_sending,
            settings,
        };
        let (outbox, stop) = (inner.outbox.clone(), inner.stop_sending.clone());
        inner.others.spawn(async move { outbox.keep_time(stop).await });
        let sender = Sender::new(inner.outbox.clone(), inner.stop_sending.clone());
        inner
            .others
            .spawn(supervise(inner.way.clone(), sender, inner.stop_sending.clone()));
        Ok(Self(Arc::new(inner)))
    }

    /// What has no working connection now: `sending`, `replies`, `listening:TOPIC`. Empty: all that was asked of this bus so
    /// far can be done.
    #[must_use]
    pub fn away(&self) -> Vec<String> {
        self.0.way.journal.away()
    }
}

impl Inner {
    fn topic_route(&self) -> Route {
        Route::Topic(self.settings.queues.control_exchange(&self.settings.exchange))
    }

    /// Name of a server's queue of fanouts. With `use_queue_manager` it is the same at the next start; oslo counts in a
    /// file of the host where we use the server's name.
    fn fanout_queue(&self, endpoint: &Endpoint) -> String {
        let topic = &endpoint.topic;
        match self.stable_part() {
            Some(stable) => format!("{topic}_fanout_{stable}:{}", endpoint.server),
            None => format!("{topic}_fanout_{}", new_id()),
        }
    }

    /// What names that stay have in common, when the operator wants such names: `HOST:PROCESS`.
    fn stable_part(&self) -> Option<String> {
        let rabbit = &self.settings.rabbit;
        if !rabbit.use_queue_manager {
            return None;
        }
        let host = match rabbit.hostname.as_str() {
            "" => rustix::system::uname().nodename().to_string_lossy().into_owned(),
            name => name.to_owned(),
        };
        let process = if rabbit.processname.is_empty() {
            &self.program
        } else {
            &rabbit.processname
        };
        Some(format!("{host}:{process}"))
    }

    fn post_to(&self, target: &Target, request: &Request, within: Duration) -> Result<Receipt, BusError> {
        let key = match &target.server {
            None => target.topic.to_string(),
            Some(server) => format!("{}.{server}", target.topic),
        };
        self.outbox.post(Posting {
            route: self.topic_route(),
            key,
            body: encode(request)?,
            mandatory: true,
            expires: request.call.is_some(),
            slot: None,
            good_for: within,
        })
    }

    /// The reply queue's name and its state; the role is started by the first call.
    fn replies(&self) -> (&str, &watch::Receiver<Readiness>) {
        let (identity, seen) = self.replies.get_or_init(|| {
            let identity = Identity::draw(self.stable_part().as_deref());
            let (readiness, seen) = watch::channel(Readiness::Away);
            let role = Replies {
                queue: identity.reply_queue().to_owned(),
                queues: self.settings.queues,
                consume: consume_arguments(&self.settings.rabbit),
                calls: self.calls.clone(),
                readiness,
                stop: self.stop_sending.clone(),
            };
            self.others
                .spawn(supervise(self.way.clone(), role, self.stop_sending.clone()));
            (identity, seen)
        });
        (identity.reply_queue(), seen)
    }
}

/// Waits until the reply queue is consumed: an answer must find its way.
async fn can_hear_answers(
    mut readiness: watch::Receiver<Readiness>,
    end: Instant,
    within: Duration,
) -> Result<(), BusError> {
    match timeout_at(end, readiness.wait_for(|now| !matches!(now, Readiness::Away))).await {
        Err(_) => Err(BusError::Expired { waited: within }),
        Ok(Err(_)) => Err(BusError::Stopping),
        Ok(Ok(now)) => match &*now {
            Readiness::Refused(error) => Err(BusError::Declaration(error.clone())),
            _ => Ok(()),
        },
    }
}

fn encode(request: &Request) -> Result<Vec<u8>, BusError> {
    request.encode().map_err(|error| BusError::Refused {
        text: error.to_string(),
    })
}

#[async_trait]
impl Bus for RabbitBus {
    async fn cast(
        &self,
        context: &Context,
        target: &Target,
        method: &str,
        args: Value,
        within: Duration,
    ) -> Result<(), BusError> {
        let request = Request::new(context, target, method, args)?;
        self.0.post_to(target, &request, within)?.outcome().await.map(drop)
    }

    async fn call_patiently(
        &self,
        context: &Context,
        target: &Target,
        method: &str,
        args: Value,
        patience: Patience,
    ) -> Result<Value, CallError> {
        let within = patience.whole();
        let end = Instant::now() + within;
        let mut request = Request::new(context, target, method, args)?;
        let (queue, readiness) = self.0.replies();
        can_hear_answers(readiness.clone(), end, within).await?;
        let message_id = new_id();
        let mut place = self.0.calls.expect(&message_id)?;
        request.call = Some(Call {
            message_id,
            reply_queue: Some(queue.to_owned()),
            monitor_s: patience.silence().map(|silence| silence.as_secs_f64()),
        });
        let left = end.saturating_duration_since(Instant::now());
        let receipt = self.0.post_to(target, &request, left)?;
        tokio::select! {
            // The answer may overtake the broker's confirmation.
            biased;
            answer = &mut place.answer => {
                return answer.map_err(|_| timeout(method, patience))?.map_err(CallError::Remote);
            }
            outcome = receipt.outcome() => match outcome {
                // A first attempt that was taken is answered, whatever became of its repetition.
                Ok(_) | Err(BusError::ListenerGone { .. }) => {}
                Err(BusError::Unconfirmed { .. }) => return Err(timeout(method, patience)),
                Err(error) => return Err(error.into()),
            },
        }
        place.awaited(method).wait(end, patience).await
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
        self.0.outbox.post(Posting {
            route: Route::Fanout(self.0.settings.queues.fanout_exchange(target.topic.as_str())),
            key: String::new(),
            body: encode(&request)?,
            mandatory: false,
            expires: true,
            slot: keep.slot(target, method),
            good_for: expires,
        })
    }

    fn serve(&self, endpoint: Endpoint, handler: Arc<dyn Handler>) -> Result<Serving, BusError> {
        let inner = &self.0;
        if inner.stop_serving.is_cancelled() {
            return Err(BusError::Stopping);
        }
        let name = format!("{}.{}", endpoint.topic, endpoint.server);
        if !inner
            .served
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.clone())
        {
            return Err(BusError::AlreadyServed { topic: endpoint.topic });
        }
        let (inbox, requests) = mpsc::channel(server::INBOX);
        let (readiness, seen) = watch::channel(Readiness::Away);
        let readiness = Arc::new(readiness);
        let stop = inner.stop_serving.child_token();
        let listener = listener::Listener {
            exchange: inner.settings.exchange.clone(),
            queues: inner.settings.queues,
            prefetch: inner.settings.rabbit.rabbit_qos_prefetch_count,
            consume: consume_arguments(&inner.settings.rabbit),
            fanout_queue: inner.fanout_queue(&endpoint),
            keep_fanout_queue: inner.settings.rabbit.use_queue_manager,
            inbox,
            readiness: readiness.clone(),
            duplicates: Duplicates::default(),
            stop: stop.clone(),
            endpoint: endpoint.clone(),
        };
        let responder = Responder {
            dispatcher: Dispatcher::new(endpoint, handler, inner.settings.ping),
            outbox: inner.outbox.clone(),
            vanished: inner.vanished.clone(),
            try_for: inner.settings.rabbit.kombu_missing_consumer_retry_timeout,
        };
        let (way, listening, served) = (inner.way.clone(), stop.clone(), inner.served.clone());
        inner.listeners.spawn(async move {
            let running = server::run(requests, |request| responder.clone().handle(request));
            tokio::join!(supervise(way, listener, listening), running);
            served.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
            readiness.send_replace(Readiness::Stopped);
        });
        Ok(Serving::new(seen, stop))
    }

    fn notify(
        &self,
        topic: &Topic,
        notification: &Notification,
        form: Form,
        expires: Duration,
    ) -> Result<Receipt, BusError> {
        let (queues, name) = (&self.0.settings.queues, format!("{topic}.{}", notification.priority));
        let body = notification.encode(form).map_err(|error| BusError::Refused {
            text: error.to_string(),
        })?;
        let exchange = queues.control_exchange(&self.0.settings.exchange);
        self.0.outbox.post(Posting {
            route: Route::Notification(exchange, queues.shared_queue(&name)),
            key: name,
            body,
            mandatory: false,
            expires: false,
            slot: None,
            good_for: expires,
        })
    }

    fn listen(&self, subscription: Subscription, listener: Arc<dyn Listener>) -> Result<Serving, BusError> {
        let inner = &self.0;
        if inner.stop_serving.is_cancelled() {
            return Err(BusError::Stopping);
        }
        let (readiness, seen) = watch::channel(Readiness::Away);
        let stop = inner.stop_serving.child_token();
        let hearing = Hearing {
            subscription,
            exchange: inner.settings.exchange.clone(),
            queues: inner.settings.queues,
            listener,
            prefetch: inner.settings.rabbit.rabbit_qos_prefetch_count,
            consume: consume_arguments(&inner.settings.rabbit),
            duplicates: Duplicates::default(),
            readiness,
            stop: stop.clone(),
        };
        inner
            .listeners
            .spawn(supervise(inner.way.clone(), hearing, stop.clone()));
        Ok(Serving::new(seen, stop))
    }

    async fn stop(&self, within: Duration) {
        let end = Instant::now() + within;
        let inner = &self.0;
        inner.stop_serving.cancel();
        inner.listeners.close();
        let _ = timeout_at(end, inner.listeners.wait()).await;
        inner.outbox.close();
        let _ = timeout_at(end, inner.outbox.emptied()).await;
        inner.stop_sending.cancel();
        inner.others.close();
        let _ = timeout_at(end, inner.others.wait()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bus(options: &str) -> RabbitBus {
        // Nobody listens there: the name does not depend on a broker.
        let url = format!("rabbit://u:p@127.0.0.1:9/{options}");
        RabbitBus::start(Settings::for_url(&url).unwrap(), "test").unwrap()
    }

    #[tokio::test]
    async fn with_the_queue_manager_replies_come_to_the_same_queue_at_the_next_start() {
        let process = format!("p{}", new_id());
        let options = format!("?use_queue_manager=true&hostname=h&processname={process}");
        let first = bus(&options);
        let queue = |bus: &RabbitBus| bus.0.replies().0.to_owned();
        assert_eq!(queue(&first), format!("reply_h:{process}:1"));
        assert_eq!(queue(&first), queue(&first.clone()));
        let beside = bus(&options);
        assert_eq!(queue(&beside), format!("reply_h:{process}:2"), "two never share one");
        drop(first);
        assert_eq!(queue(&bus(&options)), format!("reply_h:{process}:1"));
    }

    #[tokio::test]
    async fn without_it_each_start_has_a_queue_of_its_own() {
        let names = [bus(""), bus("")].map(|bus| bus.0.replies().0.to_owned());
        assert!(
            names[0] != names[1] && names.iter().all(|name| name.len() == "reply_".len() + 32),
            "{names:?}"
        );
    }
}
