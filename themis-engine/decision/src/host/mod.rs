//! The host machine: one function per state, each looking at everything that may happen in it.
//!
//! A turn takes at most one step. A step changes the record in memory and says what must be stored; the engine stores
//! before it acts, and a leader that cannot store stops being one, so memory never runs ahead of the database for long.
//! The files: [`healthy`] (disabled, initializing, active), [`checking`], [`failed`], [`fencing`], [`recovering`]
//! (fenced, evacuating, evacuated, recovering).

mod adopt;
mod checking;
mod failed;
mod fencing;
mod healthy;
mod recovering;
#[cfg(test)]
mod tests;

pub use adopt::resume_power;
pub use recovering::proven_off;

use std::time::Duration;

use serde_json::json;
use themis_core::network::Importance;
use themis_core::proof::{FenceProof, ProofSource};
use themis_core::{HostId, HostState, IncidentId, Mode, Moment, NetworkName, Reason};
use uuid::Uuid;

use crate::brakes::power_word;
use crate::judge::{Change, Judgement, WantedEffect};
use crate::matrix::{Demand, demand};
use crate::power::PowerWord;
use crate::recovery::plan::Planned;
use crate::verdict::{HostVerdicts, Standing};
use crate::world::{HostRecord, World};

/// What one step works with.
pub struct Turn<'a> {
    /// Everything.
    pub world: &'a mut World,
    /// Whose turn it is.
    pub id: HostId,
    /// Now.
    pub now: Moment,
    /// What is believed of it.
    pub verdicts: &'a HostVerdicts,
    /// What the turn brings.
    pub out: &'a mut Judgement,
    /// Fresh ids.
    pub ids: &'a mut dyn FnMut() -> Uuid,
}

/// Lets the host take at most one step.
pub fn step(turn: &mut Turn<'_>) {
    let Some(host) = turn.world.hosts.get(&turn.id) else {
        return;
    };
    let state = host.state;
    let disabled = host.disabled();
    turn.note_health();
    if disabled && !state.in_recovery() && state != HostState::Disabled && state != HostState::Evacuated {
        return turn.disable();
    }
    match state {
        HostState::Disabled => healthy::disabled(turn, disabled),
        HostState::Initializing => healthy::initializing(turn),
        HostState::Active => healthy::active(turn),
        HostState::Checking => checking::checking(turn),
        HostState::Failed => failed::failed(turn),
        HostState::Fencing => fencing::fencing(turn),
        HostState::Fenced => recovering::fenced(turn),
        HostState::Evacuating => recovering::evacuating(turn),
        HostState::Evacuated => recovering::evacuated(turn),
        HostState::Recovering => recovering::recovering(turn),
    }
}

impl Turn<'_> {
    pub(crate) fn host(&mut self) -> Option<&mut HostRecord> {
        self.world.hosts.get_mut(&self.id)
    }

    /// Reads something of the host; `None` when it was removed meanwhile.
    pub(crate) fn read<T>(&self, f: impl FnOnce(&HostRecord) -> T) -> Option<T> {
        self.world.hosts.get(&self.id).map(f)
    }

    /// How long the host has been in its state.
    pub(crate) fn in_state_for(&self) -> Duration {
        self.read(|h| self.now.since(h.since)).unwrap_or_default()
    }

    /// What the matrix makes of the verdicts.
    pub(crate) fn demand(&self) -> Demand {
        let Some(host) = self.world.hosts.get(&self.id) else {
            return Demand::Nothing;
        };
        demand(self.verdicts, &self.world.policy, |name| {
            self.world.importance(host, name)
        })
    }

    pub(crate) fn power(&self) -> PowerWord {
        self.world
            .hosts
            .get(&self.id)
            .map_or(PowerWord::NoDevice, |h| power_word(self.world, h, self.now))
    }

    /// Whether Themis only observes by now: what was begun is held where it stands.
    pub(crate) fn observing(&mut self) -> bool {
        let observing = self.read(|h| self.world.mode_of(h)) == Some(Mode::Observe);
        if observing {
            let text = "disarmed in the middle of a recovery: nothing more is sent; 'themis arm' goes on with it";
            self.hold("hold", Reason::new("observe_mode", text));
        }
        observing
    }

    /// How long all its bound devices have read off.
    pub(crate) fn off_for(&self) -> Option<Duration> {
        self.world
            .evidence
            .power
            .get(&self.id)
            .and_then(|p| p.off_for(self.now))
    }

    /// Good on every critical network, by the word of those who may judge.
    pub(crate) fn good(&self) -> bool {
        let critical = self.critical();
        !critical.is_empty()
            && critical
                .iter()
                .all(|name| self.verdicts.networks[*name].verdict == Standing::Good)
    }

    /// The critical networks that are not good, with their reasons.
    pub(crate) fn missing(&self) -> Vec<String> {
        let not_good = |name: &&&NetworkName| self.verdicts.networks[**name].verdict != Standing::Good;
        let text = |name: &&NetworkName| self.verdicts.networks[*name].reason.text.clone();
        self.critical().iter().filter(not_good).map(text).collect()
    }

    /// Why a critical network on which nobody accuses the host is not known to be good.
    pub(crate) fn unseen(&self) -> Option<Reason> {
        let verdict = |name: &&NetworkName| &self.verdicts.networks[*name];
        self.critical()
            .iter()
            .filter(|name| !self.verdicts.accused.contains_key(**name))
            .map(verdict)
            .find(|verdict| verdict.verdict == Standing::Unknown)
            .map(|verdict| verdict.reason.clone())
    }

    fn critical(&self) -> Vec<&NetworkName> {
        let Some(host) = self.world.hosts.get(&self.id) else {
            return Vec::new();
        };
        self.verdicts
            .networks
            .keys()
            .filter(|name| self.world.importance(host, name) == Importance::Critical)
            .collect()
    }

    fn note_health(&mut self) {
        let good = self.good();
        let now = self.now;
        let accused = self.verdicts.accused.iter().next().map(|(network, observers)| {
            let text = format!("{} accused on {network} by {}", self.name(), observers.join(", "));
            Reason::new("accused", text).with(json!({"network": network, "observers": observers}))
        });
        let Some(host) = self.host() else { return };
        host.watch.good_since = if good {
            host.watch.good_since.or(Some(now))
        } else {
            None
        };
        match accused {
            Some(reason) => {
                host.watch.first_accusation.get_or_insert((now, reason));
            }
            None if host.incident.is_none() || host.state == HostState::Recovering => {
                host.watch.first_accusation = None;
            }
            None => {}
        }
    }

    pub(crate) fn name(&self) -> String {
        self.read(|h| h.name.clone()).unwrap_or_default()
    }

    /// Good for at least `period`.
    pub(crate) fn good_for(&self, period: Duration) -> bool {
        self.read(|h| h.watch.good_since.is_some_and(|since| self.now.since(since) >= period))
            .unwrap_or(false)
    }

    /// Moves to another state; the story of an open incident tells it.
    pub(crate) fn go(&mut self, to: HostState, reason: Reason) {
        let now = self.now;
        let Some(host) = self.host() else { return };
        let from = host.state;
        host.state = to;
        host.since = now;
        host.reason = reason.clone();
        host.watch.hold = None;
        host.watch.calm_since = None;
        host.watch.alarmed.clear();
        let (id, data) = (self.id, json!({"from": from, "to": to, "why": reason.data}));
        self.out.changes.push(Change::Host(id));
        self.tell("state", Reason { data, ..reason });
    }

    /// Writes a line of the incident's story, if there is one.
    pub(crate) fn tell(&mut self, kind: &'static str, reason: Reason) {
        self.tell_at(kind, reason, self.now);
    }

    pub(crate) fn tell_at(&mut self, kind: &'static str, reason: Reason, at: Moment) {
        if let Some(incident) = self.incident() {
            self.out.changes.push(Change::Event {
                host: self.id,
                incident,
                kind,
                reason,
                at,
            });
        }
    }

    /// Says why the host is held, once per reason.
    pub(crate) fn hold(&mut self, kind: &'static str, reason: Reason) {
        let Some(host) = self.host() else { return };
        if host
            .watch
            .hold
            .as_ref()
            .is_some_and(|before| before.code == reason.code)
        {
            host.watch.hold = Some(reason);
            return;
        }
        host.watch.hold = Some(reason.clone());
        self.out.changes.push(Change::Host(self.id));
        self.tell(kind, reason);
    }

    /// Nothing holds the host any more.
    pub(crate) fn release(&mut self) {
        if let Some(hold) = self.host().and_then(|h| h.watch.hold.take()) {
            self.tell(
                "hold_released",
                Reason::new("released", format!("no longer held: {}", hold.code)),
            );
        }
    }

    /// Gives an alarm, once per state and code.
    pub(crate) fn alarm(&mut self, reason: Reason) {
        let fresh = self.host().is_some_and(|h| h.watch.alarmed.insert(reason.code.clone()));
        if fresh {
            self.tell("alarm", reason);
        }
    }

    pub(crate) fn incident(&self) -> Option<IncidentId> {
        self.read(|h| h.incident).flatten()
    }

    /// Opens an incident unless the host is in one.
    pub(crate) fn open_incident(&mut self) {
        if self.incident().is_some() {
            return;
        }
        let incident = IncidentId((self.ids)());
        let now = self.now;
        let Some(host) = self.host() else { return };
        host.incident = Some(incident);
        host.recovery = crate::recovery::Recovery::default();
        host.detail.returns = 0;
        host.detail.vouched = None;
        host.detail.failed_with.clear();
        host.detail.let_through = false;
        host.detail.returned = false;
        host.detail.switched_on = false;
        let claim = host.watch.claim.take();
        let first = host.watch.first_accusation.clone();
        if let Some(power) = self.world.evidence.power.get_mut(&self.id) {
            power.begin();
        }
        let notification = claim.as_ref().map(|c| c.notification);
        self.out.changes.push(Change::Opened {
            host: self.id,
            incident,
            claim: notification,
        });
        if let Some(claim) = claim {
            self.tell_at("claim", claim.reason, now);
        }
        if let Some((at, reason)) = first {
            self.tell_at("observed", reason, at);
        }
    }

    /// Ends the incident in the log; the host forgets it unless it must still be returned.
    pub(crate) fn close_incident(&mut self, outcome: &'static str, summary: Reason) {
        if let Some(incident) = self.incident() {
            self.tell("closed", summary.clone());
            self.out.changes.push(Change::Closed {
                incident,
                outcome,
                summary,
            });
        }
    }

    pub(crate) fn forget_incident(&mut self) {
        if let Some(host) = self.host() {
            host.incident = None;
            host.watch.first_accusation = None;
        }
        self.out.changes.push(Change::Host(self.id));
    }

    /// Takes back the maintenance flag, where it was we who set it.
    pub(crate) fn end_maintenance(&mut self) {
        let id = self.id;
        let Some(host) = self.host().filter(|h| h.detail.maintenance_by_incident) else {
            return;
        };
        host.detail.maintenance_by_incident = false;
        if host.detail.maintenance_by_process {
            return;
        }
        host.on_maintenance = false;
        self.out.changes.push(Change::Maintenance { host: id, on: false });
    }

    fn disable(&mut self) {
        let summary = Reason::new("disabled", "taken out by an operator");
        self.close_incident("disabled", summary.clone());
        self.end_maintenance();
        self.forget_incident();
        self.go(HostState::Disabled, summary);
    }

    /// Begins planned effects: the row is applied here and stored before the effect runs.
    pub(crate) fn begin(&mut self, planned: Vec<Planned>) {
        let Some(incident) = self.incident() else { return };
        let (id, now) = (self.id, self.now);
        for (row, effect) in planned {
            let Some(host) = self.host() else { return };
            host.recovery.apply(&row, Some(now));
            if let Ok(instance) = row.subject.parse::<themis_core::InstanceId>() {
                self.out.changes.push(Change::Vmove {
                    host: id,
                    incident,
                    instance,
                });
            }
            self.out.changes.push(Change::Step { incident, row });
            if let Some(effect) = effect {
                self.out.effects.push(WantedEffect {
                    host: id,
                    incident,
                    effect,
                    decided: now,
                });
            }
        }
    }

    /// The proof that the host is off, as young as the last reading (or, on an operator's word, as the absence of life).
    pub(crate) fn proof(&self) -> Option<FenceProof> {
        let host = self.world.hosts.get(&self.id)?;
        let incident = host.incident?;
        let policy = &self.world.policy;
        let by_power = self
            .world
            .evidence
            .power
            .get(&self.id)
            .and_then(|p| p.proof(policy.off_apart, policy.off_hold));
        let (source, confirmed) = match (by_power, &host.detail.vouched) {
            (Some(at), _) => (
                ProofSource::PowerOff {
                    devices: host.devices.iter().map(|d| d.id).collect(),
                },
                at,
            ),
            (None, Some(vouch)) if self.verdicts.life.is_none() => (
                ProofSource::Operator {
                    user: vouch.user.clone(),
                    reason: vouch.reason.clone(),
                },
                self.now,
            ),
            (None, _) => return None,
        };
        Some(FenceProof {
            host: self.id,
            incident,
            source,
            confirmed,
        })
    }
}
