//! What holds a confirmed failure back from being fenced. Every brake names what would release it.
//!
//! Mass brakes stop power-*offs*: a host whose bound device reads off by itself needs none and is only paced, so that a
//! rack that lost power recovers alone.

mod standing;

use std::collections::BTreeSet;

use serde_json::json;
use themis_core::{HostId, HostState, Mode, Moment, Reason};

use crate::power::PowerWord;
use crate::world::{HostRecord, World};

pub use standing::standing;

/// Why `host` may not be fenced now; `None` when nothing holds it.
#[must_use]
pub fn hold(world: &World, host: &HostRecord, now: Moment) -> Option<Reason> {
    let word = power_word(world, host, now);
    let off_by_itself = word == PowerWord::Off;
    mode(world, host)
        .or_else(|| segment(world, host))
        .or_else(|| own_host(world, host))
        .or_else(|| other_manager(world, host))
        .or_else(|| site_outage(world, now))
        .or_else(|| {
            if off_by_itself {
                None
            } else {
                mass_failure(world, host, now)
            }
        })
        .or_else(|| if off_by_itself { None } else { collateral(world, now) })
        .or_else(|| too_many_in_recovery(world, host))
        .or_else(|| power_device(world, host, word))
}

/// What the host's devices say, from readings young enough to decide by.
#[must_use]
pub fn power_word(world: &World, host: &HostRecord, now: Moment) -> PowerWord {
    if host.devices.is_empty() {
        return PowerWord::NoDevice;
    }
    world
        .evidence
        .power
        .get(&host.id)
        .map_or(PowerWord::Unknown, |p| p.word(now, world.policy.evidence_age_max))
}

fn mode(world: &World, host: &HostRecord) -> Option<Reason> {
    (world.mode_of(host) == Mode::Observe).then(|| {
        let text = format!(
            "would fence {} now; Themis only observes: 'themis arm' lets it act",
            host.name
        );
        Reason::new("observe_mode", text)
    })
}

/// The same, of a host that nothing is the matter with.
fn observed(world: &World, host: &HostRecord) -> Option<Reason> {
    (world.mode_of(host) == Mode::Observe).then(|| Reason::new("observe_mode", "Themis only observes: 'themis arm'"))
}

fn segment(world: &World, host: &HostRecord) -> Option<Reason> {
    let segment = world.segments.get(&host.segment)?;
    (!segment.enabled).then(|| {
        let text = format!(
            "segment {} is disabled: 'openstack segment update {0} --is_enabled true'",
            segment.name
        );
        Reason::new("segment_disabled", text)
    })
}

fn own_host(world: &World, host: &HostRecord) -> Option<Reason> {
    world.own_hosts.contains(&host.name).then(|| {
        Reason::new(
            "own_host",
            format!(
                "this engine runs on {}; an engine on another host must fence it",
                host.name
            ),
        )
    })
}

fn other_manager(world: &World, host: &HostRecord) -> Option<Reason> {
    let service = world.evidence.nova.get(&host.name)?;
    (service.forced_down && !host.recovery.told_nova()).then(|| {
        let text = format!(
            "{} was forced down in Nova by somebody else; set forced_down to false to release",
            host.name
        );
        Reason::new("other_manager", text)
    })
}

/// More than half of all hosts read off at once: a site without power, or one that is being started.
fn site_outage(world: &World, now: Moment) -> Option<Reason> {
    let off: Vec<&str> = world
        .hosts
        .values()
        .filter(|host| host.counts() && power_word(world, host, now) == PowerWord::Off)
        .map(|host| host.name.as_str())
        .collect();
    (off.len() >= 2 && off.len() * 2 > world.hosts.len()).then(|| {
        let text = format!(
            "{} of {} hosts read off: a site outage or a cold start",
            off.len(),
            world.hosts.len()
        );
        Reason::new("site_outage", text).with(json!({"hosts": off}))
    })
}

/// The hosts that fail now: within the window, or still held.
fn failing(world: &World, now: Moment) -> BTreeSet<HostId> {
    let window = world.policy.mass_failure_window;
    let fails = |host: &&HostRecord| {
        let failed = |at| now.since(at) <= window || host.state == HostState::Failed;
        host.watch.failed_at.is_some_and(failed)
    };
    world.hosts.values().filter(fails).map(|host| host.id).collect()
}

/// The hosts that fail together with this one: those that fail now, and those of whom that is stored and that did not
/// recover by themselves. What an operator did with one of them - let it through, returned it, took it out - says
/// nothing of the others.
pub(crate) fn company(world: &World, host: &HostRecord, now: Moment) -> BTreeSet<HostId> {
    let recovered = |other: &HostRecord| other.state == HostState::Active && !other.detail.returned;
    let mut company = failing(world, now);
    let stored = host.detail.failed_with.iter();
    company.extend(stored.filter(|id| !world.hosts.get(id).is_some_and(recovered)));
    if !host.detail.failed_with.is_empty() {
        company.insert(host.id);
    }
    company
}

fn mass_failure(world: &World, host: &HostRecord, now: Moment) -> Option<Reason> {
    if host.detail.let_through {
        return None;
    }
    let text = format!(
        "'themis host retry {}' lets this one through and no other; the others' recovery by themselves releases it too",
        host.name
    );
    too_many_at_once(world, &company(world, host, now), &text)
}

/// The same, of a host that nothing is the matter with.
fn mass_failing(world: &World, now: Moment) -> Option<Reason> {
    too_many_at_once(
        world,
        &failing(world, now),
        "'themis host retry' lets one of them through",
    )
}

fn too_many_at_once(world: &World, failing: &BTreeSet<HostId>, release: &str) -> Option<Reason> {
    (failing.len() >= world.policy.mass_failure_hosts).then(|| {
        let hosts = failing.iter().filter_map(|id| world.hosts.get(id));
        let mut names: Vec<&str> = hosts.map(|host| host.name.as_str()).collect();
        names.sort_unstable();
        let text = format!(
            "{} hosts failed within {} s: more likely one cause than so many; {release}",
            failing.len(),
            world.policy.mass_failure_window.as_secs()
        );
        Reason::new("mass_failure", text).with(json!({"hosts": names}))
    })
}

/// A host that lost its power right after our power-off of another may have been switched by it. The victim itself reads
/// off and is not held by this brake.
fn collateral(world: &World, now: Moment) -> Option<Reason> {
    let window = world.policy.collateral_window;
    let victim = world.hosts.values().find(|victim| {
        victim.watch.commanded.is_none()
            && power_word(world, victim, now) == PowerWord::Off
            && world.hosts.values().any(|other| {
                other.id != victim.id
                    && match (other.watch.commanded, &victim.watch.first_accusation) {
                        (Some(ours), Some((died, _))) => *died >= ours && died.since(ours) <= window,
                        (None | Some(_), _) => false,
                    }
            })
    })?;
    let text = format!(
        "{} lost its power within {} s of a power-off of ours: no more are sent until it is looked into",
        victim.name,
        window.as_secs()
    );
    Some(Reason::new("collateral", text).with(json!({"host": victim.name})))
}

fn too_many_in_recovery(world: &World, host: &HostRecord) -> Option<Reason> {
    let busy: Vec<&str> = world
        .hosts
        .values()
        .filter(|other| other.id != host.id && other.state.in_recovery())
        // It waits for this very host: each would wait for the other for ever.
        .filter(|other| !other.recovery.goes_to(&host.name))
        .map(|other| other.name.as_str())
        .collect();
    let limit = world.policy.recovery_limit(world.hosts.len());
    (busy.len() >= limit).then(|| {
        let text = format!(
            "{} hosts are in recovery and {limit} may be; waits for one of them to end",
            busy.len()
        );
        Reason::new("too_many_in_recovery", text).with(json!({"hosts": busy, "limit": limit}))
    })
}

/// Without a device that is proven to be the host's own there is neither a power-off nor a proof.
pub(crate) fn power_device(world: &World, host: &HostRecord, word: PowerWord) -> Option<Reason> {
    let name = &host.name;
    match word {
        PowerWord::NoDevice => Some(Reason::new(
            "no_power_device",
            format!(
                "{name} has no power device: register one with 'themis power-device set {name} ...', or 'themis host confirm-dead {name}'"
            ),
        )),
        PowerWord::Unbound => Some(unbound(world, host)),
        PowerWord::On | PowerWord::Off | PowerWord::Unreachable | PowerWord::Refused | PowerWord::Unknown => {
            let bound = world
                .evidence
                .power
                .get(&host.id)
                .is_some_and(crate::power::HostPower::all_bound);
            if bound { None } else { Some(unbound(world, host)) }
        }
    }
}

fn unbound(world: &World, host: &HostRecord) -> Reason {
    let why = world
        .evidence
        .power
        .get(&host.id)
        .and_then(|power| {
            power.devices.values().find_map(|device| match &device.binding {
                themis_core::power::Binding::Unbound(reason) => Some(reason.clone()),
                themis_core::power::Binding::Identity | themis_core::power::Binding::Accepted => None,
            })
        })
        .unwrap_or_else(|| Reason::new("power_device_unbound", "its identity is not proven"));
    let text = format!(
        "the power device of {name} is not proven to be its own ({why}); mend the record, or 'themis host confirm-dead {name}'",
        name = host.name,
        why = why.text
    );
    Reason::new("power_device_unbound", text).with(json!({"code": why.code, "data": why.data}))
}

/// Whether the host could be fenced if it failed now, and if not, why: what `protected` shows from the day it is registered.
#[must_use]
pub fn unprotected(world: &World, host: &HostRecord, now: Moment) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let idle = world.policy.power_idle_interval * 3;
    let word = if host.devices.is_empty() {
        PowerWord::NoDevice
    } else {
        world
            .evidence
            .power
            .get(&host.id)
            .map_or(PowerWord::Unknown, |p| p.word(now, idle))
    };
    reasons.extend(power_device(world, host, word));
    match word {
        PowerWord::Unreachable => reasons.push(Reason::new(
            "power_device_unreachable",
            "its power device does not answer",
        )),
        PowerWord::Refused => {
            reasons.push(Reason::new(
                "power_device_refused",
                "its power device refuses the credentials or the command",
            ));
        }
        PowerWord::Unknown => reasons.push(Reason::new("power_unknown", "its power device was not read yet")),
        PowerWord::NoDevice | PowerWord::Unbound | PowerWord::On | PowerWord::Off => {}
    }
    if !matches!(host.state, HostState::Active | HostState::Checking | HostState::Failed) {
        reasons.push(Reason::new("not_active", format!("it is {}", host.state)));
    }
    reasons.extend(observed(world, host));
    reasons.extend(segment(world, host));
    reasons.extend(other_manager(world, host));
    reasons
}
