//! One play of a scenario: builds the world, starts the engines, lets time pass, judges.

use std::sync::Arc;
use std::time::Duration;

use themis_core::network::Importance;
use themis_core::{HostId, HostState, InstanceId, NetworkName, PowerDeviceId, SegmentId};
use themis_decision::world::AUTO;
use themis_engine::adapters::bus::{OsloBus, ask_all, listen};
use themis_engine::adapters::senders::Senders;
use themis_engine::ports::store::{StoredDevice, StoredHost, StoredSegment};
use themis_engine::{Engine, Settings};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::SimIds;
use crate::detection::Detection;
use crate::happen::happen;
use crate::machines::Machine;
use crate::monitors;
use crate::nova::{Server, Service};
use crate::ports::{ProcessBus, ports};
use crate::process::Process;
use crate::scenario::{Scenario, When};
use crate::verdict::{Verdict, judge};
use crate::world::{Counts, STEP, World};

const NETWORKS: [(&str, Importance); 3] = [
    ("management", Importance::Tolerated),
    ("storage", Importance::Critical),
    ("tenant", Importance::Critical),
];
/// By then healthy hosts must be active.
const WARM_UP_MAX: Duration = Duration::from_secs(180);
/// Draws ids that are no engine's.
const WORLD_IDS: u64 = 99;
/// No two engines start in the same moment.
const STARTS_APART: Duration = Duration::from_millis(20);

/// What a play brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Play {
    /// The decision log.
    pub log: Vec<String>,
    /// What the invariants say.
    pub verdict: Verdict,
    /// What happened how often.
    pub counts: Counts,
    /// Each host's stored state at the end.
    pub states: Vec<(String, HostState)>,
    /// Status and message of each notification at the end, oldest first.
    pub notifications: Vec<(String, String)>,
    /// Hosts whose maintenance flag is set at the end.
    pub maintenance: Vec<String>,
}

/// Plays a scenario in virtual time; `live` prints its log as it grows.
///
/// # Errors
/// No runtime could be built, or healthy hosts did not become active.
pub fn play(scenario: &Scenario, live: bool) -> std::io::Result<Play> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(run(scenario, live))
}

async fn run(scenario: &Scenario, live: bool) -> std::io::Result<Play> {
    let ids = SimIds::new(scenario.seed, WORLD_IDS);
    let world = begun(scenario, &ids, live).await?;
    world.begin();
    world.lock().crash = scenario.crash;
    let zero = world.now();
    let mut steps = scenario.steps.clone();
    let mut until = zero + scenario.until;
    while world.now() < until {
        // All that is due, each once; what one command brings about may make the next due.
        while let Some(index) = steps.iter().position(|step| due(&world, &step.when, zero)) {
            let step = steps.remove(index);
            happen(&world, &step.command, ids.next());
        }
        sleep(STEP).await;
        world.tick();
        if let Some((after, host, state)) = &scenario.end
            && until == zero + scenario.until
            && due(&world, &When::State(host.clone(), *state), zero)
        {
            until = until.min(world.now() + *after);
        }
    }
    let never = steps
        .iter()
        .map(|step| format!("this never happened: {:?} {:?}", step.when, step.command));
    world.lock().broken.extend(never);
    Ok(ended(&world, scenario))
}

/// A world as the scenario furnishes it, its engines and monitors running and its hosts active, at no time of the scenario
/// yet; `ids` name what is in it. Only on a runtime whose time is paused.
///
/// # Errors
/// Healthy hosts did not become active.
pub async fn begun(scenario: &Scenario, ids: &SimIds, live: bool) -> std::io::Result<World> {
    let world = World::new(live).map_err(std::io::Error::other)?;
    furnish(&world, scenario, ids);
    let served = monitors::serve(&world).map_err(std::io::Error::other)?;
    world.lock().served = served;
    for command in &scenario.before {
        happen(&world, command, ids.next());
    }
    for index in 1..=scenario.engines {
        start_engine(&world, scenario, index)
            .await
            .map_err(std::io::Error::other)?;
    }
    warm_up(&world, scenario).await?;
    Ok(world)
}

fn due(world: &World, when: &When, zero: Duration) -> bool {
    match when {
        When::At(at) => world.now() >= zero + *at,
        When::Posted(count) => world.lock().counts.posts >= *count,
        When::State(host, state) => states(world).contains(&(host.clone(), *state)),
    }
}

fn states(world: &World) -> Vec<(String, HostState)> {
    world.store.tables(|tables| {
        let state = |host: &StoredHost| host.state.as_ref().map_or(HostState::Initializing, |s| s.state);
        let mut all: Vec<(String, HostState)> = tables
            .hosts
            .values()
            .map(|host| (host.name.clone(), state(host)))
            .collect();
        all.sort();
        all
    })
}

fn ended(world: &World, scenario: &Scenario) -> Play {
    let verdict = judge(world, scenario.down);
    let states = states(world);
    let now = world.now();
    let vmoves = world.store.tables(|tables| {
        let mut counts = std::collections::BTreeMap::new();
        for row in tables.vmoves.values() {
            *counts.entry(row.status.clone()).or_insert(0_usize) += 1;
        }
        counts
            .into_iter()
            .map(|(status, n)| format!(" {status}={n}"))
            .collect::<String>()
    });
    let mut state = world.lock();
    for (host, last) in states.iter().filter(|(_, state)| *state != HostState::Active) {
        state.chronicle.note(now, "end", host, last.name());
    }
    if !vmoves.is_empty() {
        state.chronicle.note(now, "end", "vmoves", vmoves.trim());
    }
    state.chronicle.note(now, "end", "oracle", &verdict.to_string());
    let (notifications, maintenance) = world.store.tables(|tables| {
        let rows = tables.notifications.iter();
        let flagged = tables.hosts.values().filter(|host| host.on_maintenance);
        (
            rows.map(|row| (row.status.clone(), row.message.clone().unwrap_or_default()))
                .collect(),
            flagged.map(|host| host.name.clone()).collect(),
        )
    });
    Play {
        notifications,
        maintenance,
        log: state.chronicle.lines().to_vec(),
        counts: state.counts,
        verdict,
        states,
    }
}

/// Machines, servers, and what is registered of them.
fn furnish(world: &World, scenario: &Scenario, ids: &SimIds) {
    let segment = SegmentId(ids.next());
    let mut state = world.lock();
    state.detection = Detection::new(scenario.seed);
    state.site.networks = NETWORKS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let witness = Machine::new("witness", ids.next(), true);
    state.site.machines.insert(witness.name.clone(), witness);
    world.store.tables(|tables| {
        tables.modes.insert(None, scenario.mode);
        let row = StoredSegment {
            id: segment,
            name: "pool".to_owned(),
            enabled: true,
            networks: Vec::new(),
            recovery_method: AUTO.to_owned(),
        };
        tables.segments.insert(segment, row);
    });
    for (number, name) in (1..).zip(scenario.host_names()) {
        let host = registered(&name, HostId(Uuid::from_u128(number)), segment, ids);
        state.names.insert(host.id, name.clone());
        state.nova.services.insert(name.clone(), Service::default());
        state
            .site
            .machines
            .insert(name.clone(), Machine::new(&name, ids.next(), false));
        world.store.tables(|tables| drop(tables.hosts.insert(host.id, host)));
    }
    let mut number: u128 = 0;
    for (count, host) in &scenario.instances {
        for _ in 0..*count {
            number += 1;
            // In order, so that the log names first what comes first.
            let id = InstanceId(Uuid::from_u128(number));
            let server = Server {
                name: format!("vm-{number:02}"),
                host: host.clone(),
                vm_state: "active".to_owned(),
                task_state: None,
                metadata: [("HA_Enabled".to_owned(), "True".to_owned())].into(),
            };
            state.nova.servers.insert(id, server);
            state.homes.insert(id, host.clone());
            if let Some(machine) = state.site.machines.get_mut(host) {
                machine.running.insert(id);
            }
        }
    }
}

fn registered(name: &str, id: HostId, segment: SegmentId, ids: &SimIds) -> StoredHost {
    let device = StoredDevice {
        id: PowerDeviceId(ids.next()),
        driver: "ipmi".to_owned(),
        address: name.to_owned(),
        port: 623,
        system: String::new(),
        username: "admin".to_owned(),
        secret: String::new(),
        accepted: false,
    };
    StoredHost {
        id,
        name: name.to_owned(),
        segment,
        on_maintenance: false,
        state: None,
        devices: vec![device],
    }
}

/// Starts an engine as its program does: it listens, asks for reports, runs.
async fn start_engine(world: &World, scenario: &Scenario, index: u64) -> anyhow::Result<()> {
    let process = Process::new(&format!("engine-{index}"));
    let bus = Arc::new(ProcessBus::new(world.broker.bus.clone(), process.clone()));
    let questions = OsloBus::new(bus.clone())?;
    let networks = NETWORKS
        .iter()
        .map(|(name, importance)| (NetworkName::new(*name), *importance))
        .collect();
    let mut settings = Settings::new(process.name(), networks);
    settings.policy = scenario.policy.clone();
    let engine = Engine::new(settings, ports(world, &process, &questions, scenario.seed, index));
    let (mailbox, callers) = (engine.mailbox(), engine.callers());
    let served = listen(bus.as_ref(), process.name(), &mailbox, &callers, Senders::anybody())?;
    world.lock().engines.push(process.clone());
    ask_all(&questions, process.name()).await;
    sleep(STARTS_APART).await;
    tokio::spawn(async move {
        // What it serves ends with it.
        let _served = served;
        tokio::select! {
            biased;
            () = process.killed() => {}
            () = engine.run(CancellationToken::new()) => {}
        }
    });
    Ok(())
}

async fn warm_up(world: &World, scenario: &Scenario) -> std::io::Result<()> {
    loop {
        sleep(STEP).await;
        world.tick();
        let now = world.now();
        let active = states(world).iter().all(|(_, state)| *state == HostState::Active);
        // A whole second, so that seconds of the log are seconds of the world.
        if active && now.subsec_millis() < 100 && now > scenario.policy.settle_period * 2 {
            return Ok(());
        }
        if now > WARM_UP_MAX {
            let text = format!("healthy hosts did not become active: {:?}", states(world));
            return Err(std::io::Error::other(text));
        }
    }
}
