//! How tests tell stories about a [`Cluster`]: what happens to machines, and what is asked of the outcome.

use std::collections::BTreeMap;
use std::time::Duration;

use themis_core::{HostState, IncidentId, NotificationId, Reason};
use uuid::Uuid;

use super::cluster::{Cluster, STORY_MAX};
use super::machine::Machine;
use crate::evidence::Evidence;
use crate::judge::Change;
use crate::recovery::{Effect, Recovery, StepRow};
use crate::world::{Claim, Watch};

/// What becomes of requests that a leader had begun when it died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// They were never sent.
    Unsent,
    /// They took effect; nobody heard the answer.
    Sent,
}

impl Cluster {
    // What happens to machines.

    /// Kernel panic: nothing on it runs or answers, its BMC reads on.
    pub(crate) fn crash(&mut self, host: &str) {
        self.machine(host).kernel = false;
    }

    /// All programs stop, the kernel answers, guests go on.
    pub(crate) fn stop_programs(&mut self, host: &str) {
        let machine = self.machine(host);
        (machine.agents, machine.monitor, machine.compute) = (false, false, false);
    }

    pub(crate) fn cut(&mut self, host: &str, network: &'static str) {
        self.machine(host).cut.insert(network);
    }

    /// The machine is powered and well, as after a fresh start. Guests that Nova never moved are started.
    pub(crate) fn power_on(&mut self, host: &str) {
        let (bmc, boots) = (self.machine(host).bmc.clone(), self.machine(host).boots + 1);
        let powered_on = Some(self.now);
        *self.machine(host) = Machine {
            bmc,
            boots,
            powered_on,
            ..Machine::new()
        };
    }

    /// Everything about the machine but its power device is well again.
    pub(crate) fn heal(&mut self, host: &str) {
        let machine = self.machine(host);
        *machine = Machine {
            bmc: machine.bmc.clone(),
            boots: machine.boots,
            powered: machine.powered,
            ..Machine::new()
        };
    }

    pub(crate) fn claim(&mut self, host: &str) {
        let notification = NotificationId(Uuid::from_u128(77));
        let reason = Reason::new("claimed", "a monitor says that it stopped");
        self.host_mut(host).watch.claim = Some(Claim { notification, reason });
    }

    pub(crate) fn set_segment_enabled(&mut self, enabled: bool) {
        for segment in self.world.segments.values_mut() {
            segment.enabled = enabled;
        }
    }

    // Waiting.

    /// Runs until the host is in that state; how long it took.
    pub(crate) fn until(&mut self, host: &str, state: HostState) -> Duration {
        self.wait(&format!("{host} to be {state}"), |cluster| cluster.state(host) == state)
    }

    pub(crate) fn wait(&mut self, what: &str, over: impl Fn(&Self) -> bool) -> Duration {
        let start = self.now;
        while !over(self) {
            assert!(
                self.now.since(start) < STORY_MAX,
                "waited in vain for {what}\n{}",
                self.story()
            );
            self.tick();
        }
        self.now.since(start)
    }

    // What came of it.

    pub(crate) fn state(&self, host: &str) -> HostState {
        self.host(host).state
    }

    /// The code of the hold that is shown.
    pub(crate) fn hold(&self, host: &str) -> Option<&str> {
        self.host(host).watch.hold.as_ref().map(|reason| reason.code.as_str())
    }

    /// The codes of the events of one kind about a host.
    pub(crate) fn told(&self, host: &str, kind: &str) -> Vec<&str> {
        let id = self.id(host);
        let codes = self.journal.iter().filter_map(|(_, change)| match change {
            Change::Event {
                host, kind: k, reason, ..
            } if *host == id && *k == kind => Some(reason.code.as_str()),
            _ => None,
        });
        codes.collect()
    }

    /// The states that the host went to, from its story.
    pub(crate) fn path(&self, host: &str) -> Vec<HostState> {
        let id = self.id(host);
        let states = self.journal.iter().filter_map(|(_, change)| match change {
            Change::Event {
                host,
                kind: "state",
                reason,
                ..
            } if *host == id => serde_json::from_value(reason.data["to"].clone()).ok(),
            _ => None,
        });
        states.collect()
    }

    pub(crate) fn opened(&self, host: &str) -> usize {
        let id = self.id(host);
        let opened = |(_, change): &&(_, Change)| matches!(change, Change::Opened { host, .. } if *host == id);
        self.journal.iter().filter(opened).count()
    }

    /// How the host's incidents ended.
    pub(crate) fn outcomes(&self) -> Vec<&'static str> {
        let outcomes = self.journal.iter().filter_map(|(_, change)| match change {
            Change::Closed { outcome, .. } => Some(*outcome),
            _ => None,
        });
        outcomes.collect()
    }

    /// Effects on a host that change something, by kind.
    pub(crate) fn power_offs(&self, host: &str) -> usize {
        self.begun(host, |effect| matches!(effect, Effect::PowerOff { .. }))
    }

    pub(crate) fn evacuations(&self, host: &str) -> usize {
        self.begun(host, |effect| matches!(effect, Effect::Evacuate { .. }))
    }

    fn begun(&self, host: &str, kind: impl Fn(&Effect) -> bool) -> usize {
        let id = self.id(host);
        self.effects.iter().filter(|w| w.host == id && kind(&w.effect)).count()
    }

    /// Nothing was done to any host.
    pub(crate) fn assert_untouched(&self) {
        assert!(self.effects.is_empty(), "{:?}\n{}", self.effects, self.story());
        assert!(self.machines.values().all(|machine| machine.bmc.taken == 0));
    }

    /// The journal for people, when a test fails.
    pub(crate) fn story(&self) -> String {
        use std::fmt::Write;
        let mut out = String::new();
        for (at, change) in &self.journal {
            let _ = match change {
                Change::Event { host, kind, reason, .. } => {
                    let name = self.world.hosts.get(host).map_or("?", |h| h.name.as_str());
                    writeln!(out, "{:>8.2} {name} {kind}: {reason}", self.seconds(*at))
                }
                Change::Step { row, .. } => {
                    let (step, event) = (row.step.name(), row.event.name());
                    writeln!(
                        out,
                        "{:>8.2}    {step} {} #{} {event}",
                        self.seconds(*at),
                        row.subject,
                        row.attempt
                    )
                }
                _ => Ok(()),
            };
        }
        let _ = writeln!(out, "now {:.2}", self.seconds(self.now));
        out
    }

    #[allow(clippy::cast_precision_loss, reason = "for people")]
    fn seconds(&self, at: themis_core::Moment) -> f64 {
        at.0 as f64 / 1e6 - 1000.0
    }

    // Another leader.

    /// The leader dies; another one starts from what was stored, and hears everything anew.
    pub(crate) fn fail_over(&mut self, begun: Begun) {
        let due = self.abandon();
        if begun == Begun::Sent {
            for wanted in due {
                let name = self.world.hosts[&wanted.host].name.clone();
                match wanted.effect {
                    Effect::PowerOff { .. } => self.lose_power(&name),
                    ref effect => drop(self.nova.perform(effect, &name, self.now)),
                }
            }
        }
        self.world.evidence = Evidence::default();
        self.world.outages.clear();
        self.world.settled = false;
        let now = self.now;
        let logs = self.logs();
        for host in self.world.hosts.values_mut() {
            let stored = self.stored.get(&host.id).cloned().unwrap_or_default();
            host.watch = Watch::default();
            host.recovery = Recovery::default();
            let Some(stored) = stored else { continue };
            (host.state, host.incident, host.detail) = (stored.state, stored.incident, stored.detail);
            let empty = Vec::new();
            let log = host.incident.and_then(|incident| logs.get(&incident)).unwrap_or(&empty);
            host.recovery = Recovery::replay(log);
            host.watch.checking_since = Some(now);
            let sent = host.recovery.power_off_sent || host.detail.vouched.is_some();
            match host.state {
                HostState::Failed => host.state = HostState::Checking,
                HostState::Fencing if !sent => host.state = HostState::Checking,
                HostState::Fenced | HostState::Evacuating | HostState::Fencing | HostState::Evacuated => {
                    host.watch.proven = Some(now);
                    let power = self.world.evidence.power.entry(host.id).or_default();
                    crate::host::resume_power(host, power, now);
                }
                _ => {}
            }
        }
    }

    /// The workflow logs as stored.
    pub(crate) fn logs(&self) -> BTreeMap<IncidentId, Vec<StepRow>> {
        let mut logs: BTreeMap<IncidentId, Vec<StepRow>> = BTreeMap::new();
        for (_, change) in &self.journal {
            if let Change::Step { incident, row } = change {
                logs.entry(*incident).or_default().push(row.clone());
            }
        }
        logs
    }

    /// The rows of the host's present incident.
    pub(crate) fn log_of(&self, host: &str) -> Vec<StepRow> {
        let incident = self.host(host).incident.expect("an incident");
        self.logs().remove(&incident).unwrap_or_default()
    }
}
