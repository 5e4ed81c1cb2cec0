//! The workflow log and its replay. Rows are appended, never changed: `started` before an effect, then `succeeded`,
//! `failed` or `indeterminate`. A `started` without an outcome, found by a successor, is indeterminate.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use themis_core::{InstanceId, Moment, PowerDeviceId, Reason, VmoveId};

use super::{InstanceRecovery, ListedInstance, Outcome, Phase, Recovery, Task};

/// The steps of a recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A power-off sent to a device; the subject is the device.
    PowerOff,
    /// Off proven.
    Proof,
    /// Nova's service forced down.
    ForceDown,
    /// Nova's service disabled.
    Disable,
    /// The host's instances listed; the payload holds those found for the first time.
    List,
    /// An instance's state reset; the subject is the instance, as in all that follow.
    ResetState,
    /// An evacuation posted.
    Evacuate,
    /// An evacuation followed to its end.
    Follow,
    /// An instance stopped again.
    Stop,
    /// An instance left where it is, by a rule.
    Hold,
    /// Nova's service forced up.
    ForceUp,
    /// Nova's service enabled.
    Enable,
}

impl Step {
    /// All steps: what crash injection covers.
    pub const ALL: [Self; 12] = [
        Self::PowerOff,
        Self::Proof,
        Self::ForceDown,
        Self::Disable,
        Self::List,
        Self::ResetState,
        Self::Evacuate,
        Self::Follow,
        Self::Stop,
        Self::Hold,
        Self::ForceUp,
        Self::Enable,
    ];

    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PowerOff => "power_off",
            Self::Proof => "proof",
            Self::ForceDown => "force_down",
            Self::Disable => "disable",
            Self::List => "list",
            Self::ResetState => "reset_state",
            Self::Evacuate => "evacuate",
            Self::Follow => "follow",
            Self::Stop => "stop",
            Self::Hold => "hold",
            Self::ForceUp => "force_up",
            Self::Enable => "enable",
        }
    }

    /// The step of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }
}

/// What happened to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEvent {
    /// Intended; the effect may begin.
    Started,
    /// It holds.
    Succeeded,
    /// It does not hold.
    Failed,
    /// Whether it holds is not known.
    Indeterminate,
}

impl StepEvent {
    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Indeterminate => "indeterminate",
        }
    }

    /// The event of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Started, Self::Succeeded, Self::Failed, Self::Indeterminate]
            .into_iter()
            .find(|e| e.name() == name)
    }
}

/// One row of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    /// Which step.
    pub step: Step,
    /// The instance or device that it is about; empty for the host itself.
    pub subject: String,
    /// Counts from 1.
    pub attempt: u32,
    /// What happened.
    pub event: StepEvent,
    /// Output, reason, or what a successor must know.
    pub payload: Value,
}

impl StepRow {
    /// A row about the host itself.
    #[must_use]
    pub fn of_host(step: Step, event: StepEvent, payload: Value) -> Self {
        Self {
            step,
            subject: String::new(),
            attempt: 1,
            event,
            payload,
        }
    }

    /// A row about an instance.
    #[must_use]
    pub fn of_instance(step: Step, instance: InstanceId, attempt: u32, event: StepEvent, payload: Value) -> Self {
        Self {
            step,
            subject: instance.to_string(),
            attempt,
            event,
            payload,
        }
    }
}

/// What is written of an effect that ended, of the host or of `instance`. A refusal by Nova counts against the instance;
/// a request that it never took does not, however often that happens, unless it took the others'.
#[must_use]
pub fn ended(
    outcome: &Outcome,
    recovery: &Recovery,
    instance: Option<InstanceId>,
    attempts_max: u32,
) -> (StepEvent, Value) {
    let forbidden = |reason: &Reason| instance.is_some_and(|id| recovery.forbids(id, reason));
    match outcome {
        Outcome::Done(value) => (StepEvent::Succeeded, value.clone()),
        Outcome::Retry(reason) if !forbidden(reason) => (StepEvent::Failed, json!({"reason": reason, "retry": true})),
        Outcome::Retry(reason) | Outcome::Failed(reason) => {
            let instance = instance.and_then(|id| recovery.instances.get(&id));
            let retry = instance.is_some_and(|instance| instance.may_fail_again(attempts_max));
            let payload = json!({"reason": reason, "retry": retry, "counted": true});
            (StepEvent::Failed, payload)
        }
        Outcome::Indeterminate(reason) => (StepEvent::Indeterminate, json!({"reason": reason})),
    }
}

/// Whether a row counts as a failure to move its instance.
pub(super) fn counted(row: &StepRow) -> bool {
    row.payload["counted"] == true
}

/// What a `list` row carries.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Found {
    /// Instances seen for the first time, with the ids of their vmoves.
    pub instances: Vec<(ListedInstance, VmoveId)>,
}

impl Recovery {
    /// What the rows say, for a successor: a step without an outcome is in doubt.
    #[must_use]
    pub fn replay<'a>(rows: impl IntoIterator<Item = &'a StepRow>) -> Self {
        let mut recovery = Self::default();
        for row in rows {
            recovery.apply(row, None);
        }
        recovery.adopt();
        recovery
    }

    /// What a leader's death leaves undecided is looked into, never assumed.
    pub(super) fn adopt(&mut self) {
        for task in [
            &mut self.force_down,
            &mut self.disable,
            &mut self.list,
            &mut self.force_up,
            &mut self.enable,
        ] {
            if matches!(task, Task::Started) {
                // These look first and are harmless to repeat.
                *task = Task::Again(Moment(0));
            }
        }
        for instance in self.instances.values_mut() {
            match instance.phase {
                Phase::Posting => instance.phase = Phase::Doubtful(None),
                Phase::Resetting => instance.phase = Phase::Waiting(None),
                Phase::Stopping => instance.phase = Phase::Moving(None),
                Phase::Waiting(_)
                | Phase::Doubtful(_)
                | Phase::Moving(_)
                | Phase::Back { .. }
                | Phase::Gone
                | Phase::Failed(_)
                | Phase::Held(_) => {}
            }
        }
    }

    /// Applies one row, live (`now`) or in a replay.
    pub fn apply(&mut self, row: &StepRow, now: Option<Moment>) {
        match row.step {
            Step::PowerOff => {
                self.power_off_sent = true;
                let device = row.subject.parse::<PowerDeviceId>().ok();
                self.accepted
                    .extend(device.filter(|_| row.event == StepEvent::Succeeded));
            }
            Step::Proof => self.proven = true,
            Step::ForceDown => self.force_down = self.task(row, now),
            Step::Disable => {
                self.disable = self.task(row, now);
                self.disabled_before |= row.payload["disabled_before"] == json!(true);
            }
            Step::List => self.apply_list(row, now),
            Step::ForceUp => self.force_up = self.task(row, now),
            Step::Enable => self.enable = self.task(row, now),
            Step::ResetState | Step::Evacuate | Step::Follow | Step::Stop | Step::Hold => {
                self.note_nova(row, now);
                let id = row.subject.parse::<InstanceId>().ok();
                if let Some(instance) = id.and_then(|id| self.instances.get_mut(&id)) {
                    instance.apply(row, now);
                }
            }
        }
    }

    fn task(&mut self, row: &StepRow, now: Option<Moment>) -> Task {
        let tries = self.tries.entry(row.step).or_default();
        match row.event {
            StepEvent::Started => {
                *tries += 1;
                Task::Started
            }
            StepEvent::Succeeded => {
                *tries = 0;
                Task::Done
            }
            StepEvent::Failed | StepEvent::Indeterminate => Task::Again(again(*tries, now)),
        }
    }

    fn apply_list(&mut self, row: &StepRow, now: Option<Moment>) {
        self.list = self.task(row, now);
        if row.event != StepEvent::Succeeded {
            return;
        }
        self.listed = true;
        let Ok(found) = serde_json::from_value::<Found>(row.payload.clone()) else {
            return;
        };
        self.list_final = found
            .instances
            .iter()
            .all(|(listed, _)| self.instances.contains_key(&listed.id));
        for (listed, vmove) in found.instances {
            let before = listed.migrations_before.clone();
            self.instances.entry(listed.id).or_insert(InstanceRecovery {
                listed,
                vmove,
                attempts: 0,
                failures: 0,
                turned_away: 0,
                phase: Phase::Waiting(None),
                reset: false,
                stopped: false,
                ruled_out: BTreeSet::new(),
                before,
                towards: None,
                slow: false,
            });
        }
    }
}

/// When a failed step may be tried again: after 1, 2, 4, 8 s, then every 10 s.
pub(super) fn again(tries: u32, now: Option<Moment>) -> Moment {
    let seconds = (1_u64 << tries.saturating_sub(1).min(4)).min(10);
    now.map_or(Moment(0), |now| now.plus(std::time::Duration::from_secs(seconds)))
}

impl InstanceRecovery {
    /// Whether one more failure would still leave it a try.
    #[must_use]
    pub const fn may_fail_again(&self, attempts_max: u32) -> bool {
        self.failures + 1 < attempts_max
    }

    fn apply(&mut self, row: &StepRow, now: Option<Moment>) {
        let reason = || serde_json::from_value::<Reason>(row.payload["reason"].clone()).ok();
        let or = |text: &str| reason().unwrap_or_else(|| Reason::new("failed", text));
        let retry = row.payload["retry"] == json!(true);
        match (row.step, row.event) {
            (Step::ResetState, StepEvent::Started) => self.phase = Phase::Resetting,
            (Step::ResetState, StepEvent::Succeeded) => {
                self.reset = true;
                self.phase = Phase::Waiting(None);
            }
            (Step::Evacuate, StepEvent::Started) => {
                self.attempts = row.attempt;
                self.phase = Phase::Posting;
                if let Ok(before) = serde_json::from_value(row.payload["before"].clone()) {
                    self.before = before;
                }
                self.rule_out(row);
            }
            (Step::Evacuate, StepEvent::Succeeded) => self.phase = Phase::Moving(now),
            (Step::Evacuate, StepEvent::Indeterminate) => self.phase = Phase::Doubtful(now),
            (Step::Stop, StepEvent::Started) => self.phase = Phase::Stopping,
            (Step::Follow, StepEvent::Succeeded) => self.finish(row),
            // The next look concludes; a stop is sent once.
            (Step::Stop, StepEvent::Succeeded | StepEvent::Failed | StepEvent::Indeterminate) => {
                self.stopped = true;
                self.phase = Phase::Moving(now);
            }
            // A reset is harmless to repeat.
            (Step::ResetState, StepEvent::Indeterminate) => {
                self.phase = Phase::Waiting(Some(again(self.turned_away, now)));
            }
            (Step::ResetState | Step::Evacuate | Step::Follow, StepEvent::Failed) => {
                self.failures += u32::from(counted(row));
                if let Ok(before) = serde_json::from_value(row.payload["before"].clone()) {
                    self.before = before;
                }
                self.rule_out(row);
                self.phase = if retry {
                    Phase::Waiting(Some(again(row.attempt.max(self.turned_away), now)))
                } else {
                    Phase::Failed(or("it could not be moved"))
                };
            }
            (Step::Hold, _) => self.phase = Phase::Held(or("held")),
            // A look that decides nothing changes nothing.
            (Step::Follow, StepEvent::Started | StepEvent::Indeterminate)
            | (
                Step::PowerOff
                | Step::Proof
                | Step::ForceDown
                | Step::Disable
                | Step::List
                | Step::ForceUp
                | Step::Enable,
                _,
            ) => {}
        }
    }

    fn rule_out(&mut self, row: &StepRow) {
        if let Ok(hosts) = serde_json::from_value::<Vec<String>>(row.payload["ruled_out"].clone()) {
            self.ruled_out.extend(hosts);
        }
    }

    /// Hosts on which an earlier migration may have started it, but for those that were read off since.
    pub fn may_run_on(&self) -> impl Iterator<Item = &str> {
        let hosts = self.listed.may_run_on.iter().map(String::as_str);
        hosts.filter(|host| !self.ruled_out.contains(*host))
    }

    fn finish(&mut self, row: &StepRow) {
        self.phase = match row.payload["host"].as_str() {
            Some(host) => Phase::Back { host: host.to_owned() },
            None => Phase::Gone,
        };
    }
}
