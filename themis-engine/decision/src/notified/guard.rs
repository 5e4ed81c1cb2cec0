//! When nothing may be touched, whatever is asked: Themis only observes, or the host's own fate is open.
//!
//! A start that waits in the queue of a dead nova-compute is carried out when that host returns, whatever became of the
//! instance meanwhile. So none is sent to a host that Nova does not hold up, that is accused, claimed to be dead or in an
//! incident, nor by an engine that has only begun to hear. While a critical network is out, guests are left as they are.

use std::time::Duration;

use themis_core::network::Importance;
use themis_core::{HostState, InstanceId, Mode, Moment, Reason};

use crate::recovery::Phase;
use crate::world::{HostRecord, World};

/// What Nova said of a service longer ago than this counts for nothing.
const SERVICE_AGE_MAX: Duration = Duration::from_secs(30);

/// What stands against acting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// Nothing.
    Go,
    /// Themis only observes.
    Observe,
    /// It will pass or be decided; for as long as it takes.
    Hold(Reason),
    /// It should pass soon; when it does not, the recovery fails.
    Wait(Reason),
    /// It is somebody else's: a host's recovery has the instance, or an operator took the host out.
    Leave(Reason),
}

/// Why nothing is done to any instance of a host, for as long as it takes; known without a look at the instance.
#[must_use]
pub fn host_hold(world: &World, host: &HostRecord) -> Option<Reason> {
    match of_host(host) {
        Some(Guard::Hold(why)) => Some(why),
        Some(_) => None,
        None => surroundings(world, Some(host)),
    }
}

/// Whether an instance may be acted upon where Nova has it.
#[must_use]
pub fn instance(world: &World, host: &str, instance: InstanceId, now: Moment) -> Guard {
    let record = world.host_named(host);
    if let Some(guard) = record.and_then(of_host) {
        return guard;
    }
    if let Some(why) = surroundings(world, record) {
        return Guard::Hold(why);
    }
    if let Some(source) = moving(world, instance) {
        let text = format!("the recovery of {source} is bringing it back");
        return Guard::Leave(Reason::new("instance_being_evacuated", text));
    }
    let mode = record.map_or(world.mode, |record| world.mode_of(record));
    if mode == Mode::Observe {
        return Guard::Observe;
    }
    service(world, host, now)
}

/// Whether Nova's service of a host may be disabled for a process.
#[must_use]
pub fn process(world: &World, host: &HostRecord) -> Guard {
    let leave = |text: String| Guard::Leave(Reason::new("host_in_recovery", text));
    match host.state {
        HostState::Fencing
        | HostState::Fenced
        | HostState::Evacuating
        | HostState::Evacuated
        | HostState::Recovering => leave(format!("{} is {}: Nova is told by its recovery", host.name, host.state)),
        HostState::Disabled => Guard::Leave(Reason::new(
            "host_disabled",
            format!("{} is disabled: it is not looked after", host.name),
        )),
        // Disabling the service of a host that is dead and not yet forced down holds one of Nova's workers for a minute.
        HostState::Checking | HostState::Failed => Guard::Hold(Reason::new(
            "host_in_doubt",
            format!("{} is {}: Nova is told when its fate is known", host.name, host.state),
        )),
        HostState::Initializing | HostState::Active => {
            if world.mode_of(host) == Mode::Observe {
                Guard::Observe
            } else {
                Guard::Go
            }
        }
    }
}

fn of_host(host: &HostRecord) -> Option<Guard> {
    let (name, state) = (&host.name, host.state);
    match state {
        // Nova holds a host up for a minute after its death; who watches it knows within seconds.
        HostState::Initializing | HostState::Active => {
            let accused = host.watch.first_accusation.as_ref().map(|(_, accused)| accused);
            let doubt = accused.or(host.watch.claim.as_ref().map(|claim| &claim.reason))?;
            let text = format!("{}: nothing is started there before it is known to be well", doubt.text);
            Some(Guard::Hold(Reason::new("host_in_doubt", text)))
        }
        HostState::Checking | HostState::Failed | HostState::Fencing | HostState::Fenced => {
            let text = format!("{name} is {state}: nothing is started before its fate is known");
            Some(Guard::Hold(Reason::new("host_in_doubt", text)))
        }
        HostState::Evacuating | HostState::Evacuated | HostState::Recovering => {
            let text = format!("{name} is {state}: its instances are its own recovery's");
            Some(Guard::Leave(Reason::new("host_in_recovery", text)))
        }
        HostState::Disabled => {
            let text = format!("{name} is disabled: it is not looked after");
            Some(Guard::Leave(Reason::new("host_disabled", text)))
        }
    }
}

/// What stands against acting anywhere, or on any host that needs a network.
fn surroundings(world: &World, host: Option<&HostRecord>) -> Option<Reason> {
    if world.deaf {
        let text = "this engine hears no monitor, or has only begun to: it would not know of a dead host";
        return Some(Reason::new("settling", text));
    }
    let importance = |network| match host {
        Some(host) => Some(world.importance(host, network)),
        None => world.networks.get(network).copied(),
    };
    // Guests that lost their disks go on when the network does; one that was stopped meanwhile would stay stopped.
    let mut out = world.outages.iter();
    let (_, outage) = out.find(|(network, _)| importance(network) == Some(Importance::Critical))?;
    let text = format!("{}: no instance is stopped or started meanwhile", outage.reason.text);
    Some(Reason::new("network_out", text))
}

/// The host whose recovery has the instance and is not done with it.
fn moving(world: &World, instance: InstanceId) -> Option<&str> {
    let has = |host: &&HostRecord| {
        host.recovery.instances.get(&instance).is_some_and(|moved| {
            host.incident.is_some()
                && !matches!(
                    moved.phase,
                    Phase::Back { .. } | Phase::Gone | Phase::Failed(_) | Phase::Held(_)
                )
        })
    };
    world.hosts.values().find(has).map(|host| host.name.as_str())
}

fn service(world: &World, host: &str, now: Moment) -> Guard {
    let known = world.evidence.nova.get(host);
    match known.filter(|service| now.since(service.at) <= SERVICE_AGE_MAX) {
        Some(service) if service.up && !service.forced_down => Guard::Go,
        Some(_) => {
            let text = format!("nova-compute of {host} is down: nothing is sent to it before it is up");
            Guard::Wait(Reason::new("nova_compute_down", text))
        }
        None => {
            let text = format!("whether nova-compute of {host} is up is not known: nothing is sent to it");
            Guard::Wait(Reason::new("nova_compute_unknown", text))
        }
    }
}
