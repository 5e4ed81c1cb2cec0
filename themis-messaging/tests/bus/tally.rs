//! Counts messages in and out: a stream of one kind, each with a number, goes on while something happens to the broker.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use serde_json::{Value, json};
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{
    Bus, BusError, Context, Endpoint, Form, Handler, Heard, Keep, Listener, Notification, Priority, RpcError,
    ServerName, Serving, Settings, Subscription, Target, Topic, Version,
};
use tokio::task::JoinHandle;

use crate::world::{SOON, topic};

/// Enough for the back-off after a broker's restart on a busy machine.
pub(crate) const RECOVERY: Duration = Duration::from_secs(60);
/// Messages on their way at once: fewer than the ids that a server remembers, so that a repeated one is always known.
const AT_ONCE: usize = 8;
/// Between messages: a hundred a second.
const PACE: Duration = Duration::from_millis(10);

/// What a stream is made of, and who takes it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Casts to one server.
    Casts,
    /// Fanouts to two servers.
    Fanouts,
    /// Notifications to two pools, one of which has two listeners.
    Notifications,
}

/// Sends one message, and tells what came of it.
async fn send(kind: Kind, bus: &RabbitBus, topic: &Topic, n: u64, within: Duration) -> Result<(), BusError> {
    let (context, args) = (Context::empty(), json!({"n": n}));
    let target = Target::topic(topic.clone(), Version::ONE);
    let receipt = match kind {
        Kind::Casts => return bus.cast(&context, &target, "count", args, within).await,
        Kind::Fanouts => bus.fanout(&context, &target, "count", args, Keep::All, within)?,
        Kind::Notifications => {
            let notification = Notification {
                message_id: n.to_string(),
                publisher_id: "tally".to_owned(),
                event_type: "count".to_owned(),
                priority: Priority::Info,
                payload: args,
                timestamp: "2026-11-20 08:00:00".to_owned(),
                unique_id: Some(format!("{topic}-{n}")),
                context,
            };
            bus.notify(topic, &notification, Form::Envelope, within)?
        }
    };
    receipt.outcome().await.map(|_| ())
}

/// How often each number was handled by one server, or heard in one pool.
#[derive(Debug, Default)]
struct Taken(Mutex<BTreeMap<u64, usize>>);

impl Taken {
    fn note(&self, args: &Value) {
        *self.0.lock().unwrap().entry(args["n"].as_u64().unwrap()).or_default() += 1;
    }
}

#[async_trait]
impl Handler for Taken {
    async fn handle(&self, _: Context, _: &str, args: Value) -> Result<Value, RpcError> {
        self.note(&args);
        Ok(Value::Null)
    }
}

#[async_trait]
impl Listener for Taken {
    async fn hear(&self, notification: Notification) -> Heard {
        self.note(&notification.payload);
        Heard::Handled
    }
}

/// Those who take a stream: each of the counts must become whole.
fn takers(kind: Kind, bus: &RabbitBus, topic: &Topic) -> (Vec<Serving>, Vec<Arc<Taken>>) {
    let serve = |name: &str, taken: &Arc<Taken>| {
        let endpoint = Endpoint::new(topic.clone(), ServerName::new(name).unwrap(), Version::ONE);
        bus.serve(endpoint, taken.clone()).unwrap()
    };
    let hear = |pool: &str, taken: &Arc<Taken>| {
        let subscription = Subscription {
            topics: vec![topic.clone()],
            priorities: vec![Priority::Info],
            pool: Some(Topic::new(format!("{topic}-{pool}")).unwrap()),
            exchange: None,
        };
        bus.listen(subscription, taken.clone()).unwrap()
    };
    let [one, two] = [Arc::<Taken>::default(), Arc::default()];
    match kind {
        Kind::Casts => (vec![serve("one", &one)], vec![one]),
        Kind::Fanouts => (vec![serve("one", &one), serve("two", &two)], vec![one, two]),
        Kind::Notifications => (
            vec![hear("one", &one), hear("one", &one), hear("two", &two)],
            vec![one, two],
        ),
    }
}

type Outcomes = BTreeMap<u64, Result<(), BusError>>;

/// Takers and a sender at one broker (or cluster), and the stream between them.
pub(crate) struct Stream {
    pub(crate) topic: Topic,
    pub(crate) serving: Vec<Serving>,
    client: RabbitBus,
    server: RabbitBus,
    taken: Vec<Arc<Taken>>,
    outcomes: Arc<Mutex<Outcomes>>,
    begun: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    sending: JoinHandle<()>,
}

impl Stream {
    /// Begins to send; each message may take `within`.
    pub(crate) async fn start(kind: Kind, url: &str, within: Duration) -> Self {
        let bus = || RabbitBus::start(Settings::for_url(url).unwrap(), "test").unwrap();
        let (server, client, topic) = (bus(), bus(), topic());
        let (serving, taken) = takers(kind, &server, &topic);
        for served in &serving {
            served.ready(SOON * 2).await.unwrap();
        }
        let (stop, begun) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let outcomes = Arc::<Mutex<Outcomes>>::default();
        let sending = tokio::spawn({
            let (stop, outcomes, client, begun) = (stop.clone(), outcomes.clone(), client.clone(), begun.clone());
            let topic = topic.clone();
            async move {
                let numbers = futures::stream::unfold((), |()| async {
                    tokio::time::sleep(PACE).await;
                    (!stop.load(Ordering::Relaxed)).then(|| (begun.fetch_add(1, Ordering::Relaxed), ()))
                });
                numbers
                    .for_each_concurrent(AT_ONCE, |n| {
                        let (client, topic, outcomes) = (&client, &topic, &outcomes);
                        async move {
                            let outcome = send(kind, client, topic, n, within).await;
                            outcomes.lock().unwrap().insert(n, outcome);
                        }
                    })
                    .await;
            }
        });
        let stream = Self {
            topic,
            serving,
            client,
            server,
            taken,
            outcomes,
            begun,
            stop,
            sending,
        };
        stream.flows().await;
        stream
    }

    /// Returns when fifty messages that began after this moment were confirmed, and taken wherever they should be.
    pub(crate) async fn flows(&self) {
        let from = self.begun.load(Ordering::Relaxed);
        let flows = async {
            loop {
                tokio::time::sleep(PACE * 5).await;
                let everywhere = |n: &u64| self.taken.iter().all(|taken| taken.0.lock().unwrap().contains_key(n));
                let outcomes = self.outcomes.lock().unwrap();
                let good = |(n, outcome): (&u64, &Result<(), BusError>)| outcome.is_ok() && everywhere(n);
                if outcomes.range(from..).filter(|entry| good(*entry)).count() >= 50 {
                    return;
                }
            }
        };
        let flowed = tokio::time::timeout(RECOVERY, flows).await.is_ok();
        assert!(
            flowed,
            "messages do not flow again: {:?}",
            self.outcomes.lock().unwrap().iter().last()
        );
    }

    /// How many were confirmed so far.
    pub(crate) fn confirmed(&self) -> usize {
        self.outcomes
            .lock()
            .unwrap()
            .values()
            .filter(|outcome| outcome.is_ok())
            .count()
    }

    /// Ends the stream and counts.
    pub(crate) async fn count(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let Self { sending, .. } = self;
        tokio::time::timeout(RECOVERY * 2, sending)
            .await
            .expect("a message waits for ever")
            .unwrap();
        // What was confirmed last is handled within a moment, if it is at all.
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.client.stop(SOON).await;
        self.server.stop(SOON).await;
        let outcomes = std::mem::take(&mut *self.outcomes.lock().unwrap());
        let taken: Vec<BTreeMap<u64, usize>> = self.taken.iter().map(|taken| taken.0.lock().unwrap().clone()).collect();
        Tally::of(&outcomes, &taken, self.begun.load(Ordering::Relaxed))
    }
}

/// What came of the messages.
#[derive(Debug)]
pub(crate) struct Tally {
    /// All that were sent.
    pub(crate) sent: u64,
    pub(crate) confirmed: usize,
    /// Told at once that nobody listens.
    pub(crate) nobody: usize,
    /// Told that it may have arrived or not.
    pub(crate) doubtful: usize,
    /// Their time was over before they were written.
    pub(crate) expired: usize,
    /// Confirmed, and not handled by somebody who should have.
    pub(crate) lost: BTreeSet<u64>,
    /// Handled more than once by the same.
    pub(crate) repeated: BTreeSet<u64>,
    /// Handled although the sender was told that it was not sent.
    pub(crate) denied: BTreeSet<u64>,
}

impl Tally {
    fn of(outcomes: &Outcomes, taken: &[BTreeMap<u64, usize>], sent: u64) -> Self {
        let count = |which: fn(&Result<(), BusError>) -> bool| outcomes.values().filter(|o| which(o)).count();
        let numbers = |which: &dyn Fn(u64, &Result<(), BusError>) -> bool| {
            let chosen = outcomes.iter().filter(|(n, outcome)| which(**n, outcome));
            chosen.map(|(n, _)| *n).collect::<BTreeSet<u64>>()
        };
        let tally = Self {
            sent,
            confirmed: count(Result::is_ok),
            nobody: count(|outcome| matches!(outcome, Err(BusError::NoListener { .. }))),
            doubtful: count(|outcome| {
                matches!(
                    outcome,
                    Err(BusError::Unconfirmed { .. } | BusError::ListenerGone { .. })
                )
            }),
            expired: count(|outcome| matches!(outcome, Err(BusError::Expired { .. }))),
            lost: numbers(&|n, outcome| outcome.is_ok() && taken.iter().any(|handled| !handled.contains_key(&n))),
            repeated: taken
                .iter()
                .flatten()
                .filter(|(_, times)| **times > 1)
                .map(|(n, _)| *n)
                .collect(),
            denied: numbers(&|n, outcome| {
                let denied = matches!(outcome, Err(BusError::NoListener { .. } | BusError::Expired { .. }));
                denied && taken.iter().any(|handled| handled.contains_key(&n))
            }),
        };
        println!("{tally:?}");
        tally
    }

    /// What holds on every bad day: each message has its answer, and a "not sent" is true.
    fn assert_answered(&self) {
        assert_eq!(
            self.sent as usize,
            self.confirmed + self.nobody + self.doubtful + self.expired,
            "{self:?}"
        );
        assert!(self.denied.is_empty(), "handled, though said not to be sent: {self:?}");
    }

    /// At most once: none is handled twice.
    pub(crate) fn assert_sound(&self) {
        self.assert_answered();
        assert!(self.repeated.is_empty(), "handled twice: {self:?}");
    }

    /// At least once: nothing that was confirmed is lost; some may come again.
    pub(crate) fn assert_at_least_once(&self) {
        self.assert_answered();
        assert!(self.lost.is_empty(), "confirmed and lost: {self:?}");
    }

    /// Exactly once, as long as the receiver lives.
    pub(crate) fn assert_nothing_lost(&self) {
        self.assert_sound();
        self.assert_at_least_once();
    }

    /// Of what was confirmed only that may be lost which lay in the queue in the moment of its end.
    pub(crate) fn assert_little_lost(&self) {
        self.assert_sound();
        let most = usize::try_from(self.lost.last().map_or(0, |last| last - self.lost.first().unwrap() + 1)).unwrap();
        assert!(most <= 2 * AT_ONCE, "lost beyond one moment: {self:?}");
    }
}
