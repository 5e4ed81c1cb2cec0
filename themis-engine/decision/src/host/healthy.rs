//! Disabled, Initializing, Active: no incident, nothing is touched.

use std::time::Duration;

use themis_core::{HostState, Reason};

use super::Turn;

/// After this an initializing host says what it lacks.
const INITIALIZING_ALARM: Duration = Duration::from_secs(600);

pub(super) fn disabled(turn: &mut Turn<'_>, still: bool) {
    if !still {
        turn.go(
            HostState::Initializing,
            Reason::new("enabled", "enabled by an operator; waits to be seen good"),
        );
    }
}

pub(super) fn initializing(turn: &mut Turn<'_>) {
    let period = turn.world.policy.initializing_period;
    if turn.world.settled && turn.good_for(period) {
        let text = format!("seen good on all critical networks for {} s", period.as_secs());
        return turn.go(HostState::Active, Reason::new("seen_good", text));
    }
    let missing = turn.missing().join("; ");
    let long = turn.in_state_for() >= INITIALIZING_ALARM;
    let code = if long { "initializing_for_long" } else { "initializing" };
    let text = if missing.is_empty() {
        "good; waits for the initializing period".to_owned()
    } else {
        format!("waits to be seen good: {missing}")
    };
    if let Some(host) = turn.host() {
        host.reason = Reason::new(code, text);
    }
}

pub(super) fn active(turn: &mut Turn<'_>) {
    if !turn.world.settled {
        return;
    }
    let claimed = turn.read(|h| h.watch.claim.clone()).flatten();
    let why = if turn.verdicts.suspected {
        turn.read(|h| h.watch.first_accusation.clone())
            .flatten()
            .map(|(_, reason)| reason)
    } else {
        claimed.map(|claim| claim.reason)
    };
    let Some(why) = why else { return remember_boot(turn) };
    turn.open_incident();
    let now = turn.now;
    if let Some(host) = turn.host() {
        host.watch.checking_since = Some(now);
        host.watch.demand_since = None;
        host.watch.silent_since = None;
        host.watch.asked = None;
    }
    let text = format!("{}; looking for itself: probes, the host, its power", why.text);
    turn.go(HostState::Checking, Reason::new("suspected", text).with(why.data));
}

/// The boot id of a good host, so that a later one shows a restart.
fn remember_boot(turn: &mut Turn<'_>) {
    let name = turn.name();
    let Some(boot_id) = turn
        .world
        .evidence
        .observers
        .get(&name)
        .map(|heard| heard.report.boot_id.clone())
    else {
        return;
    };
    if !turn.good() {
        return;
    }
    let id = turn.id;
    if let Some(host) = turn.host().filter(|h| h.detail.boot_id.as_ref() != Some(&boot_id)) {
        host.detail.boot_id = Some(boot_id);
        turn.out.changes.push(crate::judge::Change::Host(id));
    }
}
