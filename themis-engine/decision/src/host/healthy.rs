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
    let why = suspicion(turn)
        .or_else(|| power_lost(turn))
        .or(claimed.map(|claim| claim.reason));
    match why {
        Some(why) => check(turn, why),
        None => {
            say_what_is_unknown(turn);
            remember_boot(turn);
        }
    }
}

/// Why observers hold the host to be failed, when they have done so for long enough.
pub(super) fn suspicion(turn: &Turn<'_>) -> Option<Reason> {
    let first = turn.read(|h| h.watch.first_accusation.clone()).flatten();
    first.filter(|_| turn.verdicts.suspected).map(|(_, reason)| reason)
}

/// Where too few are left to accuse, or the network is out for many, a bound device that reads off still speaks.
fn power_lost(turn: &Turn<'_>) -> Option<Reason> {
    let off = turn.verdicts.missed && turn.verdicts.life.is_none() && turn.off_for().is_some();
    off.then(|| {
        Reason::new(
            "power_reads_off",
            "its own power device reads off and nobody sees it alive",
        )
    })
}

/// A host that nobody accuses may still be seen by too few: that is a hold, and shown as one.
fn say_what_is_unknown(turn: &mut Turn<'_>) {
    match turn.unseen() {
        Some(reason) => turn.hold("hold", reason),
        None => turn.release(),
    }
}

/// Opens an incident and begins to look.
pub(super) fn check(turn: &mut Turn<'_>, why: Reason) {
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
