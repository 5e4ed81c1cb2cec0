//! Machines, their power, their networks, and the guests that really run on them: the oracle's facts.
//!
//! A guest runs as long as its machine has power and its kernel has not panicked, whatever the agents, the monitor or
//! nova-compute on it do. Only Nova ([`crate::nova`]) starts guests elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use themis_core::InstanceId;
use uuid::Uuid;

/// Time since the simulation's beginning.
pub type Time = Duration;

/// The network over which monitors and nova-compute reach the control plane.
pub const MANAGEMENT: &str = "management";
/// From power-off accepted to no power.
const SWITCH_TAKES: Duration = Duration::from_millis(700);
/// From power to running agents, monitor and nova-compute.
pub const BOOT_TAKES: Duration = Duration::from_secs(15);

/// One machine: a compute host, or the witness.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Its name for Nova, serf and Themis alike.
    pub name: String,
    /// A witness: it observes, has no guests and no power device.
    pub witness: bool,
    /// Its system UUID.
    pub uuid: Uuid,
    /// It has power.
    pub powered: bool,
    /// Its kernel runs.
    pub kernel: bool,
    /// Until when it boots.
    pub boots_until: Option<Time>,
    /// Every process on it is stopped; guests go on.
    pub hung: bool,
    /// Its serf agents are alive.
    pub agents: bool,
    /// Its monitor is alive.
    pub monitor: bool,
    /// Its nova-compute is alive.
    pub compute: bool,
    /// Networks that it is cut off from, without losing carrier.
    pub cut: BTreeSet<String>,
    /// How often it has booted.
    pub boots: u32,
    /// Guests that run on it.
    pub running: BTreeSet<InstanceId>,
    /// Its power device.
    pub bmc: Bmc,
    /// When an accepted power-off takes effect.
    pub switches_off: Option<Time>,
}

/// A power device.
#[derive(Debug, Clone)]
pub struct Bmc {
    /// How it behaves.
    pub mood: Mood,
    /// The System GUID that it shows.
    pub guid: Uuid,
    /// It belongs to another machine, which is off.
    pub of_another: bool,
}

/// How a power device behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// As it should.
    Well,
    /// No packet comes back.
    Silent,
    /// It refuses the credentials.
    Refusing,
    /// It answers after two seconds.
    Slow,
    /// It takes power-off and does nothing.
    Stuck,
    /// It reads off, whatever the machine does, and switches nothing.
    Lying,
}

impl Machine {
    /// A running machine.
    #[must_use]
    pub fn new(name: &str, uuid: Uuid, witness: bool) -> Self {
        let bmc = Bmc {
            mood: Mood::Well,
            guid: uuid,
            of_another: false,
        };
        Self {
            name: name.to_owned(),
            witness,
            uuid,
            powered: true,
            kernel: true,
            boots_until: None,
            hung: false,
            agents: true,
            monitor: true,
            compute: !witness,
            cut: BTreeSet::new(),
            boots: 1,
            running: BTreeSet::new(),
            bmc,
            switches_off: None,
        }
    }

    fn processes(&self) -> bool {
        self.powered && self.kernel && !self.hung
    }

    /// Its serf agents work.
    #[must_use]
    pub fn agents_work(&self) -> bool {
        self.processes() && self.agents
    }

    /// Its monitor works.
    #[must_use]
    pub fn monitor_works(&self) -> bool {
        self.processes() && self.monitor
    }

    /// Its nova-compute works.
    #[must_use]
    pub fn compute_works(&self) -> bool {
        self.processes() && self.compute
    }

    /// A kernel panic: no process, no port, no guest; the power stays on.
    pub fn panic(&mut self) {
        self.kernel = false;
        self.boots_until = None;
        self.running.clear();
    }

    /// Power is gone.
    pub fn power_off(&mut self) {
        self.powered = false;
        self.switches_off = None;
        self.panic();
    }

    /// Power is there; it boots.
    pub fn power_on(&mut self, now: Time) {
        if !self.powered {
            self.powered = true;
            self.hung = false;
            self.boots_until = Some(now + BOOT_TAKES);
        }
    }

    /// Its power device takes power-off.
    pub fn accept_off(&mut self, now: Time) {
        let works = !matches!(self.bmc.mood, Mood::Stuck | Mood::Lying);
        if self.powered && works && !self.bmc.of_another {
            self.switches_off.get_or_insert(now + SWITCH_TAKES);
        }
    }

    /// What its power device would say.
    #[must_use]
    pub fn reads_on(&self) -> bool {
        self.powered && !self.bmc.of_another && self.bmc.mood != Mood::Lying
    }

    /// Lets time pass; true when it has just booted.
    pub fn tick(&mut self, now: Time) -> bool {
        if self.switches_off.is_some_and(|at| now >= at) {
            self.power_off();
        }
        if self.boots_until.is_none_or(|until| now < until) {
            return false;
        }
        self.boots_until = None;
        self.kernel = true;
        self.boots += 1;
        (self.agents, self.monitor, self.compute) = (true, true, !self.witness);
        true
    }
}

/// All machines and networks.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// By name.
    pub machines: BTreeMap<String, Machine>,
    /// The networks.
    pub networks: Vec<String>,
    /// Networks that are out for everybody.
    pub out: BTreeSet<String>,
}

impl Site {
    /// Whether the machine's kernel is reached over the network.
    #[must_use]
    pub fn linked(&self, machine: &Machine, network: &str) -> bool {
        machine.powered && machine.kernel && !machine.cut.contains(network) && !self.out.contains(network)
    }

    /// Whether processes on it reach the control plane.
    #[must_use]
    pub fn reaches_control(&self, machine: &Machine) -> bool {
        machine.witness || self.linked(machine, MANAGEMENT)
    }

    /// Whether two machines see each other over a network; a machine sees itself never.
    #[must_use]
    pub fn see_each_other(&self, a: &Machine, b: &Machine, network: &str) -> bool {
        a.name != b.name && self.linked(a, network) && self.linked(b, network)
    }

    /// Where each guest runs.
    #[must_use]
    pub fn guests(&self) -> BTreeMap<InstanceId, Vec<&str>> {
        let mut guests: BTreeMap<InstanceId, Vec<&str>> = BTreeMap::new();
        for machine in self.machines.values() {
            for guest in &machine.running {
                guests.entry(*guest).or_default().push(&machine.name);
            }
        }
        guests
    }
}
