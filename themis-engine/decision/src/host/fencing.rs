//! Fencing: power-off is sent until off is proven. Nothing else ends it but recovery of the host or an operator's word.

use std::time::Duration;

use serde_json::json;
use themis_core::power::Binding;
use themis_core::{HostState, Moment, Reason};

use super::Turn;
use crate::brakes::power_device;
use crate::matrix::Demand;
use crate::power::{PowerWord, REPORT_DELAY_MAX};
use crate::recovery::plan::Planned;
use crate::recovery::{Effect, InstanceRecovery, Phase, Step, StepEvent, StepRow};

/// How often power-off is sent once a fence is stuck.
const REPEAT_WHEN_STUCK: Duration = Duration::from_secs(30);
/// How often it is sent at first while the device does not take it.
const REPEAT_WHEN_REFUSED: Duration = Duration::from_secs(3);
/// How long that is, before it backs off.
const SOON: Duration = Duration::from_secs(10);
/// A second return of power is one too many.
const RETURNS_MAX: u32 = 2;

pub(super) fn fencing(turn: &mut Turn<'_>) {
    let now = turn.now;
    if let Some(host) = turn.host() {
        host.watch.fence_since.get_or_insert(now);
    }
    if void_vouch(turn) {
        return;
    }
    let twice = turn.read(|h| h.detail.returns >= RETURNS_MAX).unwrap_or(false);
    // Whoever vouches for it has looked at it, which is what a second return of power waits for.
    let looked = turn.read(|h| h.detail.vouched.is_some()).unwrap_or(false);
    if let Some(proof) = turn.proof().filter(|_| looked || !twice) {
        match believed(turn) {
            Belief::Yes => return proven(turn, &proof),
            Belief::NotYet => return,
            Belief::No(reason) => return turn.hold("hold", reason),
        }
    }
    if withdrawn(turn) {
        let text = "reads on after the last command's deadline and is good again: fence withdrawn";
        if let Some(host) = turn.host() {
            host.watch.checking_since = Some(now);
            host.watch.fence_since = None;
            host.watch.commanded = None;
            // The operator's word was about the failure that is over.
            host.detail.let_through = false;
        }
        return turn.go(HostState::Checking, Reason::new("fence_withdrawn", text));
    }
    if twice {
        return returned_twice(turn);
    }
    if turn.observing() || unbound(turn) {
        return;
    }
    command(turn);
    stuck(turn);
}

/// Something switches it on again and again: nothing more is posted until somebody looks. While Nova may yet begin an
/// evacuation that it has no record of, it is switched off all the same: a nova-compute that starts gives up the guests
/// that are recorded as evacuated, and starts all others.
fn returned_twice(turn: &mut Turn<'_>) {
    let in_doubt = |i: &InstanceRecovery| matches!(i.phase, Phase::Posting | Phase::Doubtful(_));
    let in_doubt = turn
        .read(|h| h.recovery.instances.values().any(in_doubt))
        .unwrap_or(false);
    if in_doubt && turn.power() != PowerWord::Off && !turn.observing() && !unbound(turn) {
        command(turn);
    }
    let text = "its power came back twice: something else switches it on; find out what, then 'themis host retry'";
    turn.hold("hold", Reason::new("power_returned", text));
}

/// Whether a reading of off is believed.
enum Belief {
    Yes,
    NotYet,
    No(Reason),
}

/// A device that an operator accepted without proof of its identity may be another machine's. Its off is believed when
/// the host's own monitor, asked again and again, stayed silent from then on.
fn believed(turn: &Turn<'_>) -> Belief {
    let power = turn.world.evidence.power.get(&turn.id);
    let devices = || power.into_iter().flat_map(|power| power.devices.values());
    let off_since = devices().filter_map(|device| device.off_since).max();
    let Some(since) = off_since.filter(|_| devices().any(|device| device.binding == Binding::Accepted)) else {
        return Belief::Yes;
    };
    let heard = turn.read(|h| turn.world.evidence.observers.get(&h.name).map(|heard| heard.at));
    if heard.flatten().is_some_and(|at| at > since.plus(REPORT_DELAY_MAX)) {
        let text = "its accepted power device reads off while its own monitor reports: it switched another machine; \
                    mend the record";
        return Belief::No(Reason::new("wrong_power_device", text));
    }
    if turn.now.since(since) >= REPORT_DELAY_MAX * 2 {
        Belief::Yes
    } else {
        Belief::NotYet
    }
}

/// A device that turned out not to be the host's own gets no further command.
fn unbound(turn: &mut Turn<'_>) -> bool {
    let word = turn.power();
    let reason = turn.read(|h| power_device(turn.world, h, word)).flatten();
    let held = reason.is_some();
    if let Some(reason) = reason {
        turn.hold("hold", reason);
    }
    held
}

/// An operator's word is void at the first sign of life.
fn void_vouch(turn: &mut Turn<'_>) -> bool {
    let vouched = turn.read(|h| h.detail.vouched.is_some()).unwrap_or(false);
    let Some(life) = turn.verdicts.life.clone().filter(|_| vouched) else {
        return false;
    };
    if let Some(host) = turn.host() {
        host.detail.vouched = None;
    }
    turn.out.changes.push(crate::judge::Change::Host(turn.id));
    turn.tell(
        "proof_void",
        Reason::new(
            "vouch_void",
            format!("an operator vouched for its death, but: {}", life.text),
        ),
    );
    true
}

fn proven(turn: &mut Turn<'_>, proof: &themis_core::proof::FenceProof) {
    let now = turn.now;
    if let Some(host) = turn.host() {
        // When it was commanded stays known: another host that dies right after may have been switched with it.
        host.watch.proven = Some(now);
    }
    let reason = match &proof.source {
        themis_core::proof::ProofSource::PowerOff { devices } => {
            let text = "its power device was read off twice after the accepted command";
            Reason::new("read_off", text).with(json!({"devices": devices}))
        }
        themis_core::proof::ProofSource::Operator { user, reason } => {
            Reason::new("operator", format!("{user} vouches for its death: {reason}"))
        }
    };
    let payload = json!({"reason": reason});
    turn.begin(vec![(
        StepRow::of_host(Step::Proof, StepEvent::Succeeded, payload),
        None,
    )]);
    turn.tell("power_off_proven", reason.clone());
    turn.go(
        HostState::Fenced,
        Reason::new("proven_off", format!("proven off: {}", reason.text)),
    );
}

/// The host came back, good and reporting, before Nova was told anything. Later than that only off will do.
fn withdrawn(turn: &Turn<'_>) -> bool {
    let policy = &turn.world.policy;
    let Some((since, commanded, told, speaks)) = turn.read(|h| {
        (
            h.watch.fence_since.unwrap_or(turn.now),
            h.watch.commanded,
            h.recovery.told_nova(),
            turn.world
                .evidence
                .spoke_within(&h.name, turn.now, policy.report_age_max()),
        )
    }) else {
        return false;
    };
    let over = turn.now.since(commanded.unwrap_or(since)) >= policy.fence_deadline;
    over && !told && speaks && turn.power() == PowerWord::On && turn.good_for(policy.clear_period)
}

/// Sends power-off: at once, again while it reads on, sooner when the device did not take it.
fn command(turn: &mut Turn<'_>) {
    let now = turn.now;
    let Some((commanded, since, posted)) = turn.read(|h| {
        (
            h.watch.commanded,
            h.watch.fence_since.unwrap_or(now),
            h.recovery.told_nova(),
        )
    }) else {
        return;
    };
    let demanded = matches!(turn.demand(), Demand::Fence(_)) || turn.off_for().is_some() || posted;
    if !demanded {
        return;
    }
    let devices = turn.world.evidence.power.get(&turn.id);
    let accepted = devices.is_some_and(crate::power::HostPower::all_accepted_off);
    let repeat = match turn.power() {
        _ if now.since(since) >= turn.world.policy.fence_deadline => REPEAT_WHEN_STUCK,
        PowerWord::Off if accepted => return,
        PowerWord::Off => REPEAT_WHEN_REFUSED,
        PowerWord::On => turn.world.policy.fence_repeat,
        PowerWord::Unreachable | PowerWord::Refused | PowerWord::Unknown if now.since(since) < SOON => {
            REPEAT_WHEN_REFUSED
        }
        PowerWord::Unreachable | PowerWord::Refused | PowerWord::Unknown => turn.world.policy.fence_repeat,
        PowerWord::NoDevice | PowerWord::Unbound => return,
    };
    if commanded.is_none_or(|at| now.since(at) >= repeat) {
        send(turn, now);
    }
}

fn send(turn: &mut Turn<'_>, now: Moment) {
    let Some(devices) = turn.read(|h| h.devices.clone()) else {
        return;
    };
    if let Some(host) = turn.host() {
        host.watch.commanded = Some(now);
    }
    let rows: Vec<Planned> = devices
        .iter()
        .map(|device| {
            let row = StepRow {
                step: Step::PowerOff,
                subject: device.id.to_string(),
                attempt: 1,
                event: StepEvent::Started,
                payload: json!({"address": device.address}),
            };
            (row, Some(Effect::PowerOff { device: device.id }))
        })
        .collect();
    turn.begin(rows);
    let addresses: Vec<&str> = devices.iter().map(|d| d.address.as_str()).collect();
    let text = format!("power-off sent to {}", addresses.join(", "));
    turn.tell("fence_command", Reason::new("power_off", text));
}

/// After the deadline a fence goes on, slower, and says what stands in its way.
fn stuck(turn: &mut Turn<'_>) {
    let since = turn.read(|h| h.watch.fence_since).flatten().unwrap_or(turn.now);
    if turn.now.since(since) < turn.world.policy.fence_deadline && turn.power() != PowerWord::Refused {
        return;
    }
    let accepted = |power: &crate::power::HostPower| power.all_accepted_off();
    if turn.power() == PowerWord::Off && turn.world.evidence.power.get(&turn.id).is_some_and(accepted) {
        // It took the command and reads off: the next readings prove it, nothing is stuck.
        return;
    }
    let name = turn.name();
    let ask = format!("check the machine; if it is dead, 'themis host confirm-dead {name}'");
    let reason = match turn.power() {
        PowerWord::Refused => Reason::new(
            "fence_refused",
            format!("its power device refuses: mend its credentials, or {ask}"),
        ),
        PowerWord::On => Reason::new(
            "fence_still_on",
            format!("its power device takes the command and reads on; {ask}"),
        ),
        PowerWord::Unreachable | PowerWord::Unknown | PowerWord::Off | PowerWord::NoDevice | PowerWord::Unbound => {
            Reason::new(
                "fence_unreachable",
                format!("its power device does not answer: a dead device is not a dead host; {ask}"),
            )
        }
    };
    turn.alarm(reason.clone());
    turn.hold("hold", reason);
}
