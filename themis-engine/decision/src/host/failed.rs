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
        Some(reason) => {
            remember_company(turn);
            turn.hold(if observing { "would_fence" } else { "hold" }, reason);
        }
        None => fence(turn),
    }
}

/// With whom it is held for failing at once is stored: the hold must outlive the recovery of those whom an operator lets
/// through, and this leader. Hosts that were being recovered before count for the window only.
fn remember_company(turn: &mut Turn<'_>) {
    let id = turn.id;
    let Some(mut company) = turn.read(|host| brakes::company(turn.world, host, turn.now)) else {
        return;
    };
    let many = company.len() >= turn.world.policy.mass_failure_hosts;
    let hosts = &turn.world.hosts;
    company.retain(|other| *other != id && hosts.get(other).is_some_and(|host| host.state == HostState::Failed));
    if let Some(host) = turn
        .host()
        .filter(|host| many && !company.is_subset(&host.detail.failed_with))
    {
        host.detail.failed_with.extend(company);
        turn.out.changes.push(crate::judge::Change::Host(id));
    }
}

fn back_to_checking(turn: &mut Turn<'_>, reason: Reason) {
    let now = turn.now;
    if let Some(host) = turn.host() {
        host.watch.failed_at = None;
        host.detail.failed_with.clear();
        host.detail.let_through = false;
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
