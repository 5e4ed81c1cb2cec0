//! A small installation in virtual time: machines, a Nova, and a leader that drives [`judge`] every 250 ms and performs
//! what it wants. After every turn the promises are checked: whoever tells a story here cannot break one unseen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use themis_core::report::NetworkReport;
use themis_core::{HostId, HostState, IncidentId, InstanceId, Mode, Moment, NetworkName, PowerDeviceId, VmoveId};
use uuid::Uuid;

use super::machine::Machine;
use super::nova::Nova;
use crate::binding::{self, Identity};
use crate::judge::{Change, Judgement, Want, WantedEffect, judge};
use crate::recovery::log::{Found, ended};
use crate::recovery::look::{LookContext, conclude};
use crate::recovery::plan::must_stop;
use crate::recovery::{Effect, ListedInstance, Step, StepEvent, StepRow};
use crate::requests::{Answer, Ask, Request, answer};
use crate::world::{DeviceRecord, HostRecord, World};

pub(super) const TICK: Duration = Duration::from_millis(250);
const LOOK_INTERVAL: Duration = Duration::from_millis(750);
/// Guards a story that would never end.
pub(crate) const STORY_MAX: Duration = Duration::from_secs(600);

#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) world: World,
    pub(crate) now: Moment,
    pub(crate) machines: BTreeMap<String, Machine>,
    pub(crate) nova: Nova,
    /// Networks that are down for all.
    pub(crate) out: BTreeSet<&'static str>,
    /// The message bus is down: nothing is heard.
    pub(crate) bus_down: bool,
    /// All that was stored, in order.
    pub(crate) journal: Vec<(Moment, Change)>,
    /// All that was begun, in order.
    pub(crate) effects: Vec<WantedEffect>,
    pub(super) due: Vec<WantedEffect>,
    pub(super) said: BTreeMap<String, (Moment, BTreeMap<NetworkName, NetworkReport>)>,
    /// Machines and networks as gossip last saw them, and when they last changed.
    pub(super) before: (BTreeMap<String, Machine>, BTreeSet<&'static str>),
    pub(super) changed: Moment,
    pub(super) lost: BTreeMap<(String, String, &'static str), Moment>,
    pub(super) asked: BTreeMap<String, Moment>,
    pub(super) services_asked: Option<Moment>,
    ids: u128,
    /// Each host as it was last stored.
    pub(crate) stored: BTreeMap<HostId, Option<Stored>>,
}

/// What the database holds of a host.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) state: HostState,
    pub(crate) incident: Option<IncidentId>,
    pub(crate) detail: crate::world::HostDetail,
}

pub(crate) fn device_of(host: HostId) -> PowerDeviceId {
    PowerDeviceId(Uuid::from_u128(host.0.as_u128() + 0x5000))
}

impl Cluster {
    /// `count` active hosts `h1`... with bound devices, armed, heard for a while.
    pub(crate) fn of(count: usize) -> Self {
        let mut world = super::world(count, Moment(0));
        world.evidence = crate::evidence::Evidence::default();
        for host in world.hosts.values_mut() {
            let (id, address) = (device_of(host.id), format!("ipmi://{}", host.name));
            host.devices = vec![DeviceRecord {
                id,
                accepted: false,
                address,
            }];
        }
        let machines = world
            .hosts
            .values()
            .map(|host| (host.name.clone(), Machine::new()))
            .collect();
        let mut cluster = Self {
            world,
            now: Moment(1_000_000_000),
            machines,
            nova: Nova::new(),
            out: BTreeSet::new(),
            bus_down: false,
            journal: Vec::new(),
            effects: Vec::new(),
            due: Vec::new(),
            said: BTreeMap::new(),
            before: (BTreeMap::new(), BTreeSet::new()),
            changed: Moment(0),
            lost: BTreeMap::new(),
            asked: BTreeMap::new(),
            services_asked: None,
            ids: 0xaaaa_0000,
            stored: BTreeMap::new(),
        };
        cluster.run(5);
        cluster.journal.clear();
        cluster
    }

    pub(crate) fn machine(&mut self, host: &str) -> &mut Machine {
        self.machines.get_mut(host).expect("a machine of that name")
    }

    pub(crate) fn host(&self, host: &str) -> &HostRecord {
        self.world.host_named(host).expect("a host of that name")
    }

    pub(crate) fn host_mut(&mut self, host: &str) -> &mut HostRecord {
        let id = self.host(host).id;
        self.world.hosts.get_mut(&id).expect("a host of that id")
    }

    pub(crate) fn run(&mut self, seconds: u64) {
        let end = self.now.plus(Duration::from_secs(seconds));
        while self.now < end {
            self.tick();
        }
    }

    /// One turn of the leader and what comes of it.
    pub(crate) fn tick(&mut self) {
        self.now = self.now.plus(TICK);
        self.live();
        for effect in std::mem::take(&mut self.due) {
            self.perform(effect);
        }
        let mut ids = self.ids;
        let judgement = judge(&mut self.world, self.now, &mut || {
            ids += 1;
            Uuid::from_u128(ids)
        });
        self.ids = ids;
        self.take(judgement);
        let twice = self.nova.twice();
        assert!(twice.is_empty(), "runs twice: {twice:?}\n{}", self.story());
    }

    fn take(&mut self, judgement: Judgement) {
        self.store(judgement.changes);
        for wanted in judgement.effects {
            self.allowed(&wanted);
            self.begin(wanted);
        }
        for want in judgement.wants {
            self.ask(want);
        }
    }

    pub(crate) fn store(&mut self, changes: Vec<Change>) {
        let now = self.now;
        for change in &changes {
            if let Change::Host(id) = change {
                let host = &self.world.hosts[id];
                let (state, incident, detail) = (host.state, host.incident, host.detail.clone());
                self.stored.insert(
                    *id,
                    Some(Stored {
                        state,
                        incident,
                        detail,
                    }),
                );
            }
        }
        self.journal.extend(changes.into_iter().map(|change| (now, change)));
    }

    fn begin(&mut self, wanted: WantedEffect) {
        self.effects.push(wanted.clone());
        self.due.push(wanted);
    }

    /// What no story may break.
    fn allowed(&self, wanted: &WantedEffect) {
        let host = &self.world.hosts[&wanted.host];
        let story = || format!("{wanted:?}\n{}", self.story());
        assert_eq!(host.incident, Some(wanted.incident), "{}", story());
        if wanted.effect != Effect::ForceUp && wanted.effect != Effect::Enable && wanted.effect != Effect::List {
            assert_eq!(
                self.world.mode_of(host),
                Mode::Armed,
                "acts while observing: {}",
                story()
            );
        }
        match &wanted.effect {
            Effect::Evacuate { instance, proof } => {
                assert_eq!(
                    (proof.host, proof.incident),
                    (wanted.host, wanted.incident),
                    "{}",
                    story()
                );
                let age = self.now.since(proof.confirmed);
                assert!(age <= Duration::from_secs(5), "proof {age:?} old: {}", story());
                let posting = |other: &&WantedEffect| matches!(&other.effect, Effect::Evacuate { instance: i, .. } if i == instance);
                assert_eq!(
                    self.due.iter().filter(posting).count(),
                    0,
                    "twice in flight: {}",
                    story()
                );
                let busy: usize = self.world.hosts.values().map(|h| h.recovery.busy()).sum();
                assert!(
                    host.recovery.busy() <= self.world.policy.evacuations_parallel,
                    "{}",
                    story()
                );
                assert!(busy <= self.world.policy.evacuations_parallel_total, "{}", story());
            }
            Effect::PowerOff { device } => {
                assert!(!host.disabled(), "a disabled host: {}", story());
                let track = self
                    .world
                    .evidence
                    .power
                    .get(&wanted.host)
                    .and_then(|p| p.devices.get(device));
                assert!(
                    track.is_some_and(|t| t.binding.holds()),
                    "an unbound device: {}",
                    story()
                );
            }
            Effect::ForceDown
            | Effect::Disable
            | Effect::List
            | Effect::ResetState { .. }
            | Effect::Stop { .. }
            | Effect::ForceUp
            | Effect::Enable => {}
        }
    }

    fn admit(&mut self, key: String, interval: Duration) -> bool {
        if self.asked.get(&key).is_some_and(|at| self.now.since(*at) < interval) {
            return false;
        }
        self.asked.insert(key, self.now);
        true
    }

    fn ask(&mut self, want: Want) {
        let probe_interval = self.world.policy.probe_interval;
        match want {
            Want::Probe {
                host,
                network,
                observers,
            } => {
                if !self.bus_down && self.admit(format!("probe {host} {network}"), probe_interval) {
                    self.probe(host, &network, observers);
                }
            }
            Want::AskLife { host } => {
                if self.admit(format!("life {host}"), probe_interval) {
                    let name = self.world.hosts[&host].name.clone();
                    self.report(&name, Some("nonce".to_owned()));
                }
            }
            Want::ReadPower { host, device, interval } => {
                if self.admit(format!("power {device}"), interval) {
                    self.read_power(host, device);
                }
            }
            Want::Look { host, instances } => {
                if self.admit(format!("look {host}"), LOOK_INTERVAL) {
                    for instance in instances {
                        self.look(host, instance);
                    }
                }
            }
        }
    }

    pub(crate) fn read_power(&mut self, host: HostId, device: PowerDeviceId) {
        let record = &self.world.hosts[&host];
        let machine = &self.machines[&record.name];
        if machine.bmc.hangs {
            return;
        }
        let reading = machine.reading();
        let identity = match (&reading.guid, machine.bmc.bound && !machine.bmc.of_another) {
            (None, _) => Identity::Unknown,
            (Some(_), true) => Identity::Same,
            (Some(_), false) => Identity::Different,
        };
        let speaks = self
            .world
            .evidence
            .spoke_within(&record.name, self.now, Duration::from_secs(3))
            && !record.state.in_recovery();
        let accepted = record.devices.iter().any(|d| d.id == device && d.accepted);
        let fresh = binding::judge(&reading, identity, accepted, speaks, Some(Uuid::from_u128(7)));
        let power = self.world.evidence.power.entry(host).or_default();
        let before = power.devices.get(&device).map(|track| &track.binding);
        let binding = binding::keep(before, fresh, &reading);
        power.hear(device, binding, &reading, self.now);
    }

    fn look(&mut self, host: HostId, instance: InstanceId) {
        let look = self.nova.look(instance);
        let proven_off = crate::host::proven_off(&self.world, self.now);
        let policy = self.world.policy.clone();
        let record = self.world.hosts.get_mut(&host).expect("a host");
        let (source, incident) = (record.name.clone(), record.incident.expect("an incident"));
        let context = LookContext {
            source: &source,
            now: self.now,
            horizon: policy.nova_request_horizon,
            attempts_max: policy.evacuation_attempts_max,
            proven_off: &proven_off,
        };
        let recovery = record.recovery.instances.get_mut(&instance).expect("an instance");
        let Some(row) = conclude(recovery, &look, context) else {
            return;
        };
        if row.event == StepEvent::Succeeded && must_stop(recovery, &look.vm_state) {
            let row = StepRow::of_instance(Step::Stop, instance, row.attempt, StepEvent::Started, json!({}));
            self.log(host, incident, row);
            let (effect, decided) = (Effect::Stop { instance }, self.now);
            return self.begin(WantedEffect {
                host,
                incident,
                effect,
                decided,
            });
        }
        self.log(host, incident, row);
    }

    /// Stores a row as the leader does, and applies it.
    fn log(&mut self, host: HostId, incident: IncidentId, row: StepRow) {
        let now = self.now;
        let record = self.world.hosts.get_mut(&host).expect("a host");
        if record.incident == Some(incident) {
            record.recovery.apply(&row, Some(now));
            self.store(vec![Change::Step { incident, row }]);
        }
    }

    fn perform(&mut self, wanted: WantedEffect) {
        let name = self.world.hosts[&wanted.host].name.clone();
        if let Effect::PowerOff { device } = wanted.effect {
            return self.power_off(&wanted, &name, device);
        }
        let outcome = self.nova.perform(&wanted.effect, &name, self.now);
        let (step, instance) = step_of(&wanted.effect);
        let known = &self.world.hosts[&wanted.host].recovery;
        let (event, mut payload) = ended(&outcome, known, instance, self.world.policy.evacuation_attempts_max);
        if step == Step::List && event == StepEvent::Succeeded {
            payload = self.found(wanted.host, &payload);
        }
        let recovery = &self.world.hosts[&wanted.host].recovery;
        let attempt = instance
            .and_then(|id| recovery.instances.get(&id))
            .map_or(1, |i| i.attempts.max(1));
        let subject = instance.map(|id| id.to_string()).unwrap_or_default();
        let row = StepRow {
            step,
            subject,
            attempt,
            event,
            payload,
        };
        self.log(wanted.host, wanted.incident, row);
    }

    fn found(&mut self, host: HostId, payload: &serde_json::Value) -> serde_json::Value {
        let listed: Vec<ListedInstance> = serde_json::from_value(payload["instances"].clone()).expect("a list");
        let known = self.world.hosts[&host].recovery.instances.clone();
        let instances = listed.into_iter().filter(|i| !known.contains_key(&i.id));
        let instances = instances.map(|i| {
            self.ids += 1;
            (i, VmoveId(Uuid::from_u128(self.ids)))
        });
        serde_json::to_value(Found {
            instances: instances.collect(),
        })
        .expect("json")
    }

    fn power_off(&mut self, wanted: &WantedEffect, name: &str, device: PowerDeviceId) {
        let machine = self.machines.get_mut(name).expect("a machine");
        let taken = machine.bmc.answers && !machine.bmc.refuses;
        if taken {
            machine.bmc.taken += 1;
            if machine.bmc.switches_another {
                machine.bmc.of_another = true;
            } else if !machine.bmc.deaf && !machine.bmc.of_another {
                self.lose_power(name);
            }
            let power = self
                .world
                .evidence
                .power
                .get_mut(&wanted.host)
                .expect("it was read before");
            let binding = power
                .devices
                .get(&device)
                .map(|track| track.binding.clone())
                .expect("it was read before");
            power.off_accepted(device, &binding, self.now);
        }
        self.asked.remove(&format!("power {device}"));
        let event = if taken { StepEvent::Succeeded } else { StepEvent::Failed };
        let subject = device.to_string();
        let row = StepRow {
            step: Step::PowerOff,
            subject,
            attempt: 1,
            event,
            payload: json!({}),
        };
        self.log(wanted.host, wanted.incident, row);
    }

    /// Forgets what was begun and asked, as a leader that dies; what was begun.
    pub(crate) fn abandon(&mut self) -> Vec<WantedEffect> {
        self.asked.clear();
        self.said.clear();
        self.services_asked = None;
        std::mem::take(&mut self.due)
    }

    pub(crate) fn lose_power(&mut self, host: &str) {
        self.machine(host).powered = false;
        self.nova.power_lost(host);
    }

    /// An operator's request.
    pub(crate) fn request(&mut self, ask: Ask) -> Answer {
        let request = Request {
            user: "anna".to_owned(),
            reason: "I looked at it".to_owned(),
            ask,
        };
        let mut answer = answer(&mut self.world, &request, self.now);
        self.store(std::mem::take(&mut answer.changes));
        answer
    }

    pub(crate) fn id(&self, host: &str) -> HostId {
        self.host(host).id
    }
}

fn step_of(effect: &Effect) -> (Step, Option<InstanceId>) {
    match effect {
        Effect::PowerOff { .. } => (Step::PowerOff, None),
        Effect::ForceDown => (Step::ForceDown, None),
        Effect::Disable => (Step::Disable, None),
        Effect::List => (Step::List, None),
        Effect::ForceUp => (Step::ForceUp, None),
        Effect::Enable => (Step::Enable, None),
        Effect::ResetState { instance } => (Step::ResetState, Some(*instance)),
        Effect::Evacuate { instance, .. } => (Step::Evacuate, Some(*instance)),
        Effect::Stop { instance } => (Step::Stop, Some(*instance)),
    }
}
