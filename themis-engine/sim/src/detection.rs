//! What serf agents and monitors make of the site: who is held failed by whom and when, and what is reported.
//!
//! Serf is not simulated packet by packet; its measured timing is: an observer that still hears others calls a silent
//! peer failed after about six seconds, a lone one after twenty-six, and a peer that answers again is alive within two.

use std::collections::BTreeMap;
use std::time::Duration;

use themis_core::NetworkName;
use themis_core::report::{AgentState, NetworkReport, PeerStatus, Report};
use uuid::Uuid;

use crate::machines::{Machine, Site, Time};

const FAILED_AFTER: Duration = Duration::from_millis(5_500);
const FAILED_AFTER_ALONE: Duration = Duration::from_secs(26);
const ALIVE_AFTER: Duration = Duration::from_millis(1_500);
/// How far the observers of one failure lie apart.
const SPREAD_MS: u64 = 300;
/// An agent that hears nobody for so long doubts itself.
const DOUBTS_ITSELF: Duration = Duration::from_secs(3);
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// What one agent holds of one peer on one network.
#[derive(Debug, Clone, Copy)]
struct View {
    alive: bool,
    linked: bool,
    /// Since when the truth is as it is.
    since: Time,
    /// How much later than the first observer this one notices.
    apart: Duration,
}

/// One machine's agent on one network.
#[derive(Debug, Default)]
struct Agent {
    /// By the peer's place among the machines.
    views: Vec<View>,
    alone_since: Option<Time>,
}

/// All serf agents and monitors.
#[derive(Debug, Default)]
pub struct Detection {
    seed: u64,
    /// By network, then by the machine's place.
    agents: Vec<Vec<Agent>>,
    monitors: BTreeMap<String, Monitor>,
}

#[derive(Debug)]
struct Monitor {
    start: Uuid,
    boots: u32,
    sequence: u64,
    whole_at: Time,
    due: Option<Time>,
    said: Vec<Seen>,
}

/// One network in the eyes of one monitor, before it is put into words.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    running: bool,
    doubts: bool,
    /// Places of peers held failed.
    failed: Vec<usize>,
}

impl Detection {
    /// `seed` spreads detection and reports.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// Lets the agents notice, and answers the reports that monitors send now.
    pub fn tick(&mut self, site: &Site, now: Time) -> Vec<Report> {
        self.notice(site, now);
        let mut reports = Vec::new();
        for (place, machine) in site.machines.values().enumerate().filter(|(_, m)| m.monitor_works()) {
            let seen = self.seen(machine, place, now);
            let spread = Duration::from_millis(spread(self.seed, &[&machine.name, "report"]) % 500);
            if !self.monitors.contains_key(&machine.name) {
                self.monitors
                    .insert(machine.name.clone(), Monitor::new(machine, now + spread));
            }
            let Some(monitor) = self.monitors.get_mut(&machine.name) else {
                continue;
            };
            if monitor.boots != machine.boots {
                *monitor = Monitor::new(machine, now);
            }
            if monitor.said != seen {
                monitor.due.get_or_insert(now + spread);
                monitor.said = seen;
            }
            if now < monitor.whole_at && monitor.due.is_none_or(|due| now < due) {
                continue;
            }
            if now >= monitor.whole_at {
                monitor.whole_at = now + REPORT_INTERVAL;
            }
            monitor.due = None;
            reports.push(monitor.report(site, machine, None, now));
        }
        reports.retain(|report| site.reaches_control(&site.machines[&report.observer]));
        reports
    }

    /// A report that answers a question; nothing from a machine that cannot answer.
    pub fn answer(&mut self, site: &Site, name: &str, nonce: Option<String>, now: Time) -> Option<Report> {
        let machine = site
            .machines
            .get(name)
            .filter(|m| m.monitor_works() && site.reaches_control(m))?;
        let monitor = self.monitors.get_mut(name)?;
        Some(monitor.report(site, machine, nonce, now))
    }

    fn notice(&mut self, site: &Site, now: Time) {
        if self.agents.is_empty() {
            self.agents = self.begin(site, now);
        }
        for (network, agents) in site.networks.iter().zip(&mut self.agents) {
            let works: Vec<bool> = site.machines.values().map(Machine::agents_work).collect();
            let heard: Vec<bool> = site
                .machines
                .values()
                .map(|machine| machine.agents_work() && site.linked(machine, network))
                .collect();
            for (place, agent) in agents.iter_mut().enumerate() {
                let hears = |peer: usize| peer != place && heard[place] && heard[peer];
                let alone = !(0..heard.len()).any(hears);
                agent.alone_since = if alone { agent.alone_since.or(Some(now)) } else { None };
                let after = if alone { FAILED_AFTER_ALONE } else { FAILED_AFTER };
                if works[place] {
                    for (peer, view) in agent.views.iter_mut().enumerate().filter(|(peer, _)| *peer != place) {
                        view.notice(hears(peer), after, now);
                    }
                }
            }
        }
    }

    /// Everybody holds everybody alive.
    fn begin(&self, site: &Site, now: Time) -> Vec<Vec<Agent>> {
        let names: Vec<&str> = site.machines.keys().map(String::as_str).collect();
        let view = |observer: &str, peer: &str, network: &str| View {
            alive: true,
            linked: true,
            since: now,
            apart: Duration::from_millis(spread(self.seed, &[observer, peer, network]) % SPREAD_MS),
        };
        let agent = |observer: &str, network: &str| Agent {
            views: names.iter().map(|peer| view(observer, peer, network)).collect(),
            alone_since: None,
        };
        let on = |network: &String| names.iter().map(|observer| agent(observer, network)).collect();
        site.networks.iter().map(on).collect()
    }

    fn seen(&self, machine: &Machine, place: usize, now: Time) -> Vec<Seen> {
        let running = machine.agents_work();
        let on = |agents: &Vec<Agent>| {
            let agent = &agents[place];
            let failed = agent
                .views
                .iter()
                .enumerate()
                .filter(|(_, view)| running && !view.alive);
            let alone = |since: Time| now.saturating_sub(since) >= DOUBTS_ITSELF;
            Seen {
                running,
                doubts: agent.alone_since.is_some_and(alone),
                failed: failed.map(|(peer, _)| peer).collect(),
            }
        };
        self.agents.iter().map(on).collect()
    }
}

impl Seen {
    fn report(&self, names: &[&String]) -> NetworkReport {
        let known = u32::try_from(names.len() - 1).unwrap_or(u32::MAX);
        let failed = u32::try_from(self.failed.len()).unwrap_or(known);
        let doubtful = if self.doubts { 7 } else { 0 };
        NetworkReport {
            agent: if self.running {
                AgentState::Running
            } else {
                AgentState::Restarting
            },
            carrier: Some(true),
            health_score: self.running.then_some(doubtful),
            known,
            alive: if self.running { known - failed } else { 0 },
            proof_of_life_age_ms: (self.running && !self.doubts).then_some(500),
            not_alive: self
                .failed
                .iter()
                .map(|peer| (names[*peer].clone(), PeerStatus::Failed))
                .collect(),
        }
    }
}

impl View {
    fn notice(&mut self, linked: bool, failed_after: Duration, now: Time) {
        if self.linked != linked {
            (self.linked, self.since) = (linked, now);
        }
        let after = if linked { ALIVE_AFTER } else { failed_after + self.apart };
        if self.alive != linked && now.saturating_sub(self.since) >= after {
            self.alive = linked;
        }
    }
}

impl Monitor {
    fn new(machine: &Machine, whole_at: Time) -> Self {
        Self {
            start: Uuid::from_u64_pair(machine.uuid.as_u64_pair().0, u64::from(machine.boots)),
            boots: machine.boots,
            sequence: 0,
            whole_at,
            due: None,
            said: Vec::new(),
        }
    }

    fn report(&mut self, site: &Site, machine: &Machine, nonce: Option<String>, now: Time) -> Report {
        self.sequence += 1;
        let names: Vec<&String> = site.machines.keys().collect();
        let networks = site.networks.iter().zip(&self.said);
        Report {
            observer: machine.name.clone(),
            witness: machine.witness,
            boot_id: format!("boot-{}-{}", machine.name, machine.boots),
            system_uuid: (!machine.witness).then_some(machine.uuid),
            monitor_start: self.start,
            sequence: self.sequence,
            clock_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            generation: "simulated".to_owned(),
            shutting_down: false,
            nonce,
            networks: networks
                .map(|(network, seen)| (NetworkName::new(network.clone()), seen.report(&names)))
                .collect(),
        }
    }
}

/// FNV-1a over seed and words: the same spread for the same seed.
#[must_use]
pub fn spread(seed: u64, words: &[&str]) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
    let mixed = bytes.fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mixed >> 17
}
