//! The truth of one simulation, shared by all ports: site, agents, Nova, database, and what may not happen.
//!
//! Time moves in steps of [`STEP`]; [`World::tick`] lets everything that is not an engine go on. Whatever an engine does to the
//! outside passes through here, so that it is noted, counted and checked against the oracle.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use themis_core::{HostId, InstanceId, Mode, Reason};
use themis_engine::ports::compute::ComputeError;
use themis_engine::ports::store::Write;
use themis_messaging::{NameError, Serving};
use tokio::time::Instant;

use crate::broker::Broker;
use crate::chronicle::Chronicle;
use crate::detection::Detection;
use crate::machines::{Site, Time};
use crate::nova::Nova;
use crate::process::Process;
use crate::store::MemoryStore;

/// How finely the world moves.
pub const STEP: Duration = Duration::from_millis(100);

/// Where the leader is to be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// Right after the k-th commit took effect, before its answer.
    AfterCommit(usize),
    /// Right after the k-th request reached a power device or Nova, before its answer.
    AfterEffect(usize),
    /// Right after the k-th evacuate request reached Nova, before its answer and so before its row.
    AfterPost(usize),
}

/// The world.
#[derive(Debug, Clone)]
pub struct World {
    start: Instant,
    /// The database.
    pub store: Arc<MemoryStore>,
    /// The bus.
    pub broker: Broker,
    state: Arc<Mutex<State>>,
}

/// Everything that changes.
#[derive(Debug, Default)]
pub struct State {
    /// Machines and networks.
    pub site: Site,
    /// Agents and monitors.
    pub detection: Detection,
    /// Nova.
    pub nova: Nova,
    /// Nova's API does not answer.
    pub nova_away: bool,
    /// How many answers to evacuate, stop, start and disable requests will be lost.
    pub nova_lose_answers: u32,
    /// How long Nova takes to show anything.
    pub nova_shows_after: Duration,
    /// The log.
    pub chronicle: Chronicle,
    /// The engines.
    pub engines: Vec<Process>,
    /// What the monitors serve.
    pub served: Vec<Serving>,
    /// Host names by id.
    pub names: BTreeMap<HostId, String>,
    /// Where each instance was at the beginning.
    pub homes: BTreeMap<InstanceId, String>,
    /// The engine that is to be killed, and when.
    pub crash: Option<Crash>,
    /// What has happened since the beginning of the scenario.
    pub counts: Counts,
    /// What should not have happened.
    pub broken: Vec<String>,
    begun: bool,
}

/// Counts since the beginning of the scenario.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Commits that wrote more than views.
    pub commits: usize,
    /// Requests that reached power devices or Nova and change something.
    pub effects: usize,
    /// Evacuate requests that reached Nova.
    pub posts: usize,
    /// Power-off commands that reached a device.
    pub power_offs: usize,
}

impl World {
    /// An empty world that begins now.
    ///
    /// # Errors
    /// Never, unless the fixed names of the bus are no names.
    pub fn new(live: bool) -> Result<Self, NameError> {
        let state = State {
            chronicle: Chronicle::new(live),
            ..State::default()
        };
        Ok(Self {
            start: Instant::now(),
            store: Arc::new(MemoryStore::default()),
            broker: Broker::new()?,
            state: Arc::new(Mutex::new(state)),
        })
    }

    /// When it began.
    #[must_use]
    pub const fn start(&self) -> Instant {
        self.start
    }

    /// The time in it.
    #[must_use]
    pub fn now(&self) -> Time {
        self.start.elapsed()
    }

    /// The truth. Never held across an await.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets everything but the engines go on.
    pub fn tick(&self) {
        let now = self.now();
        let mut state = self.lock();
        let state = &mut *state;
        let mut booted = Vec::new();
        for machine in state.site.machines.values_mut() {
            let powered = machine.powered;
            if machine.tick(now) {
                booted.push(machine.name.clone());
            }
            if powered && !machine.powered {
                state.chronicle.note(now, "power", &machine.name, "is off");
            }
        }
        for host in booted {
            state.chronicle.note(now, "world", &host, "has booted");
            state.nova.compute_started(&mut state.site, &host);
        }
        state.nova.tick(&mut state.site, now);
        let reports = state.detection.tick(&state.site, now);
        for report in reports {
            self.broker.report(&report);
        }
        state.watch(now);
    }

    /// The scenario begins: what happened before is forgotten.
    pub fn begin(&self) {
        let now = self.now();
        let mut state = self.lock();
        state.begun = true;
        state.chronicle.begin(now);
    }

    /// An engine's commit took effect.
    pub fn committed(&self, process: &Process, writes: &[Write]) {
        let now = self.now();
        let mut state = self.lock();
        let state = &mut *state;
        let names = &state.names;
        state
            .chronicle
            .committed(now, writes, |id| names.get(&id).cloned().unwrap_or_default());
        if state.begun && writes.iter().any(|write| !matches!(write, Write::View { .. })) {
            state.counts.commits += 1;
            let count = state.counts.commits;
            state.kill_at(Crash::AfterCommit(count), process, now);
        }
    }

    /// An engine took the lease.
    pub fn leads(&self, process: &Process) {
        let now = self.now();
        self.lock().chronicle.note(now, "lease", process.name(), "leads");
    }

    /// Whether Themis may act.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.store
            .tables(|tables| tables.modes.get(&None).copied().unwrap_or_default())
    }
}

impl State {
    /// A request of an engine reached a power device or Nova.
    pub fn affected(&mut self, process: &Process, now: Time) {
        self.counts.effects += 1;
        self.kill_at(Crash::AfterEffect(self.counts.effects), process, now);
    }

    /// An evacuate request is about to take effect: what the oracle and the migrations say to it.
    pub fn posting(&mut self, process: &Process, id: InstanceId, now: Time) {
        self.counts.posts += 1;
        let host = self.nova.servers.get(&id).map(|s| s.host.clone()).unwrap_or_default();
        self.chronicle.posted(&host);
        let name = self.nova.servers.get(&id).map(|s| s.name.clone()).unwrap_or_default();
        let alive = |host: &str| self.site.machines.get(host).is_some_and(|m| m.powered && m.kernel);
        if alive(&host) && self.site.machines[&host].running.contains(&id) {
            self.broken.push(format!("{name} was posted while it ran on {host}"));
        }
        let earlier = self.nova.of(id).filter(|m| m.open());
        let standing: Vec<String> = earlier
            .flat_map(|m| {
                if m.destinations().is_empty() {
                    vec!["not known yet"]
                } else {
                    m.destinations()
                }
            })
            .filter(|dest| *dest == "not known yet" || self.site.machines.get(*dest).is_some_and(|m| m.powered))
            .map(str::to_owned)
            .collect();
        if !standing.is_empty() {
            let text = format!(
                "{name} was posted again while its destination {} had power",
                standing.join(", ")
            );
            self.broken.push(text);
        }
        self.kill_at(Crash::AfterPost(self.counts.posts), process, now);
    }

    /// A stop or start reached Nova. A start of an instance whose host cannot carry it out waits in a queue, and may be
    /// carried out beside one that runs elsewhere by then.
    pub fn errand(&mut self, id: InstanceId, start: bool, now: Time) {
        let Some(server) = self.nova.servers.get(&id) else {
            return;
        };
        let (name, host) = (server.name.clone(), server.host.clone());
        let word = if start { "start taken" } else { "stop taken" };
        self.chronicle.note(now, "nova", &name, word);
        if start && !self.nova.up(&host, now) {
            self.broken
                .push(format!("{name} was started on {host}, which Nova holds down"));
        }
    }

    /// Whether the next answer that may be lost is.
    pub fn lose_answer(&mut self) -> Result<(), ComputeError> {
        if self.nova_lose_answers == 0 {
            return Ok(());
        }
        self.nova_lose_answers -= 1;
        let reason = Reason::new("answer_lost", "the simulated answer was lost");
        Err(ComputeError::Indeterminate(reason))
    }

    /// A power-off reached a device.
    pub fn powering_off(&mut self, host: &str, mode: Mode) {
        self.counts.power_offs += 1;
        if mode == Mode::Observe {
            self.broken.push(format!("a power-off reached {host} in observe mode"));
        }
    }

    fn kill_at(&mut self, here: Crash, process: &Process, now: Time) {
        if self.crash == Some(here) && !process.dead() {
            let place = match here {
                Crash::AfterCommit(k) => format!("killed after commit {k}, before its answer"),
                Crash::AfterEffect(k) => format!("killed after effect {k}, before its answer"),
                Crash::AfterPost(k) => format!("killed after post {k} reached Nova, before its answer"),
            };
            self.chronicle.note(now, "crash", process.name(), &place);
            process.kill();
        }
    }

    /// How many of a host's first instances run somewhere, and how many there are.
    #[must_use]
    pub fn running(&self, home: &str) -> (usize, usize) {
        let guests = self.site.guests();
        let own = self.homes.iter().filter(|(_, host)| *host == home);
        (
            own.clone().filter(|(id, _)| guests.contains_key(id)).count(),
            own.count(),
        )
    }

    /// The oracle looks.
    fn watch(&mut self, now: Time) {
        let guests = self.site.guests();
        for (id, hosts) in &guests {
            if hosts.len() > 1 {
                let name = self
                    .nova
                    .servers
                    .get(id)
                    .map_or_else(|| id.to_string(), |s| s.name.clone());
                let text = format!("{name} runs twice, on {}", hosts.join(" and "));
                if !self.broken.contains(&text) {
                    self.chronicle
                        .note(now, "oracle", &name, &format!("runs on {}", hosts.join(" and ")));
                    self.broken.push(text);
                }
            }
        }
        let homes = &self.homes;
        self.chronicle.tick(now, |home| {
            let own = homes.iter().filter(|(_, host)| *host == home);
            (
                own.clone().filter(|(id, _)| guests.contains_key(*id)).count(),
                own.count(),
            )
        });
    }
}
