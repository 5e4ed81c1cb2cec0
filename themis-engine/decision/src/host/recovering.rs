//! Fenced, Evacuating, Recovering: what follows a proof, and what voids it.

use std::collections::BTreeSet;
use std::time::Duration;

use themis_core::{HostState, Reason};

use super::Turn;
use crate::judge::Change;
use crate::power::PowerWord;
use crate::recovery::plan::{self, PlanContext};
use crate::recovery::{Phase, Task};
use crate::world::World;

/// A report may have lain on the way for this long when the power went off.
const REPORT_DELAY_MAX: Duration = Duration::from_secs(3);

pub(super) fn fenced(turn: &mut Turn<'_>) {
    if void(turn) {
        return;
    }
    let told = turn
        .read(|h| h.recovery.force_down == Task::Done && h.recovery.disable == Task::Done)
        .unwrap_or(false);
    if told {
        let text = "Nova holds it down and disabled: its instances may be moved";
        turn.tell("nova_told", Reason::new("nova_told", text));
        return turn.go(HostState::Evacuating, Reason::new("nova_told", text));
    }
    let Some(planned) = turn.read(|h| plan::tell_nova(&h.recovery, turn.now)) else {
        return;
    };
    turn.begin(planned);
}

pub(super) fn evacuating(turn: &mut Turn<'_>) {
    if void(turn) {
        return;
    }
    if turn.read(|h| h.recovery.ended()).unwrap_or(false) {
        return finish(turn);
    }
    point_out_slow(turn);
    let age = turn.world.policy.proof_age_max;
    let proof = turn.proof().filter(|proof| turn.now.since(proof.confirmed) <= age);
    let proven_off = proven_off(turn.world, turn.now);
    let busy_everywhere = turn.world.hosts.values().map(|h| h.recovery.busy()).sum();
    let context = PlanContext {
        now: turn.now,
        policy: &turn.world.policy,
        proof: proof.as_ref(),
        busy_everywhere,
        proven_off: &proven_off,
    };
    let Some(planned) = turn.read(|h| plan::evacuate(&h.recovery, context)) else {
        return;
    };
    turn.begin(planned);
}

/// Names of hosts that are proven off now: a destination among them cannot be running what it was receiving.
#[must_use]
pub fn proven_off(world: &World, now: themis_core::Moment) -> BTreeSet<String> {
    world
        .hosts
        .values()
        .filter(|host| {
            matches!(
                host.state,
                HostState::Fenced | HostState::Evacuating | HostState::Evacuated
            )
        })
        .filter(|host| {
            let policy = &world.policy;
            let age = if host.state == HostState::Evacuated {
                policy.power_idle_interval * 2
            } else {
                policy.proof_age_max * 2
            };
            world
                .evidence
                .power
                .get(&host.id)
                .is_some_and(|power| power.word(now, age) == PowerWord::Off && power.all_bound())
                || host.detail.vouched.is_some()
        })
        .map(|host| host.name.clone())
        .collect()
}

/// A reading of on, a report, or Nova's service moving voids the proof: nothing more is posted, the host is fenced once
/// more.
fn void(turn: &mut Turn<'_>) -> bool {
    let Some(sign) = sign_of_life(turn) else { return false };
    let now = turn.now;
    if let Some(host) = turn.host() {
        host.detail.returns += 1;
        host.detail.vouched = None;
        host.watch.fence_since = Some(now);
        host.watch.commanded = None;
        host.watch.proven = None;
    }
    if let Some(power) = turn.world.evidence.power.get_mut(&turn.id) {
        power.begin();
    }
    turn.tell("proof_void", sign.clone());
    let text = format!("{}: nothing more is posted, it is fenced once more", sign.text);
    turn.go(HostState::Fencing, Reason::new(&sign.code, text));
    true
}

fn sign_of_life(turn: &Turn<'_>) -> Option<Reason> {
    let host = turn.world.hosts.get(&turn.id)?;
    if turn.power() == PowerWord::On {
        return Some(Reason::new("power_came_back", "its power reads on again"));
    }
    let proven = host.watch.proven?;
    let after = proven.plus(REPORT_DELAY_MAX);
    let evidence = &turn.world.evidence;
    if evidence.observers.get(&host.name).is_some_and(|heard| heard.at > after) {
        return Some(Reason::new("monitor_came_back", "its own monitor reports again"));
    }
    evidence
        .nova
        .get(&host.name)
        .and_then(|service| service.moved_after)
        .filter(|moved| *moved > after)
        .map(|_| Reason::new("nova_compute_came_back", "its nova-compute reports to Nova again"))
}

/// An instance that takes long is pointed out; it is never posted again because of that.
fn point_out_slow(turn: &mut Turn<'_>) {
    let (deadline, now) = (turn.world.policy.evacuation_deadline, turn.now);
    let Some(host) = turn.host() else { return };
    let slow: Vec<_> = host
        .recovery
        .instances
        .values_mut()
        .filter(|i| !i.slow)
        .filter(|i| {
            matches!(i.phase, Phase::Moving(Some(since)) | Phase::Doubtful(Some(since)) if now.since(since) >= deadline)
        })
        .map(|i| {
            i.slow = true;
            i.listed.id
        })
        .collect();
    for id in slow {
        let text = format!(
            "{id} has been on its way for {} s; look at its destination",
            deadline.as_secs()
        );
        turn.tell(
            "alarm",
            Reason::new("evacuation_slow", text).with(serde_json::json!({"instance": id})),
        );
    }
}

fn finish(turn: &mut Turn<'_>) {
    let Some((summary, outcome)) = turn.read(|host| {
        let (back, all) = host.recovery.progress();
        let unmoved: Vec<_> = host
            .recovery
            .unmoved()
            .iter()
            .map(|(id, reason)| serde_json::json!({"instance": id, "reason": reason}))
            .collect();
        let outcome = if unmoved.is_empty() {
            "evacuated"
        } else {
            "partly_evacuated"
        };
        let text = format!("{back} of {all} instances are back");
        (
            Reason::new(outcome, text).with(serde_json::json!({"back": back, "of": all, "unmoved": unmoved})),
            outcome,
        )
    }) else {
        return;
    };
    turn.close_incident(outcome, summary.clone());
    turn.go(HostState::Evacuated, summary);
}

pub(super) fn recovering(turn: &mut Turn<'_>) {
    let done = turn
        .read(|h| h.recovery.force_up == Task::Done && (h.recovery.enable == Task::Done || h.recovery.disabled_before))
        .unwrap_or(false);
    if !done {
        let Some(planned) = turn.read(|h| plan::take_back(&h.recovery, turn.now)) else {
            return;
        };
        return turn.begin(planned);
    }
    let period = turn.world.policy.return_period;
    if turn.good_for(period) && turn.in_state_for() >= period {
        let id = turn.id;
        if let Some(host) = turn.host() {
            host.detail.maintenance_by_incident = false;
            host.on_maintenance = false;
            host.watch = crate::world::Watch {
                good_since: host.watch.good_since,
                ..Default::default()
            };
        }
        turn.out.changes.push(Change::Maintenance { host: id, on: false });
        let text = format!("good for {} s since its return", period.as_secs());
        turn.go(HostState::Active, Reason::new("returned", text));
        turn.forget_incident();
    }
}
