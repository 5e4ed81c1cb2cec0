//! The recovery of one incident as a durable workflow: what the log tells has been done, and what comes next.
//!
//! [`Recovery`] is what a replay of the log says; the live engine applies the same rows as it writes them, so that a
//! successor that replays them stands where the leader stood ([`log`]). [`plan`] says what may be done next; it never
//! repeats what may still take effect. [`look`] draws conclusions from what Nova shows. The danger everywhere here is an
//! instance started twice; the refuge is always the same: wait, look, and say why.

pub mod away;
pub mod log;
pub mod look;
pub mod plan;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use themis_core::{InstanceId, Moment, PowerDeviceId, Reason, VmoveId};

pub use log::{Step, StepEvent, StepRow};
pub use look::{InstanceLook, MigrationLook, MigrationState};
use themis_core::proof::FenceProof;

/// One request to the outside, or a listing. Executors perform it, look first whether it already holds, and never
/// choose the next one.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send power-off to a device.
    PowerOff {
        /// The device.
        device: PowerDeviceId,
    },
    /// Tell Nova that the host is down.
    ForceDown,
    /// Keep the scheduler away from it.
    Disable,
    /// List its instances.
    List,
    /// Put an instance into the one state from which Nova evacuates it.
    ResetState {
        /// The instance.
        instance: InstanceId,
    },
    /// Start it elsewhere. Nothing evacuates without a proof.
    Evacuate {
        /// The instance.
        instance: InstanceId,
        /// That its host is off.
        proof: FenceProof,
    },
    /// Stop it again: it did not run before.
    Stop {
        /// The instance.
        instance: InstanceId,
    },
    /// Let the returned host's service be up again.
    ForceUp,
    /// Let the scheduler use it again, if it was we who disabled it.
    Enable,
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It holds now.
    Done(serde_json::Value),
    /// It does not, and trying again may help.
    Retry(Reason),
    /// It does not, and trying again will not help.
    Failed(Reason),
    /// Whether it holds is not known: only a look decides.
    Indeterminate(Reason),
}

/// One instance as it was listed on the dead host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedInstance {
    /// Its id.
    pub id: InstanceId,
    /// Its name.
    pub name: String,
    /// Nova's `vm_state` when listed.
    pub vm_state: String,
    /// Nova's task state when listed.
    #[serde(default)]
    pub task_state: Option<String>,
    /// Its root disk is on the dead host.
    #[serde(default)]
    pub local_disk: bool,
    /// Its owner marked it for high availability.
    #[serde(default)]
    pub marked: bool,
    /// Larger goes first.
    #[serde(default)]
    pub priority: i64,
    /// Migrations that existed before anything was posted here, by id.
    #[serde(default)]
    pub migrations_before: Vec<i64>,
    /// Where an unfinished earlier migration may have started it.
    #[serde(default)]
    pub may_run_on: Vec<String>,
}

/// Where one effect of the host itself stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Task {
    /// Not begun.
    #[default]
    Open,
    /// Its request is under way.
    Started,
    /// Failed; may be tried again from then on.
    Again(Moment),
    /// Holds.
    Done,
}

/// Where one instance stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// Nothing is posted for it; not before the moment.
    Waiting(Option<Moment>),
    /// Its state is being reset so that Nova takes the evacuation.
    Resetting,
    /// The evacuation is being posted.
    Posting,
    /// The answer to the post was lost: it may still take effect. Since when this leader looks.
    Doubtful(Option<Moment>),
    /// Nova took it. Since when this leader follows it.
    Moving(Option<Moment>),
    /// It is elsewhere and is being stopped, as it was before.
    Stopping,
    /// It is where it should be.
    Back {
        /// The host that it is on.
        host: String,
    },
    /// It was deleted meanwhile.
    Gone,
    /// Given up, and why.
    Failed(Reason),
    /// Not moved by a rule, and which.
    Held(Reason),
}

/// One instance's recovery.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceRecovery {
    /// As listed.
    pub listed: ListedInstance,
    /// The record of its move.
    pub vmove: VmoveId,
    /// How often it was posted, or was about to be.
    pub attempts: u32,
    /// How often Nova took it and could not move it, or refused it: what Nova never heard of counts for nothing.
    pub failures: u32,
    /// How often in a row Nova turned a request for it away unheard.
    pub turned_away: u32,
    /// Where it stands.
    pub phase: Phase,
    /// Its state was reset to error for the evacuation.
    pub reset: bool,
    /// Destinations of earlier attempts and migrations that died: their shares in Placement outlive them.
    pub ruled_out: BTreeSet<String>,
    /// It was asked to stop after it arrived.
    pub stopped: bool,
    /// Migrations that existed before the last post.
    pub before: Vec<i64>,
    /// Where Nova was last seen to take it; known to one leader only.
    pub towards: Option<String>,
    /// An alarm about its slowness was given.
    pub slow: bool,
}

/// What the log of one incident says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recovery {
    /// A power-off was sent in this incident.
    pub power_off_sent: bool,
    /// The devices that took one.
    pub accepted: BTreeSet<PowerDeviceId>,
    /// Off was proven once in this incident.
    pub proven: bool,
    /// Nova's service forced down.
    pub force_down: Task,
    /// Nova's service disabled.
    pub disable: Task,
    /// What the disabling found: a reason of somebody else, to be kept.
    pub disabled_before: bool,
    /// The instances were listed at least once.
    pub listed: bool,
    /// The listing, now and again at the end.
    pub list: Task,
    /// The last listing found nothing new.
    pub list_final: bool,
    /// The instances, by id.
    pub instances: BTreeMap<InstanceId, InstanceRecovery>,
    /// How often a step of the host itself was begun since it last succeeded.
    pub tries: BTreeMap<Step, u32>,
    /// Nova does not take requests about instances.
    pub nova_away: Option<NovaAway>,
    /// Nova took a request about an instance.
    pub taken: bool,
    /// The returned service forced up.
    pub force_up: Task,
    /// The returned service enabled.
    pub enable: Task,
}

/// Nova could not be reached, or turned a request away unheard: one request at a time finds out when that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct NovaAway {
    /// How many requests in a row it did not take.
    pub tries: u32,
    /// The next is made then.
    pub again: Moment,
    /// What came of the last.
    pub reason: Reason,
}

impl Recovery {
    /// Whether we forced Nova's service down in this incident (or may have).
    #[must_use]
    pub fn told_nova(&self) -> bool {
        self.force_down != Task::Open
    }

    /// Whether an evacuation was posted in this incident (or may have been).
    #[must_use]
    pub fn posted(&self) -> bool {
        self.instances.values().any(|i| i.attempts > 0)
    }

    /// Instances whose post may take effect or is taking effect; also one that waits to be posted again, while what Nova
    /// had sent to an earlier destination may still be taken there.
    #[must_use]
    pub fn in_flight(&self) -> Vec<InstanceId> {
        let looking = |i: &&InstanceRecovery| match i.phase {
            Phase::Doubtful(_) | Phase::Moving(_) => true,
            Phase::Waiting(_) => !i.ruled_out.is_empty(),
            Phase::Resetting
            | Phase::Posting
            | Phase::Stopping
            | Phase::Back { .. }
            | Phase::Gone
            | Phase::Failed(_)
            | Phase::Held(_) => false,
        };
        self.instances.values().filter(looking).map(|i| i.listed.id).collect()
    }

    /// Instances whose post had no answer, and since when this leader looks for its effect.
    pub fn doubtful(&self) -> impl Iterator<Item = Moment> {
        self.instances.values().filter_map(|i| match i.phase {
            Phase::Doubtful(since) => since,
            _ => None,
        })
    }

    /// Whether an instance is on its way to `host`, or waits because it may run there or be started there yet: then this
    /// recovery cannot end before that host's fate is known.
    #[must_use]
    pub fn goes_to(&self, host: &str) -> bool {
        let depends = |i: &InstanceRecovery| match i.phase {
            Phase::Moving(_) | Phase::Doubtful(_) => i.towards.as_deref() == Some(host),
            Phase::Waiting(_) => i.ruled_out.contains(host) || i.may_run_on().any(|other| other == host),
            Phase::Resetting
            | Phase::Posting
            | Phase::Stopping
            | Phase::Back { .. }
            | Phase::Gone
            | Phase::Failed(_)
            | Phase::Held(_) => false,
        };
        self.instances.values().any(depends)
    }

    /// Instances that occupy a place in the limits.
    #[must_use]
    pub fn busy(&self) -> usize {
        let busy = |i: &&InstanceRecovery| {
            matches!(
                i.phase,
                Phase::Resetting | Phase::Posting | Phase::Doubtful(_) | Phase::Moving(_) | Phase::Stopping
            )
        };
        self.instances.values().filter(busy).count()
    }

    /// How many instances are back, and how many there are.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        let back = self
            .instances
            .values()
            .filter(|i| matches!(i.phase, Phase::Back { .. } | Phase::Gone))
            .count();
        (back, self.instances.len())
    }

    /// The instances that were not moved, with their reasons.
    #[must_use]
    pub fn unmoved(&self) -> Vec<(InstanceId, &Reason)> {
        self.instances
            .values()
            .filter_map(|i| match &i.phase {
                Phase::Failed(reason) | Phase::Held(reason) => Some((i.listed.id, reason)),
                Phase::Waiting(_)
                | Phase::Resetting
                | Phase::Posting
                | Phase::Doubtful(_)
                | Phase::Moving(_)
                | Phase::Stopping
                | Phase::Back { .. }
                | Phase::Gone => None,
            })
            .collect()
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.listed
            && self.list_final
            && self.instances.values().all(|i| {
                matches!(
                    i.phase,
                    Phase::Back { .. } | Phase::Gone | Phase::Failed(_) | Phase::Held(_)
                )
            })
    }
}
