//! What many monitors send: whole reports, evenly spread over the interval, as `themis-hostmonitor` sends them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use themis_core::NetworkName;
use themis_core::report::{AgentState, GOOD_FOR, NetworkReport, OBSERVATIONS_TOPIC, PeerStatus, RPC_VERSION, Report};
use themis_engine::adapters::clock::{MachineClock, RandomIds};
use themis_engine::ports::{Clock, Ids};
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{Bus, Context, Keep, Sent, Settings, Target, Topic};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

const GOODBYE: Duration = Duration::from_secs(10);

/// The monitors, all in this process.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    posted: Arc<AtomicUsize>,
    running: JoinHandle<usize>,
}

/// The host that a monitor runs on.
pub(crate) fn host(number: usize) -> String {
    format!("compute-{number}")
}

impl Load {
    /// Begins to send.
    pub(crate) fn start(url: &str, monitors: usize, every: Duration) -> anyhow::Result<Self> {
        let bus = RabbitBus::start(Settings::for_url(url)?, "monitors")?;
        let target = Target::topic(Topic::new(OBSERVATIONS_TOPIC)?, RPC_VERSION.parse()?);
        let stop = Arc::new(AtomicBool::new(false));
        let posted = Arc::new(AtomicUsize::new(0));
        let (stopping, posting) = (stop.clone(), posted.clone());
        let running = tokio::spawn(async move {
            let mut reports: Vec<Report> = (0..monitors).map(first).collect();
            let pause = every / u32::try_from(monitors).unwrap();
            let mut turn = interval_at(Instant::now() + pause, pause);
            turn.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let (mut receipts, mut confirmed, mut at) = (Vec::new(), 0, 0);
            while !stopping.load(Ordering::Relaxed) {
                turn.tick().await;
                let report = reports.get_mut(at % monitors).unwrap();
                at += 1;
                report.sequence += 1;
                report.clock_ms = MachineClock.now().0 / 1000;
                let args = json!({ "report": report });
                posting.fetch_add(1, Ordering::Relaxed);
                let keep = Keep::Newest(report.observer.clone());
                receipts.push(
                    bus.fanout(&Context::empty(), &target, "report", args, keep, GOOD_FOR)
                        .unwrap(),
                );
                if receipts.len() == monitors {
                    confirmed += count(std::mem::take(&mut receipts)).await;
                }
            }
            confirmed += count(receipts).await;
            bus.stop(GOODBYE).await;
            confirmed
        });
        Ok(Self { stop, posted, running })
    }

    /// How many reports were made so far.
    pub(crate) fn posted(&self) -> usize {
        self.posted.load(Ordering::Relaxed)
    }

    /// Ends it; how many reports the broker has confirmed.
    pub(crate) async fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.running.await.unwrap()
    }
}

async fn count(receipts: Vec<themis_messaging::Receipt>) -> usize {
    let mut confirmed = 0;
    for receipt in receipts {
        confirmed += usize::from(receipt.outcome().await.unwrap() == Sent::Confirmed);
    }
    confirmed
}

/// A healthy host's report, with two peers that are not alive (and not registered), so that it has a real one's size.
fn first(number: usize) -> Report {
    let network = NetworkReport {
        agent: AgentState::Running,
        carrier: Some(true),
        health_score: Some(0),
        known: 999,
        alive: 997,
        proof_of_life_age_ms: Some(312),
        not_alive: BTreeMap::from([
            ("spare-17".to_owned(), PeerStatus::Failed),
            ("spare-18".to_owned(), PeerStatus::Left),
        ]),
    };
    let networks = ["management", "storage", "tenant"].map(|name| (NetworkName::new(name), network.clone()));
    Report {
        observer: host(number),
        witness: false,
        boot_id: RandomIds.fresh().to_string(),
        system_uuid: Some(RandomIds.fresh()),
        monitor_start: RandomIds.fresh(),
        sequence: 0,
        clock_ms: 0,
        generation: "9f86d081884c7d65".to_owned(),
        shutting_down: false,
        nonce: None,
        networks: networks.into(),
    }
}
