//! Counts casts in and out: a stream of them, each with a number, goes on while something happens to the broker.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use serde_json::json;
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{Bus, BusError, Context, Endpoint, ServerName, Serving, Settings, Target, Topic, Version};
use tokio::task::JoinHandle;

use crate::recorder::Recorder;
use crate::world::{SOON, topic};

/// Enough for the back-off after a broker's restart on a busy machine.
pub(crate) const RECOVERY: Duration = Duration::from_secs(60);
/// Casts on their way at once: fewer than the ids that a server remembers, so that a repeated one is always known.
const AT_ONCE: usize = 8;
/// Between casts: a hundred a second.
const PACE: Duration = Duration::from_millis(10);

/// A server and a client of one broker (or cluster), and the stream between them.
pub(crate) struct Stream {
    pub(crate) topic: Topic,
    pub(crate) client: RabbitBus,
    pub(crate) serving: Serving,
    server: RabbitBus,
    recorder: Arc<Recorder>,
    outcomes: Arc<Mutex<BTreeMap<u64, Result<(), BusError>>>>,
    begun: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    sending: JoinHandle<()>,
}

impl Stream {
    /// Begins to send; each cast may take `within`.
    pub(crate) async fn start(server_url: &str, client_url: &str, within: Duration) -> Self {
        let bus = |url: &str| RabbitBus::start(Settings::for_url(url).unwrap(), "test").unwrap();
        let (server, client, topic, recorder) = (bus(server_url), bus(client_url), topic(), Recorder::new());
        let endpoint = Endpoint::new(topic.clone(), ServerName::new("one").unwrap(), Version::ONE);
        let serving = server.serve(endpoint, recorder.clone()).unwrap();
        serving.ready(SOON * 2).await.unwrap();
        let (stop, begun) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let outcomes = Arc::<Mutex<BTreeMap<u64, Result<(), BusError>>>>::default();
        let sending = tokio::spawn({
            let (stop, outcomes, client, begun) = (stop.clone(), outcomes.clone(), client.clone(), begun.clone());
            let target = Target::topic(topic.clone(), Version::ONE);
            async move {
                let numbers = futures::stream::unfold((), |()| async {
                    tokio::time::sleep(PACE).await;
                    (!stop.load(Ordering::Relaxed)).then(|| (begun.fetch_add(1, Ordering::Relaxed), ()))
                });
                numbers
                    .for_each_concurrent(AT_ONCE, |n| {
                        let (client, target, outcomes) = (&client, &target, &outcomes);
                        async move {
                            let outcome = client
                                .cast(&Context::empty(), target, "echo", json!({"n": n}), within)
                                .await;
                            outcomes.lock().unwrap().insert(n, outcome);
                        }
                    })
                    .await;
            }
        });
        let stream = Self {
            topic,
            client,
            serving,
            server,
            recorder,
            outcomes,
            begun,
            stop,
            sending,
        };
        stream.flows().await;
        stream
    }

    /// Returns when fifty casts that began after this moment were confirmed and handled.
    pub(crate) async fn flows(&self) {
        let from = self.begun.load(Ordering::Relaxed);
        let flows = async {
            loop {
                tokio::time::sleep(PACE * 5).await;
                let handled = times(&self.recorder);
                let outcomes = self.outcomes.lock().unwrap();
                let good = |(n, outcome): (&u64, &Result<(), BusError>)| outcome.is_ok() && handled.contains_key(n);
                if outcomes.range(from..).filter(|entry| good(*entry)).count() >= 50 {
                    return;
                }
            }
        };
        let flowed = tokio::time::timeout(RECOVERY, flows).await.is_ok();
        assert!(
            flowed,
            "casts do not flow again: {:?}",
            self.outcomes.lock().unwrap().iter().last()
        );
    }

    /// How many casts were confirmed so far.
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
            .expect("a cast waits for ever")
            .unwrap();
        // What was confirmed last is handled within a moment, if it is at all.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let handled = times(&self.recorder);
        let outcomes = std::mem::take(&mut *self.outcomes.lock().unwrap());
        self.client.stop(SOON).await;
        self.server.stop(SOON).await;
        Tally::of(&outcomes, &handled, self.begun.load(Ordering::Relaxed))
    }
}

/// How often each number was handled.
fn times(recorder: &Recorder) -> BTreeMap<u64, usize> {
    let mut handled = BTreeMap::new();
    for args in recorder.args() {
        *handled.entry(args["n"].as_u64().unwrap()).or_default() += 1;
    }
    handled
}

/// What came of the casts.
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
    /// Confirmed, and never handled.
    pub(crate) lost: BTreeSet<u64>,
    /// Handled more than once.
    pub(crate) repeated: BTreeSet<u64>,
    /// Handled although the sender was told that it was not sent.
    pub(crate) denied: BTreeSet<u64>,
}

impl Tally {
    fn of(outcomes: &BTreeMap<u64, Result<(), BusError>>, handled: &BTreeMap<u64, usize>, sent: u64) -> Self {
        let count = |which: fn(&Result<(), BusError>) -> bool| outcomes.values().filter(|o| which(o)).count();
        let numbers = |which: &dyn Fn(u64, &Result<(), BusError>) -> bool| {
            let chosen = outcomes.iter().filter(|(n, outcome)| which(**n, outcome));
            chosen.map(|(n, _)| *n).collect::<BTreeSet<u64>>()
        };
        let tally = Self {
            sent,
            confirmed: count(Result::is_ok),
            nobody: count(|outcome| matches!(outcome, Err(BusError::NoListener { .. }))),
            doubtful: count(|outcome| matches!(outcome, Err(BusError::Unconfirmed { .. }))),
            expired: count(|outcome| matches!(outcome, Err(BusError::Expired { .. }))),
            lost: numbers(&|n, outcome| outcome.is_ok() && !handled.contains_key(&n)),
            repeated: handled
                .iter()
                .filter(|(_, times)| **times > 1)
                .map(|(n, _)| *n)
                .collect(),
            denied: numbers(&|n, outcome| {
                let denied = matches!(outcome, Err(BusError::NoListener { .. } | BusError::Expired { .. }));
                denied && handled.contains_key(&n)
            }),
        };
        println!("{tally:?}");
        tally
    }

    /// What holds on every bad day: each cast has its answer, none is handled twice, and a "not sent" is true.
    pub(crate) fn assert_sound(&self) {
        assert_eq!(
            self.sent as usize,
            self.confirmed + self.nobody + self.doubtful + self.expired,
            "{self:?}"
        );
        assert!(self.repeated.is_empty(), "handled twice: {self:?}");
        assert!(self.denied.is_empty(), "handled, though said not to be sent: {self:?}");
    }

    /// Also nothing that was confirmed is lost.
    pub(crate) fn assert_nothing_lost(&self) {
        self.assert_sound();
        assert!(self.lost.is_empty(), "confirmed and lost: {self:?}");
    }

    /// Of what was confirmed only that may be lost which lay in the queue in the moment of its end.
    pub(crate) fn assert_little_lost(&self) {
        self.assert_sound();
        let most = usize::try_from(self.lost.last().map_or(0, |last| last - self.lost.first().unwrap() + 1)).unwrap();
        assert!(most <= 2 * AT_ONCE, "lost beyond one moment: {self:?}");
    }
}
