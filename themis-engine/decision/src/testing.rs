//! Builders for the tests of this crate: reports and worlds in a line or two.

pub(crate) mod cluster;
mod live;
pub(crate) mod machine;
pub(crate) mod nova;
mod story;

use std::collections::BTreeMap;

use themis_core::report::{AgentState, NetworkReport, PeerStatus, Report};
use themis_core::{HostId, HostState, Moment, NetworkName, SegmentId};
use uuid::Uuid;

use crate::world::{HostRecord, World};
pub(crate) use cluster::Cluster;
pub(crate) use story::Begun;

pub(crate) const NETWORKS: [&str; 3] = ["management", "storage", "tenant"];

pub(crate) struct ReportBuilder(Report);

pub(crate) fn report(observer: &str) -> ReportBuilder {
    let network = NetworkReport {
        agent: AgentState::Running,
        carrier: Some(true),
        health_score: Some(0),
        known: 0,
        // Counted when the report is heard, unless a test sets it.
        alive: u32::MAX,
        proof_of_life_age_ms: Some(100),
        not_alive: BTreeMap::new(),
    };
    ReportBuilder(Report {
        observer: observer.to_owned(),
        witness: false,
        boot_id: "boot-1".to_owned(),
        system_uuid: None,
        monitor_start: Uuid::from_u128(1),
        sequence: 1,
        clock_ms: 0,
        generation: "g".to_owned(),
        shutting_down: false,
        nonce: None,
        networks: NETWORKS.map(|n| (NetworkName::new(n), network.clone())).into(),
    })
}

impl ReportBuilder {
    pub(crate) fn sequence(mut self, sequence: u64) -> Self {
        self.0.sequence = sequence;
        self
    }
    pub(crate) fn clock_s(mut self, seconds: u64) -> Self {
        self.0.clock_ms = seconds * 1000;
        self
    }
    pub(crate) fn start(mut self, number: u128) -> Self {
        self.0.monitor_start = Uuid::from_u128(number);
        self
    }
    pub(crate) fn boot(mut self, boot_id: &str) -> Self {
        self.0.boot_id = boot_id.to_owned();
        self
    }
    pub(crate) fn witness(mut self) -> Self {
        self.0.witness = true;
        self
    }
    pub(crate) fn shutting_down(mut self) -> Self {
        self.0.shutting_down = true;
        self
    }
    pub(crate) fn accuses(self, target: &str, networks: &[&str]) -> Self {
        self.says(target, PeerStatus::Failed, networks)
    }
    pub(crate) fn says(mut self, target: &str, status: PeerStatus, networks: &[&str]) -> Self {
        for name in networks {
            if let Some(network) = self.0.networks.get_mut(&NetworkName::new(*name)) {
                network.not_alive.insert(target.to_owned(), status);
            }
        }
        self
    }
    pub(crate) fn on(mut self, network: &str, change: impl FnOnce(&mut NetworkReport)) -> Self {
        if let Some(network) = self.0.networks.get_mut(&NetworkName::new(network)) {
            change(network);
        }
        self
    }
    pub(crate) fn build(self) -> Report {
        self.0
    }
}

pub(crate) fn host_id(number: usize) -> HostId {
    HostId(Uuid::from_u128(number as u128))
}

/// A world of `count` active hosts `h1`..., armed, settled, all reporting good at `now`.
pub(crate) fn world(count: usize, now: Moment) -> World {
    let segment = SegmentId(Uuid::from_u128(99));
    let mut world = World::for_networks(&NETWORKS.map(|n| (n, n != "management")));
    world.mode = themis_core::Mode::Armed;
    world.settled = true;
    world
        .segments
        .insert(segment, crate::world::SegmentRecord::enabled("s"));
    for number in 1..=count {
        let name = format!("h{number}");
        let mut host = HostRecord::new(host_id(number), name.clone(), segment, Moment(0));
        host.state = HostState::Active;
        world.hosts.insert(host.id, host);
    }
    for number in 1..=count {
        hear(&mut world, report(&format!("h{number}")).build(), now);
    }
    world
}

/// Hears a report with the next sequence number; its counts follow from the members and whom it holds not alive.
pub(crate) fn hear(world: &mut World, mut report: Report, now: Moment) {
    if let Some(last) = world.evidence.observers.get(&report.observer)
        && last.report.monitor_start == report.monitor_start
    {
        report.sequence = last.report.sequence + 1;
    }
    report.clock_ms = now.0 / 1000;
    let witnesses = world.evidence.observers.values().filter(|heard| heard.report.witness);
    let mut members: std::collections::BTreeSet<&str> = witnesses.map(|w| w.report.observer.as_str()).collect();
    members.extend(world.hosts.values().map(|host| host.name.as_str()));
    members.remove(report.observer.as_str());
    for network in report.networks.values_mut().filter(|network| network.alive == u32::MAX) {
        network.known = u32::try_from(members.len()).expect("a few members");
        network.alive = network.known - u32::try_from(network.not_alive.len()).expect("a few peers");
    }
    let age = world.policy.report_age_max();
    world.evidence.hear_report(report, now, age).expect("a good report");
}
