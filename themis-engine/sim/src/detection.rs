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

type Link = (String, String, String);

#[derive(Debug, Clone, Copy)]
struct View {
    alive: bool,
    /// Since when the truth is as it is.
    linked: bool,
    since: Time,
}

/// All serf agents and monitors.
#[derive(Debug, Default)]
pub struct Detection {
    seed: u64,
    now: Time,
    views: BTreeMap<Link, View>,
    alone: BTreeMap<(String, String), Time>,
    monitors: BTreeMap<String, Monitor>,
}

#[derive(Debug)]
struct Monitor {
    start: Uuid,
    boots: u32,
    sequence: u64,
    whole_at: Time,
    due: Option<Time>,
    said: BTreeMap<NetworkName, NetworkReport>,
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
        self.now = now;
        self.notice(site, now);
        let mut reports = Vec::new();
        for machine in site.machines.values().filter(|m| m.monitor_works()) {
            let networks = self.networks(site, machine);
            let spread = Duration::from_millis(spread(self.seed, &[&machine.name, "report"]) % 500);
            let monitor = self
                .monitors
                .entry(machine.name.clone())
                .or_insert_with(|| Monitor::new(machine, now + spread));
            if monitor.boots != machine.boots {
                *monitor = Monitor::new(machine, now);
            }
            if monitor.said != networks {
                monitor.due.get_or_insert(now + spread);
                monitor.said.clone_from(&networks);
            }
            if now < monitor.whole_at && monitor.due.is_none_or(|due| now < due) {
                continue;
            }
            if now >= monitor.whole_at {
                monitor.whole_at = now + REPORT_INTERVAL;
            }
            monitor.due = None;
            reports.push(monitor.report(machine, None, now));
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
        Some(monitor.report(machine, nonce, now))
    }

    fn notice(&mut self, site: &Site, now: Time) {
        for network in &site.networks {
            for observer in site.machines.values() {
                let peers = site.machines.values().filter(|peer| peer.name != observer.name);
                let heard = |peer: &Machine| {
                    observer.agents_work() && peer.agents_work() && site.see_each_other(observer, peer, network)
                };
                let alone = !peers.clone().any(heard);
                let place = (observer.name.clone(), network.clone());
                if alone {
                    self.alone.entry(place).or_insert(now);
                } else {
                    self.alone.remove(&place);
                }
                if !observer.agents_work() {
                    continue;
                }
                for peer in peers {
                    let apart = spread(self.seed, &[&observer.name, &peer.name, network]) % SPREAD_MS;
                    let after = if alone { FAILED_AFTER_ALONE } else { FAILED_AFTER } + Duration::from_millis(apart);
                    let link = (observer.name.clone(), peer.name.clone(), network.clone());
                    self.views
                        .entry(link)
                        .or_insert(View {
                            alive: true,
                            linked: true,
                            since: now,
                        })
                        .notice(heard(peer), after, now);
                }
            }
        }
    }

    fn networks(&self, site: &Site, machine: &Machine) -> BTreeMap<NetworkName, NetworkReport> {
        let peers: Vec<&str> = site
            .machines
            .keys()
            .map(String::as_str)
            .filter(|p| *p != machine.name)
            .collect();
        let known = u32::try_from(peers.len()).unwrap_or(u32::MAX);
        let view = |network: &String| {
            let failed = |peer: &&str| {
                let link = (machine.name.clone(), (*peer).to_owned(), network.clone());
                self.views.get(&link).is_some_and(|view| !view.alive)
            };
            let not_alive: BTreeMap<String, PeerStatus> = if machine.agents_work() {
                let failed = peers.iter().copied().filter(failed);
                failed.map(|peer| (peer.to_owned(), PeerStatus::Failed)).collect()
            } else {
                BTreeMap::new()
            };
            let running = machine.agents_work();
            let doubts = self.doubts(machine, network);
            let report = NetworkReport {
                agent: if running {
                    AgentState::Running
                } else {
                    AgentState::Restarting
                },
                carrier: Some(true),
                health_score: running.then_some(if doubts { 7 } else { 0 }),
                known,
                alive: if running {
                    known - u32::try_from(not_alive.len()).unwrap_or(known)
                } else {
                    0
                },
                proof_of_life_age_ms: (running && !doubts).then_some(500),
                not_alive,
            };
            (NetworkName::new(network.clone()), report)
        };
        site.networks.iter().map(view).collect()
    }

    fn doubts(&self, machine: &Machine, network: &str) -> bool {
        let place = (machine.name.clone(), network.to_owned());
        let alone = self.alone.get(&place);
        alone.is_some_and(|since| self.now.saturating_sub(*since) >= DOUBTS_ITSELF)
    }
}

impl View {
    fn notice(&mut self, linked: bool, failed_after: Duration, now: Time) {
        if self.linked != linked {
            (self.linked, self.since) = (linked, now);
        }
        let after = if linked { ALIVE_AFTER } else { failed_after };
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
            said: BTreeMap::new(),
        }
    }

    fn report(&mut self, machine: &Machine, nonce: Option<String>, now: Time) -> Report {
        self.sequence += 1;
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
            networks: self.said.clone(),
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
