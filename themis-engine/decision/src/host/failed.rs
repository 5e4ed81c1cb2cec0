//! Failed: the fault is confirmed; the brakes decide when the host is fenced.

use themis_core::{HostState, Mode, Reason};

use super::Turn;
use super::checking::off_by_itself;
use crate::brakes;
use crate::matrix::Demand;

pub(super) fn failed(turn: &mut Turn<'_>) {
    if let Some(vouch) = turn.read(|h| h.detail.vouched.clone()).flatten() {
        let text = format!("{} vouches for its death: {}", vouch.user, vouch.reason);
        return turn.go(HostState::Fencing, Reason::new("confirmed_dead", text));
    }
    let demanded = matches!(turn.demand(), Demand::Fence(_));
    if !demanded && !off_by_itself(turn) {
        return back_to_checking(
            turn,
            Reason::new("evidence_recovered", "the evidence no longer demands a fence"),
        );
    }
    let observing = turn.read(|h| turn.world.mode_of(h)) == Some(Mode::Observe);
    let observed = turn
        .read(|h| h.watch.hold.as_ref().is_some_and(|hold| hold.code == "observe_mode"))
        .unwrap_or(false);
    if observed && !observing {
        // What was confirmed while Themis could not act is confirmed again now that it can.
        return back_to_checking(turn, Reason::new("armed", "armed since; confirmation begins anew"));
    }
    let held = turn
        .world
        .hosts
        .get(&turn.id)
        .and_then(|host| brakes::hold(turn.world, host, turn.now));
    match held {
        Some(reason) => turn.hold(if observing { "would_fence" } else { "hold" }, reason),
        None => fence(turn),
    }
}

fn back_to_checking(turn: &mut Turn<'_>, reason: Reason) {
    let now = turn.now;
    if let Some(host) = turn.host() {
        host.watch.failed_at = None;
        host.watch.demand_since = None;
        host.watch.silent_since = None;
        host.watch.checking_since = Some(now);
    }
    turn.go(HostState::Checking, reason);
}

fn fence(turn: &mut Turn<'_>) {
    turn.release();
    let id = turn.id;
    let now = turn.now;
    if let Some(host) = turn.host() {
        host.watch.fence_since = Some(now);
        host.watch.commanded = None;
        host.detail.maintenance_by_incident = true;
        host.on_maintenance = true;
    }
    turn.out
        .changes
        .push(crate::judge::Change::Maintenance { host: id, on: true });
    turn.go(
        HostState::Fencing,
        Reason::new("no_brake", "confirmed and nothing holds it back: powering it off"),
    );
}
