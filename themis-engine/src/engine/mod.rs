//! The loop: events in, one turn, one commit, effects out.
//!
//! A leader that cannot commit, or does not know whether it did, resigns: it forgets what it thought, and whoever leads
//! next reads the database. So memory and database cannot part for longer than one turn, and there is one path for a
//! crash, a lost connection and a lost lease. A standby hears the same reports and runs the same accusation timers, so
//! that it can decide the moment it leads. Files: [`turn`](self) in `turn.rs`, events in `events.rs`, leadership in
//! `leading.rs`, requests and claims in `petitions.rs`, answers to callers in `answers.rs`.

mod answers;
mod events;
mod leading;
mod notified;
mod petitions;
mod throttle;
mod turn;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::Value;
use themis_core::network::Importance;
use themis_core::{HostId, Moment, NetworkName, PowerDeviceId};
use themis_decision::{Change, Policy, WantedEffect, World};
use themis_service::logging::{self, RequestContext};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

use crate::announce::Announce;
use crate::calls::{Callers, Calls};
use crate::effects::{Executor, Subject};
use crate::inbox::{Event, Inbox, Mailbox};
use crate::lease::{Lease, LeaseTimes};
use crate::ports::Ports;
use crate::ports::store::{Snapshot, StoredDevice, Write};
use crate::readiness::LeaseKnown;

use throttle::Throttle;

/// How many waiting events one turn takes.
const EVENTS_PER_TURN: usize = 200;
/// How many turns may follow one another without waiting.
const TURNS_AT_ONCE: usize = 8;
/// How long a stopping engine waits for what it has sent.
const DRAIN: Duration = Duration::from_secs(5);

/// What an engine is told at its start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name among the engines.
    pub name: String,
    /// The installation's name, seen in Nova's disabled reasons.
    pub installation: String,
    /// The thresholds.
    pub policy: Policy,
    /// The times of the lease.
    pub lease: LeaseTimes,
    /// The networks and their importance.
    pub networks: BTreeMap<NetworkName, Importance>,
    /// Hosts that engines run on.
    pub own_hosts: BTreeSet<String>,
    /// How often a turn is taken at least.
    pub tick: Duration,
    /// How often the database is read without a wake-up.
    pub poll: Duration,
    /// How often Nova's services are listed while nothing is in doubt.
    pub nova_poll: Duration,
}

impl Settings {
    /// Product defaults for the given networks.
    #[must_use]
    pub fn new(name: &str, networks: BTreeMap<NetworkName, Importance>) -> Self {
        Self {
            name: name.to_owned(),
            installation: "themis".to_owned(),
            policy: Policy::default(),
            lease: LeaseTimes {
                ttl: Duration::from_secs(10),
                renew: Duration::from_secs(3),
                margin: Duration::from_secs(2),
            },
            networks,
            own_hosts: BTreeSet::new(),
            tick: Duration::from_millis(250),
            poll: Duration::from_secs(2),
            nova_poll: Duration::from_secs(5),
        }
    }
}

/// One engine.
pub struct Engine {
    settings: Settings,
    ports: Ports,
    inbox: Inbox,
    calls: Calls,
    executor: Executor,
    world: World,
    lease: Lease,
    lease_known: LeaseKnown,
    leading: bool,
    snapshot: Snapshot,
    read_at: Option<Moment>,
    lease_at: Option<Moment>,
    nova_at: Option<Moment>,
    /// Nova did not answer last time; said once, not at each poll.
    nova_away: Arc<AtomicBool>,
    wake: bool,
    /// The request that woke it last, until the next turn is over.
    woken_by: Option<Box<RequestContext>>,
    /// The request that woke it for the present turns.
    on_behalf: Option<Box<RequestContext>>,
    started: Option<Moment>,
    throttle: Throttle,
    generations: BTreeMap<HostId, i64>,
    guids: BTreeMap<PowerDeviceId, String>,
    shown: BTreeMap<HostId, (Value, Moment)>,
    pending: Vec<Change>,
    later: Vec<WantedEffect>,
    writes: Vec<Write>,
    announcer: Option<Arc<dyn Announce>>,
}

impl Engine {
    /// An engine that does not lead yet.
    #[must_use]
    pub fn new(settings: Settings, ports: Ports) -> Self {
        let inbox = Inbox::default();
        let lease = Lease::new(settings.lease);
        let mut world = World::for_networks(&[]);
        world.policy = settings.policy.clone();
        world.networks.clone_from(&settings.networks);
        world.own_hosts.clone_from(&settings.own_hosts);
        let executor = Executor {
            ports: ports.clone(),
            permit: lease.permit(),
            mailbox: inbox.mailbox(),
            tasks: TaskTracker::new(),
            decision_age_max: settings.policy.evidence_age_max,
            proof_age_max: settings.policy.proof_age_max,
            mark: format!("themis/{}/", settings.installation),
        };
        Self {
            settings,
            ports,
            inbox,
            calls: Calls::default(),
            executor,
            world,
            lease,
            lease_known: LeaseKnown::default(),
            leading: false,
            snapshot: Snapshot::default(),
            read_at: None,
            lease_at: None,
            nova_at: None,
            nova_away: Arc::default(),
            wake: false,
            woken_by: None,
            on_behalf: None,
            started: None,
            throttle: Throttle::default(),
            generations: BTreeMap::new(),
            guids: BTreeMap::new(),
            shown: BTreeMap::new(),
            pending: Vec::new(),
            later: Vec::new(),
            writes: Vec::new(),
            announcer: None,
        }
    }

    /// The same engine, telling others what it commits.
    #[must_use]
    pub fn with_announcer(mut self, announcer: Arc<dyn Announce>) -> Self {
        self.announcer = Some(announcer);
        self
    }

    /// A handle to the inbox, for whoever brings events.
    #[must_use]
    pub fn mailbox(&self) -> Mailbox {
        self.inbox.mailbox()
    }

    /// A handle for questions, for whoever brings callers.
    #[must_use]
    pub fn callers(&self) -> Callers {
        self.calls.callers()
    }

    /// When this engine last knew who leads, for whoever asks whether it is ready.
    #[must_use]
    pub fn lease_known(&self) -> LeaseKnown {
        self.lease_known.clone()
    }

    /// Runs until `stop`, then gives the lease up.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(self.settings.tick);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                event = self.inbox.next() => {
                    let Some(event) = event else { break };
                    self.take(event);
                    for _ in 1..EVENTS_PER_TURN {
                        let Some(event) = self.inbox.ready() else { break };
                        self.take(event);
                    }
                }
                Some(asked) = self.calls.next() => {
                    // Between turns: an answer moves nothing, so none follows.
                    self.answer(asked);
                    continue;
                }
                _ = tick.tick() => {}
            }
            let span = self.turns_span();
            for _ in 0..TURNS_AT_ONCE {
                if !self.turn().instrument(span.clone()).await {
                    break;
                }
            }
        }
        self.executor.tasks.close();
        if tokio::time::timeout(DRAIN, self.executor.tasks.wait()).await.is_err() {
            tracing::warn!("stopping while requests are under way; the next leader looks for itself");
        }
        self.step_down().await;
    }

    /// The span of the coming turns: their lines show the request that woke the engine, if one did.
    fn turns_span(&mut self) -> Span {
        self.on_behalf = self.woken_by.take();
        let Some(request) = self.on_behalf.as_deref() else {
            return Span::none();
        };
        let span = tracing::error_span!("woken");
        logging::attach(&span, request.clone());
        span.in_scope(|| {
            if self.leading {
                tracing::info!("woken by the API: reading what is new");
            } else {
                tracing::debug!("woken by the API; another engine leads");
            }
        });
        span
    }

    fn take(&mut self, event: Event) {
        let now = self.ports.clock.now();
        events::take(self, event, now);
    }

    /// What an executor must know of a host.
    fn subject(&self, host: HostId) -> Option<Subject> {
        let record = self.world.hosts.get(&host)?;
        let devices = self.devices(host).map(<[StoredDevice]>::to_vec).unwrap_or_default();
        Some(Subject {
            name: record.name.clone(),
            devices,
        })
    }

    fn devices(&self, host: HostId) -> Option<&[StoredDevice]> {
        self.snapshot
            .hosts
            .iter()
            .find(|h| h.id == host)
            .map(|h| h.devices.as_slice())
    }

    fn device(&self, host: HostId, device: PowerDeviceId) -> Option<&StoredDevice> {
        self.devices(host)?.iter().find(|d| d.id == device)
    }
}
