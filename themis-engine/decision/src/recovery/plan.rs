//! What may be done next for a host that is proven off. Bounded in parallel, one in flight per instance, by priority;
//! every evacuation carries a proof that is young enough.

use std::collections::BTreeSet;

use serde_json::json;
use themis_core::proof::FenceProof;
use themis_core::{Moment, Reason};

use super::log::{Step, StepEvent, StepRow};
use super::{Effect, InstanceRecovery, Phase, Recovery, Task};
use crate::policy::{LocalDisk, Policy};

/// What planning may use.
#[derive(Debug, Clone, Copy)]
pub struct PlanContext<'a> {
    /// Now, on this engine's clock.
    pub now: Moment,
    /// The thresholds.
    pub policy: &'a Policy,
    /// That the host is off, freshly confirmed; `None` while it waits to be confirmed again.
    pub proof: Option<&'a FenceProof>,
    /// Evacuations in flight from all hosts.
    pub busy_everywhere: usize,
    /// Hosts that are proven off now.
    pub proven_off: &'a BTreeSet<String>,
    /// Those among them that are proven off by their power, not by an operator's word: nothing runs on them.
    pub read_off: &'a BTreeSet<String>,
    /// Hosts of which it will be known whether they are off.
    pub undecided: &'a BTreeSet<String>,
    /// Hosts that are in service and whose nova-compute runs: what Nova had sent them was taken or is void.
    pub in_service: &'a BTreeSet<String>,
}

/// An effect to begin, with the row that must be stored first; without an effect, a row alone.
pub type Planned = (StepRow, Option<Effect>);

/// Before instances may be moved: Nova must hold the host down, and the scheduler must keep away.
#[must_use]
pub fn tell_nova(recovery: &Recovery, now: Moment) -> Vec<Planned> {
    if recovery.force_down != Task::Done {
        return begin(&recovery.force_down, Step::ForceDown, Effect::ForceDown, now);
    }
    begin(&recovery.disable, Step::Disable, Effect::Disable, now)
}

/// The host is back: Nova may use it again.
#[must_use]
pub fn take_back(recovery: &Recovery, now: Moment) -> Vec<Planned> {
    if recovery.force_up != Task::Done {
        return begin(&recovery.force_up, Step::ForceUp, Effect::ForceUp, now);
    }
    if recovery.disabled_before {
        return Vec::new();
    }
    begin(&recovery.enable, Step::Enable, Effect::Enable, now)
}

fn begin(task: &Task, step: Step, effect: Effect, now: Moment) -> Vec<Planned> {
    match task {
        Task::Open => {}
        Task::Again(at) if *at <= now => {}
        Task::Again(_) | Task::Started | Task::Done => return Vec::new(),
    }
    vec![(StepRow::of_host(step, StepEvent::Started, json!({})), Some(effect))]
}

/// The next steps of an evacuation.
#[must_use]
pub fn evacuate(recovery: &Recovery, context: PlanContext<'_>) -> Vec<Planned> {
    let open = recovery.instances.values().any(|i| !ended(i));
    if !recovery.listed || (!open && !recovery.list_final) {
        return begin(&reopened(recovery), Step::List, Effect::List, context.now);
    }
    let Some(proof) = context.proof else { return Vec::new() };
    let policy = context.policy;
    let mut room = policy.evacuations_parallel.saturating_sub(recovery.busy()).min(
        policy
            .evacuations_parallel_total
            .saturating_sub(context.busy_everywhere),
    );
    if let Some(away) = &recovery.nova_away {
        // One request finds out whether Nova is back; a hundred would find out no more.
        let asking = recovery
            .instances
            .values()
            .any(|i| matches!(i.phase, Phase::Posting | Phase::Resetting));
        room = room.min(usize::from(away.again <= context.now && !asking));
    }
    let mut waiting: Vec<&InstanceRecovery> = recovery
        .instances
        .values()
        .filter(|i| matches!(i.phase, Phase::Waiting(at) if at.is_none_or(|at| at <= context.now)))
        .collect();
    // While one request at a time is made, none that fails each time may stand before all others.
    let away = recovery.nova_away.is_some();
    let turned_away = |i: &InstanceRecovery| if away { i.turned_away } else { 0 };
    waiting.sort_by_key(|i| (turned_away(i), std::cmp::Reverse(i.listed.priority), i.listed.id));
    let mut planned = Vec::new();
    for instance in waiting
        .into_iter()
        .filter(|i| waits_for_another_host(i, context).is_none() && came_back(i, context).is_none())
    {
        if let Some(reason) = held(instance, context) {
            let payload = json!({"reason": reason});
            let attempt = instance.attempts.max(1);
            planned.push((
                StepRow::of_instance(Step::Hold, instance.listed.id, attempt, StepEvent::Failed, payload),
                None,
            ));
        } else if room > 0 {
            room -= 1;
            planned.push(post(instance, proof, context.read_off));
        }
    }
    planned
}

/// A listing that succeeded is made again at the end.
fn reopened(recovery: &Recovery) -> Task {
    if recovery.list == Task::Done {
        Task::Open
    } else {
        recovery.list.clone()
    }
}

fn ended(instance: &InstanceRecovery) -> bool {
    matches!(
        instance.phase,
        Phase::Back { .. } | Phase::Gone | Phase::Failed(_) | Phase::Held(_)
    )
}

/// Hosts that may run the instance by now, and are not proven off. A post changes nothing about that: Nova may never
/// have had it, and an operator's word on which it was made may be void since.
fn doubted<'a>(instance: &'a InstanceRecovery, context: PlanContext<'a>) -> impl Iterator<Item = &'a str> {
    instance.may_run_on().filter(|host| !context.proven_off.contains(*host))
}

/// A host on which the instance may run, while the fate of all such hosts is not decided yet: it is neither moved nor
/// given up.
#[must_use]
pub fn waits_for_another_host<'a>(instance: &'a InstanceRecovery, context: PlanContext<'a>) -> Option<&'a str> {
    let waits = matches!(instance.phase, Phase::Waiting(_));
    let first = doubted(instance, context).next().filter(|_| waits);
    first.filter(|_| doubted(instance, context).all(|host| context.undecided.contains(host)))
}

/// A destination of an earlier attempt or migration that was proven off and is not any more: what Nova had sent it may start the
/// instance there yet. Once it is in service again it has taken that, and Nova refuses to move what it runs.
#[must_use]
pub fn came_back<'a>(instance: &'a InstanceRecovery, context: PlanContext<'_>) -> Option<&'a str> {
    let mut left = instance
        .ruled_out
        .iter()
        .filter(|_| matches!(instance.phase, Phase::Waiting(_)));
    let off_or_done = |host: &String| context.proven_off.contains(host) || context.in_service.contains(host);
    left.find(|host| !off_or_done(host)).map(String::as_str)
}

/// Rules that leave an instance where it is.
fn held(instance: &InstanceRecovery, context: PlanContext<'_>) -> Option<Reason> {
    let listed = &instance.listed;
    if listed.local_disk && context.policy.local_disk == LocalDisk::Hold {
        let text = "its root disk is on the dead host: evacuation would rebuild it empty; set [recovery] local_disk = rebuild to allow that";
        return Some(Reason::new("local_disk", text));
    }
    if !listed.marked && !context.policy.evacuate_unmarked {
        let text = "its owner did not mark it, and [host_failure] evacuate_all_instances is false";
        return Some(Reason::new("instance_not_ha", text));
    }
    if listed.vm_state == "error" && !context.policy.evacuate_in_error && instance.attempts == 0 {
        let text = "it was in error, and [host_failure] ignore_instances_in_error_state is true";
        return Some(Reason::new("instance_in_error", text));
    }
    let doubt: Vec<&str> = doubted(instance, context).collect();
    if !doubt.is_empty() {
        let text = format!(
            "an unfinished migration may have started it on {}; that host must be proven off or asked",
            doubt.join(", ")
        );
        return Some(Reason::new("may_run_elsewhere", text));
    }
    matches!(
        listed.vm_state.as_str(),
        "shelved_offloaded" | "deleted" | "soft-delete"
    )
    .then(|| Reason::new("nothing_to_move", format!("it is {} and runs nowhere", listed.vm_state)))
}

/// Nova evacuates active, stopped and error instances; others must be put into error first. Where an earlier migration
/// may have started it and the power reads off, it does not run any more: that is written down with the post.
fn post(instance: &InstanceRecovery, proof: &FenceProof, read_off: &BTreeSet<String>) -> Planned {
    let id = instance.listed.id;
    let attempt = instance.attempts + 1;
    let takes = matches!(instance.listed.vm_state.as_str(), "active" | "stopped" | "error");
    if takes || instance.reset || instance.attempts > 0 {
        let mut payload = json!({"before": instance.before});
        let off: Vec<&str> = instance.may_run_on().filter(|host| read_off.contains(*host)).collect();
        if !off.is_empty() {
            payload["ruled_out"] = json!(off);
        }
        let row = StepRow::of_instance(Step::Evacuate, id, attempt, StepEvent::Started, payload);
        return (
            row,
            Some(Effect::Evacuate {
                instance: id,
                proof: proof.clone(),
            }),
        );
    }
    let row = StepRow::of_instance(Step::ResetState, id, attempt, StepEvent::Started, json!({}));
    (row, Some(Effect::ResetState { instance: id }))
}

/// Whether an instance that arrived must be stopped again: it did not run before and Nova started it.
#[must_use]
pub fn must_stop(instance: &InstanceRecovery, vm_state_now: &str) -> bool {
    !instance.stopped
        && vm_state_now == "active"
        && !matches!(instance.listed.vm_state.as_str(), "active" | "building" | "error")
}
