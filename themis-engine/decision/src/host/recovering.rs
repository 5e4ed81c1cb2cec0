//! Fenced, Evacuating, Recovering: what follows a proof, and what voids it.

use std::collections::BTreeSet;
use std::time::Duration;

use themis_core::{HostState, Reason};

use super::Turn;
use crate::judge::Change;
use crate::power::{PowerWord, REPORT_DELAY_MAX};
use crate::preflight::recovered_as_auto;
use crate::recovery::plan::{self, PlanContext};
use crate::recovery::{Phase, Task};
use crate::world::{HostRecord, Watch, World};

/// A step that takes longer than this is shown as a hold.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// So many requests in a row that Nova does not take are shown as a hold.
const AWAY_SHOWN: u32 = 3;
/// A nova-compute that has run for so long has begun what lay in its queue, and has started it or failed.
const QUEUE_TAKEN: Duration = Duration::from_secs(60);
/// An answer that is missing for so long is shown as a hold.
const DOUBT_SHOWN: Duration = Duration::from_secs(10);

pub(super) fn fenced(turn: &mut Turn<'_>) {
    if void(turn) || turn.observing() {
        return;
    }
    let told = turn
        .read(|h| h.recovery.force_down == Task::Done && h.recovery.disable == Task::Done)
        .unwrap_or(false);
    if told {
        let text = "Nova holds it down and disabled: its instances may be moved";
        turn.tell("nova_told", Reason::new("nova_told", text));
        let segment = turn
            .read(|host| host.segment)
            .and_then(|id| turn.world.segments.get(&id));
        if let Some(reason) = segment.and_then(recovered_as_auto) {
            turn.tell("recovery_method", reason);
        }
        return turn.go(HostState::Evacuating, Reason::new("nova_told", text));
    }
    if turn.in_state_for() >= SILENCE_MAX {
        let text = "Nova does not take it that the host is down: look at Nova's API; it is tried again and again";
        turn.hold("hold", Reason::new("nova_not_told", text));
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
    if turn.observing() {
        return;
    }
    let age = turn.world.policy.proof_age_max;
    let proof = turn.proof().filter(|proof| turn.now.since(proof.confirmed) <= age);
    let proven_off = proven_off(turn.world, turn.now);
    let read_off = read_off(turn.world, turn.now);
    let undecided = undecided(turn.world);
    let in_service = in_service(turn.world, turn.now);
    let busy_everywhere = turn.world.hosts.values().map(|h| h.recovery.busy()).sum();
    let context = PlanContext {
        now: turn.now,
        policy: &turn.world.policy,
        proof: proof.as_ref(),
        busy_everywhere,
        proven_off: &proven_off,
        read_off: &read_off,
        undecided: &undecided,
        in_service: &in_service,
    };
    let Some((planned, waits)) = turn.read(|h| (plan::evacuate(&h.recovery, context), waits(h, context))) else {
        return;
    };
    say_what_it_waits_for(turn, proof.is_some(), waits);
    turn.begin(planned);
}

/// What instances wait for that is neither a proof nor a place.
fn waits(host: &HostRecord, context: PlanContext<'_>) -> Option<Reason> {
    let recovery = &host.recovery;
    let instances = || recovery.instances.values();
    let unposted = instances().filter(|i| matches!(i.phase, Phase::Waiting(_))).count();
    if let Some(away) = recovery.nova_away.as_ref().filter(|away| away.tries >= AWAY_SHOWN) {
        let text = format!(
            "Nova does not take evacuations ({}): {unposted} instances wait, one is tried every few seconds, none is \
             given up for that",
            away.reason.text
        );
        return Some(Reason::new("nova_unavailable", text));
    }
    if let Some(host) = instances().find_map(|i| plan::came_back(i, context)) {
        let text = format!(
            "an earlier attempt may start an instance on {host}, which is not proven off any more: the instance waits \
             until it is, or until {host} and its nova-compute are back in service ('themis host enable {host}'); if \
             it is dead and cannot be read, 'themis host confirm-dead {host}'"
        );
        return Some(Reason::new("destination_came_back", text));
    }
    if let Some(other) = instances().find_map(|i| plan::waits_for_another_host(i, context)) {
        let text = format!(
            "an instance may run on {other}, which is being checked, fenced or proven off: it waits for that host's \
             fate; if {other} is dead and cannot be proven off, 'themis host confirm-dead {other}'"
        );
        return Some(Reason::new("waits_for_another_host", text));
    }
    let long = |since: &themis_core::Moment| context.now.since(*since) >= DOUBT_SHOWN;
    let doubtful = recovery.doubtful().filter(long).count();
    (doubtful > 0).then(|| {
        let text = format!(
            "{doubtful} evacuations had no answer: nothing is repeated until Nova shows what came of them, or nothing \
             did for {} s",
            context.policy.nova_request_horizon.as_secs()
        );
        Reason::new("evacuations_in_doubt", text)
    })
}

/// An evacuation that does not go on says why.
fn say_what_it_waits_for(turn: &mut Turn<'_>, proven: bool, waits: Option<Reason>) {
    let now = turn.now;
    let Some((unproven, listed)) = turn.host().map(|host| {
        let missing = &mut host.watch.unproven_since;
        *missing = if proven { None } else { missing.or(Some(now)) };
        (
            missing.map_or(Duration::ZERO, |since| now.since(since)),
            host.recovery.listed,
        )
    }) else {
        return;
    };
    if unproven >= turn.world.policy.proof_age_max {
        let name = turn.name();
        let text = format!(
            "its power cannot be read: nothing more is posted until it reads off again, or 'themis host confirm-dead {name}'"
        );
        turn.hold("hold", Reason::new("proof_stale", text));
    } else if !listed && turn.in_state_for() >= SILENCE_MAX {
        let text = "its instances cannot be listed: look at Nova's API and cells; it is tried again and again";
        turn.hold("hold", Reason::new("nova_not_listed", text));
    } else if let Some(reason) = waits {
        turn.hold("hold", reason);
    } else if proven {
        turn.release();
    }
}

/// Names of hosts that are proven off now: a destination among them cannot be running what it was receiving. The proof
/// is of the host's own last incident and as young as one that an evacuation is posted on: a host that was evacuated
/// long ago may have been switched on a minute ago.
#[must_use]
pub fn proven_off(world: &World, now: themis_core::Moment) -> BTreeSet<String> {
    let vouched = world.hosts.values().filter(|host| was_proven(host));
    let vouched = vouched.filter(|host| host.detail.vouched.is_some());
    let mut proven = read_off(world, now);
    proven.extend(vouched.map(|host| host.name.clone()));
    proven
}

/// The same, by their power alone: an operator's word may turn out to be wrong.
fn read_off(world: &World, now: themis_core::Moment) -> BTreeSet<String> {
    let policy = &world.policy;
    let proven = |host: &&HostRecord| {
        let power = world.evidence.power.get(&host.id);
        let proof = power.and_then(|power| power.proof(policy.off_apart, policy.off_hold));
        proof.is_some_and(|at| now.since(at) <= policy.proof_age_max)
    };
    let hosts = world.hosts.values().filter(|host| was_proven(host)).filter(proven);
    hosts.map(|host| host.name.clone()).collect()
}

const fn was_proven(host: &HostRecord) -> bool {
    matches!(
        host.state,
        HostState::Fenced | HostState::Evacuating | HostState::Evacuated
    )
}

/// Names of hosts that are being confirmed or fenced, or were proven off: an instance that may run there waits for the
/// outcome, or for the next reading.
fn undecided(world: &World) -> BTreeSet<String> {
    let doubted = |host: &&HostRecord| {
        was_proven(host) || matches!(host.state, HostState::Checking | HostState::Failed | HostState::Fencing)
    };
    let hosts = world.hosts.values().filter(doubted);
    hosts.map(|host| host.name.clone()).collect()
}

/// Names of hosts that Nova may use and whose nova-compute has run for long enough since: that networks and monitor are
/// well says nothing of it, and until it runs, what Nova had sent it lies in its queue.
fn in_service(world: &World, now: themis_core::Moment) -> BTreeSet<String> {
    let taken = |host: &&HostRecord| {
        let service = world.evidence.nova.get(&host.name);
        let running = service.and_then(|service| service.running_since);
        running.is_some_and(|since| now.since(since.max(host.since)) >= QUEUE_TAKEN)
    };
    let active = world.hosts.values().filter(|host| host.state == HostState::Active);
    active.filter(taken).map(|host| host.name.clone()).collect()
}

/// A reading of on, a report, or Nova's service moving voids the proof: nothing more is posted, the host is fenced once
/// more.
fn void(turn: &mut Turn<'_>) -> bool {
    let found = turn.now;
    if let Some(host) = turn.host() {
        // A leader that did not see the proof itself counts signs of life from where it began.
        host.watch.proven.get_or_insert(found);
    }
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
    if host.detail.vouched.is_some()
        && let Some(life) = turn.verdicts.life.clone()
    {
        return Some(Reason::new(
            "vouch_void",
            format!("an operator vouched for its death, but: {}", life.text),
        ));
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

/// Recovery is over. A vouch is void at the first sign of life: the host was perhaps never off. A host that is switched
/// on is no longer proven off, whatever it reads later: another recovery may rest on it.
pub(super) fn evacuated(turn: &mut Turn<'_>) {
    let on = turn.power() == PowerWord::On;
    if on {
        switched_on(turn);
    }
    let vouched = turn.read(|h| h.detail.vouched.is_some()).unwrap_or(false);
    let life = turn.verdicts.life.as_ref().map(|life| life.text.clone());
    let Some(life) = life
        .or_else(|| on.then(|| "its power reads on".to_owned()))
        .filter(|_| vouched)
    else {
        return;
    };
    if let Some(host) = turn.host() {
        host.detail.vouched = None;
    }
    turn.out.changes.push(Change::Host(turn.id));
    let text = format!(
        "an operator vouched for its death, but: {life}; its instances were started elsewhere, look at it at once"
    );
    turn.alarm(Reason::new("vouch_void", text));
}

fn switched_on(turn: &mut Turn<'_>) {
    let power = turn.world.evidence.power.get_mut(&turn.id);
    if let Some(power) = power.filter(|power| power.all_accepted_off()) {
        power.begin();
    }
    let first = turn
        .host()
        .is_some_and(|h| !std::mem::replace(&mut h.detail.switched_on, true));
    if first {
        turn.out.changes.push(Change::Host(turn.id));
    }
    let name = turn.name();
    let text = format!("its power reads on: Themis looks after it again after 'themis host enable {name}'");
    turn.alarm(Reason::new("evacuated_reads_on", text));
}

/// Timers of the incident that ended; what is heard of the host goes on.
fn forget_watch(turn: &mut Turn<'_>) {
    if let Some(host) = turn.host() {
        let before = std::mem::take(&mut host.watch);
        host.watch = Watch {
            good_since: before.good_since,
            accused_since: before.accused_since,
            claim: before.claim,
            ..Watch::default()
        };
    }
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
    if let Some(why) = super::healthy::suspicion(turn).filter(|_| turn.world.settled) {
        forget_watch(turn);
        turn.forget_incident();
        return super::healthy::check(turn, why);
    }
    let period = turn.world.policy.return_period;
    if turn.good_for(period) && turn.in_state_for() >= period {
        turn.end_maintenance();
        forget_watch(turn);
        let text = format!("good for {} s since its return", period.as_secs());
        turn.go(HostState::Active, Reason::new("returned", text));
        turn.forget_incident();
    }
}
