//! Conclusions from what Nova shows of instances on their way. A look never starts anything; it turns doubt into
//! knowledge, or leaves it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use themis_core::{InstanceId, Moment, Reason};

use super::log::{Step, StepEvent, StepRow};
use super::{InstanceRecovery, Phase};

/// How long the scheduler may take to set resources aside on a destination: before that, what Placement shows may all be
/// of earlier attempts.
const CLAIM_SETTLES: Duration = Duration::from_secs(10);

/// An instance as Nova shows it now, with its evacuations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceLook {
    /// Which.
    pub id: InstanceId,
    /// Nova no longer has it.
    pub deleted: bool,
    /// Nova's service host for it.
    pub host: Option<String>,
    /// Nova's `vm_state`.
    pub vm_state: String,
    /// Nova's task state.
    pub task_state: Option<String>,
    /// Its evacuations, oldest first.
    pub migrations: Vec<MigrationLook>,
    /// Hosts, other than the source, on which Placement has set resources aside for it; `None`: not asked or not known.
    pub claimed_on: Option<Vec<String>>,
}

/// One evacuation record of Nova's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationLook {
    /// Nova's id.
    pub id: i64,
    /// How it stands.
    pub state: MigrationState,
    /// Where it goes, once known.
    pub dest: Option<String>,
}

/// States of an evacuation record, from `reference` measurements of Nova 26 and 34.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrationState {
    /// `accepted`, `pre-migrating` or another word that is not an end.
    UnderWay,
    /// `done` or `completed`.
    Done,
    /// `error` (no host found) or `failed` (on the destination).
    Failed,
}

impl MigrationState {
    /// From Nova's word.
    #[must_use]
    pub fn of(word: &str) -> Self {
        match word {
            "done" | "completed" => Self::Done,
            "error" | "failed" => Self::Failed,
            _ => Self::UnderWay,
        }
    }
}

/// What a look may use besides Nova's words.
#[derive(Debug, Clone, Copy)]
pub struct LookContext<'a> {
    /// The dead host's name.
    pub source: &'a str,
    /// Now, on this engine's clock.
    pub now: Moment,
    /// How long an unanswered request may still take effect.
    pub horizon: Duration,
    /// How often Nova may fail to move one instance.
    pub attempts_max: u32,
    /// Hosts that are proven off now.
    pub proven_off: &'a BTreeSet<String>,
}

/// What a look at one instance concludes: a row for the log, or nothing yet.
#[must_use]
pub fn conclude(instance: &mut InstanceRecovery, look: &InstanceLook, context: LookContext<'_>) -> Option<StepRow> {
    let row = |event, payload| {
        Some(StepRow::of_instance(
            Step::Follow,
            instance.listed.id,
            instance.attempts,
            event,
            payload,
        ))
    };
    if look.deleted {
        return row(StepEvent::Succeeded, json!({"host": null, "deleted": true}));
    }
    let elsewhere = look.host.as_deref().filter(|host| *host != context.source);
    let there = elsewhere.filter(|host| look.task_state.is_none() && arrived(look, host));
    if let (Phase::Waiting(_), Some(host), false) = (&instance.phase, there, instance.ruled_out.is_empty()) {
        // A destination that was given up came back and took it after all.
        return row(StepEvent::Succeeded, json!({"host": host, "vm_state": look.vm_state}));
    }
    let since = match &mut instance.phase {
        Phase::Doubtful(since) | Phase::Moving(since) => *since.get_or_insert(context.now),
        Phase::Waiting(_)
        | Phase::Resetting
        | Phase::Posting
        | Phase::Stopping
        | Phase::Back { .. }
        | Phase::Gone
        | Phase::Failed(_)
        | Phase::Held(_) => return None,
    };
    let ours = look.migrations.iter().rfind(|m| !instance.before.contains(&m.id));
    instance.towards = ours.and_then(|migration| migration.dest.clone());
    if let Some(host) = there {
        return row(StepEvent::Succeeded, json!({"host": host, "vm_state": look.vm_state}));
    }
    match (ours, elsewhere) {
        (
            Some(MigrationLook {
                state: MigrationState::Done,
                ..
            })
            | None,
            Some(host),
        ) if look.task_state.is_none() => row(StepEvent::Succeeded, json!({"host": host, "vm_state": look.vm_state})),
        (Some(migration), _) if migration.state == MigrationState::Failed => {
            failed(instance, look, context, nova_failed(migration))
        }
        (Some(migration), _) if migration.state == MigrationState::UnderWay => {
            destination_died(instance, look, migration, since, context)
        }
        (Some(_), _) => None,
        (None, None)
            if matches!(instance.phase, Phase::Doubtful(_))
                && look.task_state == instance.listed.task_state
                && context.now.since(since) >= context.horizon =>
        {
            let text = format!(
                "its evacuation request had no answer and no effect within {} s",
                context.horizon.as_secs()
            );
            // Nova never had it, as far as can be told: that is no failure to move the instance.
            Some(again(
                instance,
                look,
                &Reason::new("evacuation_lost", text),
                true,
                false,
            ))
        }
        (None, _) => None,
    }
}

fn nova_failed(migration: &MigrationLook) -> Reason {
    let text = format!(
        "Nova could not evacuate it (migration {} failed): no valid host, or the destination failed",
        migration.id
    );
    Reason::new("evacuation_failed", text)
}

/// Whether an evacuation to `host` has ended there. Not necessarily the one that was posted last: after a second post
/// Nova lets the destination end the record of the first, and the second stays `accepted` for ever (seen with Nova 26).
fn arrived(look: &InstanceLook, host: &str) -> bool {
    look.migrations
        .iter()
        .any(|m| m.state == MigrationState::Done && m.dest.as_deref() == Some(host))
}

/// A second evacuation is right only when every host that the first may have started it on is proven off.
fn destination_died(
    instance: &InstanceRecovery,
    look: &InstanceLook,
    migration: &MigrationLook,
    since: Moment,
    context: LookContext<'_>,
) -> Option<StepRow> {
    let mut targets: BTreeSet<&str> = migration.dest.as_deref().into_iter().collect();
    if targets.is_empty() {
        if context.now.since(since) < CLAIM_SETTLES {
            return None;
        }
        // What an earlier attempt left in Placement says nothing of where this one goes.
        let earlier = look.migrations.iter().filter(|m| m.id != migration.id);
        let left: BTreeSet<&str> = earlier.filter_map(|m| m.dest.as_deref()).collect();
        let left = |host: &str| left.contains(host) || instance.ruled_out.contains(host);
        let claimed = look.claimed_on.as_ref()?.iter().map(String::as_str);
        // The source keeps its own share in Placement until it has been started again: it is no destination.
        targets.extend(claimed.filter(|host| !left(host) && *host != context.source));
    }
    targets.extend(look.host.as_deref().filter(|host| *host != context.source));
    if targets.is_empty() || !targets.iter().all(|host| context.proven_off.contains(*host)) {
        return None;
    }
    let names = targets.iter().copied().collect::<Vec<_>>().join(", ");
    let text = format!("its destination {names} died while receiving it and is proven off");
    let mut row = failed(instance, look, context, Reason::new("destination_died", text))?;
    // Its share in Placement outlives the attempt; a successor must not take it for the next one's destination.
    row.payload["ruled_out"] = json!(targets);
    Some(row)
}

fn failed(
    instance: &InstanceRecovery,
    look: &InstanceLook,
    context: LookContext<'_>,
    reason: Reason,
) -> Option<StepRow> {
    let retry = instance.may_fail_again(context.attempts_max);
    Some(again(instance, look, &reason, retry, true))
}

/// The attempt is over; whether another follows, and whether this one counts as a failure of the instance.
fn again(instance: &InstanceRecovery, look: &InstanceLook, reason: &Reason, retry: bool, counted: bool) -> StepRow {
    let before: Vec<i64> = look.migrations.iter().map(|m| m.id).collect();
    let payload = json!({"reason": reason, "retry": retry, "counted": counted, "before": before});
    StepRow::of_instance(
        Step::Follow,
        instance.listed.id,
        instance.attempts,
        StepEvent::Failed,
        payload,
    )
}
