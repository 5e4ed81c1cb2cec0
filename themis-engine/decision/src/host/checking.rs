//! Checking: a fault is being confirmed. Observers probe, the host is asked, its power is read.
//!
//! Confirmation runs only while the evidence demands a fence without a break: a hole in the evidence, a network that
//! turns out to be out, or a leader that just started begins it anew. Power that reads off needs no confirm period: a
//! bound device that reads off throughout `off_hold`, of a host that nobody sees alive, says it all.

use themis_core::{HostState, Reason};

use super::Turn;
use crate::matrix::Demand;

pub(super) fn checking(turn: &mut Turn<'_>) {
    if off_by_itself(turn) {
        let hold = turn.world.policy.off_hold.as_secs();
        let text = format!("its own power device read off throughout {hold} s and nobody sees it alive");
        return fail(turn, Reason::new("power_is_off", text));
    }
    let demand = turn.demand();
    advance(turn, &demand);
    match demand {
        Demand::Nothing => clear(turn),
        Demand::Tolerate(reason) => turn.hold("tolerated", reason),
        Demand::Wait(reason) => turn.hold("unclear", reason),
        Demand::Fence(row) => {
            if let Some((period, since)) = confirmed(turn) {
                let text = format!("{}; confirmed for {} s", row.reason.text, period.as_secs());
                let data = serde_json::json!({"row": row.name, "confirm_s": period.as_secs(), "since_us": since.0});
                fail(turn, Reason::new(&row.reason.code, text).with(data));
            } else {
                let text = format!("{}; to be confirmed for {} s", row.reason.text, row.confirm.as_secs());
                turn.hold(
                    "confirming",
                    Reason::new(&format!("confirming_{}", row.reason.code), text),
                );
            }
        }
    }
}

/// Whether bound power read off throughout the hold and nothing shows life.
pub(super) fn off_by_itself(turn: &Turn<'_>) -> bool {
    // A leader that has heard for a few seconds only takes its own deafness for silence.
    turn.world.settled
        && turn.verdicts.life.is_none()
        && turn.off_for().is_some_and(|off| off >= turn.world.policy.off_hold)
}

/// Runs the confirmation timers.
fn advance(turn: &mut Turn<'_>, demand: &Demand) {
    let fence = matches!(demand, Demand::Fence(_)) && turn.world.settled;
    let silent = fence && turn.verdicts.silent;
    let now = turn.now;
    let calm = *demand == Demand::Nothing;
    if let Some(host) = turn.host() {
        host.watch.calm_since = host.watch.calm_since.filter(|_| calm);
        host.watch.asked.get_or_insert(now);
        host.watch.demand_since = if fence {
            host.watch.demand_since.or(Some(now))
        } else {
            None
        };
        host.watch.silent_since = if silent {
            host.watch.silent_since.or(Some(now))
        } else {
            None
        };
    }
}

/// The period that has passed, when one has.
fn confirmed(turn: &Turn<'_>) -> Option<(std::time::Duration, themis_core::Moment)> {
    let policy = &turn.world.policy;
    let (demand, silent) = turn.read(|h| (h.watch.demand_since, h.watch.silent_since))?;
    let over = |since: Option<themis_core::Moment>, period| {
        since
            .filter(|since| turn.now.since(*since) >= period)
            .map(|since| (period, since))
    };
    over(silent, policy.confirm_period_silent).or_else(|| over(demand, policy.confirm_period))
}

fn fail(turn: &mut Turn<'_>, reason: Reason) {
    let now = turn.now;
    if let Some(host) = turn.host() {
        host.watch.failed_at = Some(now);
    }
    turn.go(HostState::Failed, reason);
}

/// Whether the host reports another boot id than it had while it was good before.
fn restarted(turn: &Turn<'_>) -> bool {
    let boots = turn.read(|host| {
        let heard = turn.world.evidence.observers.get(&host.name)?;
        host.detail
            .boot_id
            .as_ref()
            .map(|before| *before != heard.report.boot_id)
    });
    boots.flatten().unwrap_or(false)
}

/// Ends the check when nothing was wrong for the whole period: a tolerated network that flaps, or a claim that came
/// before our own observers noticed, must not be answered by what was good long before.
fn clear(turn: &mut Turn<'_>) {
    let period = turn.world.policy.clear_period;
    let now = turn.now;
    let calm = turn.host().is_some_and(|host| {
        let since = *host.watch.calm_since.get_or_insert(now);
        now.since(since) >= period
    });
    if !calm || !turn.good_for(period) {
        let missing = turn.read(|h| h.watch.good_since.is_none()).unwrap_or(true);
        if !missing {
            turn.release();
        }
        return;
    }
    let mut summary = Reason::new(
        "cleared",
        format!("good again for {} s; nothing was touched", period.as_secs()),
    );
    if restarted(turn) {
        let name = turn.name();
        let text = format!("{name} was restarted meanwhile: instances that Nova holds active may be down; start them");
        summary = Reason::new("rebooted", text);
        turn.alarm(summary.clone());
    }
    turn.close_incident("cleared", summary.clone());
    turn.end_maintenance();
    turn.go(HostState::Active, summary);
    turn.forget_incident();
}
