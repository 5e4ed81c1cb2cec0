//! The workflow log of one notification and its replay. Rows are appended, never changed: `started` before an effect,
//! then `succeeded`, `failed` or `indeterminate`. A `started` without an outcome, found by a successor, is in doubt: it
//! is looked at, not repeated.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use themis_core::{Moment, Reason};

use super::{Notice, Recovery, Stage};
use crate::recovery::StepEvent;

/// The steps; each is one of Masakari's tasks, or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A resized instance's recorded state set to active.
    ResetInstance,
    /// The instance stopped.
    StopInstance,
    /// The instance started.
    StartInstance,
    /// The instance seen active.
    ConfirmInstance,
    /// Nova's service disabled.
    DisableService,
    /// Nova's service seen disabled.
    ConfirmService,
}

impl Step {
    /// All steps: what crash injection covers.
    pub const ALL: [Self; 6] = [
        Self::ResetInstance,
        Self::StopInstance,
        Self::StartInstance,
        Self::ConfirmInstance,
        Self::DisableService,
        Self::ConfirmService,
    ];

    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ResetInstance => "reset_instance",
            Self::StopInstance => "stop_instance",
            Self::StartInstance => "start_instance",
            Self::ConfirmInstance => "confirm_instance",
            Self::DisableService => "disable_service",
            Self::ConfirmService => "confirm_service",
        }
    }

    /// The step of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Which step.
    pub step: Step,
    /// The instance or the host that it is about.
    pub subject: String,
    /// Counts from 1 in each run.
    pub attempt: u32,
    /// What happened.
    pub event: StepEvent,
    /// `run`, and output or reason.
    pub payload: Value,
}

impl Row {
    fn new(recovery: &Recovery, step: Step, subject: &str, event: StepEvent, mut payload: Value) -> Self {
        payload["run"] = json!(recovery.run);
        let sent = recovery.tries.get(&step).copied().unwrap_or(0);
        let attempt = if event == StepEvent::Started {
            sent + 1
        } else {
            sent.max(1)
        };
        Self {
            step,
            subject: subject.to_owned(),
            attempt,
            event,
            payload,
        }
    }

    pub(crate) fn started(recovery: &Recovery, step: Step, subject: &str) -> Self {
        Self::new(recovery, step, subject, StepEvent::Started, json!({}))
    }

    /// A request that is addressed to a host.
    pub(crate) fn addressed(mut self, host: &str) -> Self {
        self.payload["host"] = json!(host);
        self
    }

    pub(crate) fn succeeded(recovery: &Recovery, step: Step, subject: &str) -> Self {
        Self::new(recovery, step, subject, StepEvent::Succeeded, json!({}))
    }

    /// It held before anything was sent.
    pub(crate) fn already(mut self) -> Self {
        self.payload["already"] = json!(true);
        self
    }

    /// Nothing had to be done, and why.
    pub(crate) fn skipped(recovery: &Recovery, step: Step, subject: &str, why: &Reason) -> Self {
        Self::new(recovery, step, subject, StepEvent::Succeeded, json!({"skipped": why}))
    }

    pub(crate) fn failed(recovery: &Recovery, step: Step, subject: &str, why: &Reason, retry: bool) -> Self {
        let payload = json!({"reason": why, "retry": retry});
        Self::new(recovery, step, subject, StepEvent::Failed, payload)
    }

    pub(crate) fn indeterminate(recovery: &Recovery, step: Step, subject: &str, why: &Reason) -> Self {
        let payload = json!({"reason": why});
        Self::new(recovery, step, subject, StepEvent::Indeterminate, payload)
    }

    fn run(&self) -> u32 {
        let run = self.payload["run"].as_u64().unwrap_or(1);
        u32::try_from(run).unwrap_or(u32::MAX).max(1)
    }

    fn ends_run(&self) -> bool {
        self.event == StepEvent::Failed && self.payload["retry"] != json!(true)
    }
}

impl Recovery {
    /// A recovery that another leader took up, as its rows tell it. `retry_at` is given for one in status `error`.
    #[must_use]
    pub fn replay(notice: Notice, rows: &[Row], retry_at: Option<Moment>, now: Moment) -> Self {
        let mut recovery = Self::waiting(notice, now);
        recovery.stage = Stage::Open(now);
        for row in rows {
            recovery.apply(row, now);
        }
        if let Some(retry_at) = retry_at {
            recovery.stage = Stage::Failed(retry_at);
        } else if rows.last().is_some_and(Row::ends_run) {
            recovery.again(now);
        } else if let Stage::Sent(step) = recovery.stage {
            recovery.go(Stage::Followed { step, doubtful: true }, now);
        }
        recovery
    }

    /// The one retry begins.
    pub(crate) fn again(&mut self, now: Moment) {
        self.run += 1;
        self.done.clear();
        self.tries.clear();
        self.held = None;
        self.parked = false;
        self.go(Stage::Open(now), now);
    }

    /// Applies one row, live or in a replay.
    pub fn apply(&mut self, row: &Row, now: Moment) {
        if row.run() > self.run {
            self.again(now);
        }
        match row.event {
            StepEvent::Started => {
                self.tries.insert(row.step, row.attempt);
                self.touched |= matches!(row.step, Step::ResetInstance | Step::StopInstance | Step::StartInstance);
                if row.step == Step::StartInstance {
                    self.start_sent = true;
                    self.started_at = Some(now);
                    let host = row.payload["host"].as_str().map(str::to_owned);
                    self.strays
                        .extend(self.started_on.take().filter(|before| Some(before) != host.as_ref()));
                    self.started_on = host;
                }
                let stage = match row.step {
                    // Nothing is sent for these: they are looked at.
                    Step::ConfirmInstance | Step::ConfirmService => Stage::Followed {
                        step: row.step,
                        doubtful: false,
                    },
                    Step::ResetInstance | Step::StopInstance | Step::StartInstance | Step::DisableService => {
                        Stage::Sent(row.step)
                    }
                };
                let since = self.since;
                self.go(stage, now);
                if row.attempt > 1 {
                    // The limit of a step counts over all its tries.
                    self.since = since;
                }
            }
            StepEvent::Succeeded => {
                self.done.insert(row.step);
                self.go(Stage::Open(now), now);
            }
            StepEvent::Failed => {
                let tries = self.tries.get(&row.step).copied().unwrap_or(0);
                let since = self.since;
                self.go(Stage::Open(now.plus(pause(tries))), now);
                self.since = since;
            }
            StepEvent::Indeterminate => {
                let step = row.step;
                self.go(Stage::Followed { step, doubtful: true }, now);
            }
        }
    }
}

/// When a request that had no effect is sent again: after 1, 2, 4, 8 s, then every 10 s.
fn pause(tries: u32) -> std::time::Duration {
    std::time::Duration::from_secs((1_u64 << tries.saturating_sub(1).min(4)).min(10))
}
