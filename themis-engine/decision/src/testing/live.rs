//! What goes on in a [`Cluster`] by itself: gossip between agents, reports and answers of monitors, Nova's heartbeats.

use std::collections::BTreeMap;
use std::time::Duration;

use themis_core::inquiry::ProbeAnswer;
use themis_core::report::{AgentState, NetworkReport, PeerStatus};
use themis_core::{HostId, NetworkName};

use super::cluster::{Cluster, TICK};
use super::{NETWORKS, report};
use crate::evidence::NovaService;

/// From a peer's last packet to serf's verdict.
const SERF_SUSPECTS: Duration = Duration::from_secs(4);
/// From power to the first guest.
const BOOT_TAKES: Duration = Duration::from_secs(20);
const NOVA_POLL: Duration = Duration::from_secs(2);

impl Cluster {
    /// What goes on by itself: gossip, reports, Nova.
    pub(super) fn live(&mut self) {
        let names: Vec<String> = self.machines.keys().cloned().collect();
        if self.before.0 != self.machines || self.before.1 != self.out {
            self.before = (self.machines.clone(), self.out.clone());
            self.changed = self.now;
            for observer in &names {
                self.gossip(observer, &names);
            }
        }
        for observer in &names {
            self.report(observer, None);
        }
        for (name, machine) in &mut self.machines {
            if machine.computes() && machine.powered_on.is_some_and(|at| self.now.since(at) >= BOOT_TAKES) {
                machine.powered_on = None;
                self.nova.booted(name);
            }
        }
        let machines = self.machines.clone();
        self.nova.advance(self.now, &|host| machines[host].computes(), &names);
        if self.services_asked.is_none_or(|at| self.now.since(at) >= NOVA_POLL) {
            for name in &names {
                self.poll(name);
            }
            self.services_asked = Some(self.now);
        }
    }

    fn poll(&mut self, name: &str) {
        let computes = self.machines[name].computes() && !self.bus_down;
        let last = self.world.evidence.nova.get(name);
        let updated_at = match last {
            Some(last) if !computes => last.updated_at.clone(),
            Some(_) | None => (self.now.0 / 10_000_000).to_string(),
        };
        let service = NovaService {
            up: computes && !self.nova.forced_down.contains(name),
            forced_down: self.nova.forced_down.contains(name),
            disabled: self.nova.disabled.get(name).cloned(),
            updated_at,
            at: self.now,
            ..NovaService::default()
        };
        let before = last.map(|last| last.at);
        self.world.evidence.hear_nova(name, service, before);
    }

    fn reach(&self, from: &str, to: &str, network: &'static str) -> bool {
        let (from, to) = (&self.machines[from], &self.machines[to]);
        let open = !from.cut.contains(network) && !to.cut.contains(network) && !self.out.contains(network);
        from.alive() && to.alive() && open
    }

    fn gossip(&mut self, observer: &str, names: &[String]) {
        for (peer, network) in names.iter().flat_map(|peer| NETWORKS.map(|n| (peer, n))) {
            let both = self.machines[observer].gossips() && self.machines[peer].gossips();
            let key = (observer.to_owned(), peer.clone(), network);
            if both && self.reach(observer, peer, network) {
                self.lost.remove(&key);
            } else {
                self.lost.entry(key).or_insert(self.now);
            }
        }
    }

    /// What the monitor of `observer` sees on a network.
    fn seen(&self, observer: &str, network: &'static str) -> NetworkReport {
        let me = &self.machines[observer];
        let peers = || self.machines.keys().filter(|peer| *peer != observer);
        let known = u32::try_from(peers().count()).expect("a few peers");
        let failed = |peer: &&String| {
            let key = (observer.to_owned(), (*peer).clone(), network);
            self.lost
                .get(&key)
                .is_some_and(|since| self.now.since(*since) >= SERF_SUSPECTS)
        };
        let not_alive: BTreeMap<String, PeerStatus> = if me.agents {
            peers()
                .filter(failed)
                .map(|peer| (peer.clone(), PeerStatus::Failed))
                .collect()
        } else {
            BTreeMap::new()
        };
        let alone = !peers().any(|peer| self.reach(observer, peer, network));
        NetworkReport {
            agent: if me.agents {
                AgentState::Running
            } else {
                AgentState::Restarting
            },
            carrier: Some(true),
            health_score: me.agents.then_some(if alone { 7 } else { 0 }),
            known,
            alive: if me.agents {
                known - u32::try_from(not_alive.len()).expect("few")
            } else {
                0
            },
            proof_of_life_age_ms: if alone { Some(3_600_000) } else { Some(500) },
            not_alive,
        }
    }

    /// Reports when something changed, when ten seconds passed, or when asked.
    pub(super) fn report(&mut self, observer: &str, nonce: Option<String>) {
        if !self.machines[observer].speaks() || self.bus_down {
            self.said.remove(observer);
            return;
        }
        // Nothing new can be seen once serf has had its time since the last change.
        let settled = self.now.since(self.changed) > SERF_SUSPECTS + TICK;
        let networks: BTreeMap<NetworkName, NetworkReport> = match self.said.get(observer) {
            Some((at, said)) if settled && *at > self.changed.plus(SERF_SUSPECTS) => said.clone(),
            _ => NETWORKS.map(|n| (NetworkName::new(n), self.seen(observer, n))).into(),
        };
        let due = self
            .said
            .get(observer)
            .is_none_or(|(at, said)| *said != networks || self.now.since(*at) >= Duration::from_secs(10));
        if !due && nonce.is_none() {
            return;
        }
        let boot_id = format!("boot-{}", self.machines[observer].boots);
        let mut report = report(observer).boot(&boot_id).build();
        report.nonce = nonce;
        report.sequence = self.now.0;
        report.clock_ms = self.now.0 / 1000;
        report.networks.clone_from(&networks);
        self.said.insert(observer.to_owned(), (self.now, networks));
        let age = self.world.policy.report_age_max();
        let _ = self.world.evidence.hear_report(report, self.now, age);
    }

    pub(super) fn probe(&mut self, host: HostId, network: &NetworkName, observers: Vec<String>) {
        let target = self.world.hosts[&host].name.clone();
        let plane = NETWORKS.into_iter().find(|n| *n == network.0).expect("a known network");
        for observer in observers.into_iter().filter(|o| self.machines[o].speaks()) {
            let cut = self.machines[&observer].cut.contains(plane);
            let answer = ProbeAnswer {
                nonce: String::new(),
                reached: (!cut).then(|| self.reach(&observer, &target, plane)),
                observer,
                target: target.clone(),
                network: network.clone(),
            };
            self.world.evidence.hear_probe(&answer, self.now);
        }
    }
}
