//! Recoveries that a notification asks for: one instance (`VM`), or one process on a host (`PROCESS`).
//!
//! They are small workflows beside the hosts' own: each has a log under its notification's id, is replayed by a new
//! leader, and looks before it acts ([`log`]). [`ask`] says what is acted upon at all, [`guard`] when nothing may be
//! touched because a host's fate is open, [`instance`] and [`process`] what comes next, [`book`] and
//! [`queue`] who gets a place.
//! A recovery here never moves an instance and never powers anything off.

pub mod ask;
pub mod book;
pub mod guard;
pub mod instance;
pub mod log;
pub mod process;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use themis_core::{HostId, InstanceId, Moment, NotificationId, Reason};

pub use ask::{ACTED_ON, Ask, InstanceAsk, ProcessAsk};
pub use book::{Book, SEGMENT_DISABLED, Turn, turn};
pub use log::{Row, Step};

use crate::judge::Change;

/// A notification of type `VM` or `PROCESS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its id; its workflow's rows hang on it.
    pub id: NotificationId,
    /// The host that reported, or that is reported.
    pub host: HostId,
    /// What it asks for.
    pub ask: Ask,
    /// When what it tells was seen, by its reporter's clock; not later than it was heard of.
    pub reported: Moment,
    /// From then on it is given up.
    pub expires_at: Moment,
}

/// One request to Nova. Executors look first whether it already holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Set a resized instance's recorded state to `active`, from which it can be stopped.
    ResetState {
        /// The instance.
        instance: InstanceId,
        /// Where it was seen when this was decided; refused when it is elsewhere by now.
        host: String,
    },
    /// Stop an instance where it is.
    Stop {
        /// The instance.
        instance: InstanceId,
        /// Where it was seen when this was decided; refused when it is elsewhere by now.
        host: String,
    },
    /// Start a stopped instance where it is.
    Start {
        /// The instance.
        instance: InstanceId,
        /// Where it was seen when this was decided; refused when it is elsewhere by now.
        host: String,
    },
    /// Keep the scheduler away from a host.
    DisableService {
        /// The host.
        host: String,
        /// For whoever reads it in Nova.
        reason: String,
    },
}

/// An effect with the notification that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Whose.
    pub notification: NotificationId,
    /// What.
    pub effect: Effect,
    /// When it was decided; it is refused when that is too long ago by the time of sending.
    pub decided: Moment,
}

/// An instance as Nova shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceSight {
    /// Nova's service host for it.
    pub host: Option<String>,
    /// Nova's `vm_state`.
    pub vm_state: String,
    /// What Nova is doing with it; `None` when nothing.
    pub task_state: Option<String>,
    /// Its metadata.
    pub metadata: BTreeMap<String, String>,
}

impl InstanceSight {
    /// In this state, and nothing is being done to it.
    #[must_use]
    pub fn rests(&self, vm_state: &str) -> bool {
        self.vm_state == vm_state && self.task_state.is_none()
    }
}

/// Where a recovery stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// Status `new`: it waits for a place.
    Waiting,
    /// The next look decides; not before the moment.
    Open(Moment),
    /// A request is on its way.
    Sent(Step),
    /// Taken, or (`doubtful`) its answer was lost: it is looked at until it holds.
    Followed {
        /// What was asked for.
        step: Step,
        /// Whether it reached Nova is not known.
        doubtful: bool,
    },
    /// Status `error`: tried once more from then on.
    Failed(Moment),
    /// Nothing is left to do.
    Over,
}

/// One recovery.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovery {
    /// What asks for it.
    pub notice: Notice,
    /// 1, or 2 for the one retry.
    pub run: u32,
    /// Where it stands.
    pub stage: Stage,
    /// Since when it stands there, as far as time limits go: what a hold lasts does not count.
    pub since: Moment,
    /// When the stage last changed: what was seen earlier says nothing about it.
    pub changed: Moment,
    /// Steps of this run that hold.
    pub done: BTreeSet<Step>,
    /// How often each step was sent in this run.
    pub tries: BTreeMap<Step, u32>,
    /// An earlier or the present run stopped the instance, or may have.
    pub touched: bool,
    /// The same for its start.
    pub start_sent: bool,
    /// When this leader sent, or took over, the last start.
    pub started_at: Option<Moment>,
    /// The host to which the last start was addressed.
    pub started_on: Option<String>,
    /// Hosts that an earlier start was addressed to, before the instance was moved away from there.
    pub strays: BTreeSet<String>,
    /// The instance as it was last seen, and when that was asked; `None` inside: Nova no longer has it.
    pub sight: Option<(Moment, Option<InstanceSight>)>,
    /// The code of the hold that was last written down.
    pub held: Option<String>,
    /// It is held for as long as it takes, and has given its place to others meanwhile.
    pub parked: bool,
}

impl Recovery {
    /// A notification that waits to be taken up.
    #[must_use]
    pub fn waiting(notice: Notice, now: Moment) -> Self {
        Self {
            notice,
            run: 1,
            stage: Stage::Waiting,
            since: now,
            changed: now,
            done: BTreeSet::new(),
            tries: BTreeMap::new(),
            touched: false,
            start_sent: false,
            started_at: None,
            started_on: None,
            strays: BTreeSet::new(),
            sight: None,
            held: None,
            parked: false,
        }
    }

    /// Whether it was taken up and goes on.
    #[must_use]
    pub const fn active(&self) -> bool {
        matches!(self.stage, Stage::Open(_) | Stage::Sent(_) | Stage::Followed { .. })
    }

    /// Whether it occupies a place.
    #[must_use]
    pub const fn working(&self) -> bool {
        self.active() && !self.parked
    }

    /// The instance that it is about.
    #[must_use]
    pub const fn instance(&self) -> Option<InstanceId> {
        match &self.notice.ask {
            Ask::Instance(ask) => Some(ask.instance),
            Ask::Process(_) | Ask::Unreadable(_) => None,
        }
    }

    /// What was seen since the stage last changed.
    #[must_use]
    pub fn seen(&self) -> Option<Option<&InstanceSight>> {
        let (asked, sight) = self.sight.as_ref()?;
        (*asked >= self.changed).then_some(sight.as_ref())
    }

    /// Whether it is to be looked at.
    #[must_use]
    pub fn wants_sight(&self, now: Moment) -> bool {
        match self.stage {
            // What its host alone holds back needs no look; what was touched may turn up elsewhere.
            Stage::Open(at) => at <= now && (!self.parked || self.touched),
            Stage::Followed { .. } => true,
            Stage::Waiting | Stage::Sent(_) | Stage::Failed(_) | Stage::Over => false,
        }
    }

    pub(crate) fn go(&mut self, stage: Stage, now: Moment) {
        self.stage = stage;
        self.since = now;
        self.changed = now;
    }
}

/// What advancing one recovery brings.
#[derive(Debug, Default)]
pub struct Out {
    /// To be stored in one transaction.
    pub changes: Vec<Change>,
    /// To be begun after the commit.
    pub calls: Vec<Call>,
    /// Hosts that are to be asked for a sign of life.
    pub asked: BTreeSet<HostId>,
}

impl Out {
    pub(crate) fn row(&mut self, recovery: &mut Recovery, row: Row, now: Moment) {
        recovery.apply(&row, now);
        self.changes.push(Change::NotifiedStep {
            notification: recovery.notice.id,
            row,
        });
    }

    pub(crate) fn status(&mut self, recovery: &Recovery, status: &'static str, message: Option<&str>) {
        self.changes.push(Change::Notified {
            notification: recovery.notice.id,
            status,
            message: message.map(str::to_owned),
        });
    }

    /// The end: `finished` or `ignored`.
    pub(crate) fn end(&mut self, recovery: &mut Recovery, status: &'static str, why: &Reason, now: Moment) {
        recovery.go(Stage::Over, now);
        self.status(recovery, status, Some(&why.text));
    }

    /// Held for as long as it takes: no time limit runs meanwhile, and no place is kept.
    pub(crate) fn park(&mut self, recovery: &mut Recovery, why: &Reason, now: Moment) {
        recovery.since = now;
        recovery.parked = true;
        self.hold(recovery, why);
    }

    /// Says once per code why nothing is done; the status stays `running`.
    pub(crate) fn hold(&mut self, recovery: &mut Recovery, why: &Reason) {
        if recovery.held.as_deref() != Some(why.code.as_str()) {
            recovery.held = Some(why.code.clone());
            self.held(recovery, Some(&why.text));
        }
    }

    /// Nothing holds it back any more.
    pub(crate) fn release(&mut self, recovery: &mut Recovery) {
        recovery.parked = false;
        if recovery.held.take().is_some() {
            self.held(recovery, None);
        }
    }

    fn held(&mut self, recovery: &Recovery, message: Option<&str>) {
        self.changes.push(Change::NotifiedHold {
            notification: recovery.notice.id,
            message: message.map(str::to_owned),
        });
    }

    /// Begins an effect: its row is stored before it runs.
    pub(crate) fn begin(&mut self, recovery: &mut Recovery, step: Step, subject: &str, effect: Effect, now: Moment) {
        let row = Row::started(recovery, step, subject);
        let row = match &effect {
            Effect::ResetState { host, .. } | Effect::Stop { host, .. } | Effect::Start { host, .. } => {
                row.addressed(host)
            }
            Effect::DisableService { .. } => row,
        };
        self.row(recovery, row, now);
        self.calls.push(Call {
            notification: recovery.notice.id,
            effect,
            decided: now,
        });
    }

    /// The run failed: `error` and one retry, then `failed`.
    pub(crate) fn fail(
        &mut self,
        recovery: &mut Recovery,
        step: Step,
        subject: &str,
        why: &Reason,
        retry_at: Moment,
        now: Moment,
    ) {
        let row = Row::failed(recovery, step, subject, why, false);
        self.row(recovery, row, now);
        if recovery.run == 1 {
            recovery.go(Stage::Failed(retry_at), now);
            self.status(recovery, "error", Some(&why.text));
        } else {
            recovery.go(Stage::Over, now);
            self.status(recovery, "failed", Some(&why.text));
        }
    }
}
