//! One turn over all hosts: judge what is believed, let each host's machine take at most one step, say what is wanted.
//!
//! The engine calls this after each batch of events and on a timer; it stores the changes in one transaction, and only
//! then performs what is wanted. Asking twice with the same world and time wants the same again: the engine leaves out
//! what is already under way.

use std::collections::BTreeMap;

use themis_core::power::Binding;
use themis_core::{HostId, HostState, IncidentId, Moment, NetworkName, NotificationId, PowerDeviceId, Reason};
use uuid::Uuid;

use crate::brakes::power_word;
use crate::host::{self, Turn};
use crate::jury::Jury;
use crate::notified;
use crate::outage::judge_outages;
use crate::power::{DeviceTrack, PowerWord};
use crate::recovery::{Effect, StepRow};
use crate::verdict::{HostVerdicts, judge_by};
use crate::world::{HostRecord, World};

/// What a turn brought.
#[derive(Debug, Default)]
pub struct Judgement {
    /// To be stored, in this order, in one transaction.
    pub changes: Vec<Change>,
    /// Questions to the outside; harmless to repeat.
    pub wants: Vec<Want>,
    /// Effects whose `started` rows are among the changes; to be performed after the commit.
    pub effects: Vec<WantedEffect>,
    /// What is believed of each host, for the view.
    pub verdicts: BTreeMap<HostId, HostVerdicts>,
}

/// Something to be stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The host's row: state, reason, detail.
    Host(HostId),
    /// A new incident; it adopts the claim's notification or gets one of its own.
    Opened {
        /// The host.
        host: HostId,
        /// The incident.
        incident: IncidentId,
        /// The claim's notification.
        claim: Option<NotificationId>,
    },
    /// The end of an incident, and of its notification.
    Closed {
        /// The incident.
        incident: IncidentId,
        /// `cleared`, `evacuated`, `partly_evacuated`, `disabled`.
        outcome: &'static str,
        /// In a sentence.
        summary: Reason,
    },
    /// A line of the incident's story.
    Event {
        /// The host.
        host: HostId,
        /// The incident.
        incident: IncidentId,
        /// `state`, `observed`, `hold`, ...
        kind: &'static str,
        /// What and why.
        reason: Reason,
        /// When it happened, on this engine's clock.
        at: Moment,
    },
    /// A row of the workflow log.
    Step {
        /// The incident.
        incident: IncidentId,
        /// The row.
        row: StepRow,
    },
    /// The host's maintenance flag, on behalf of an incident.
    Maintenance {
        /// The host.
        host: HostId,
        /// On or off.
        on: bool,
    },
    /// The status of a notification of type `VM` or `PROCESS`.
    Notified {
        /// Which.
        notification: NotificationId,
        /// Masakari's word: `running`, `finished`, `ignored`, `error`, `failed`.
        status: &'static str,
        /// Why, for people.
        message: Option<String>,
    },
    /// Why such a notification is held while it runs; `None`: it no longer is.
    NotifiedHold {
        /// Which.
        notification: NotificationId,
        /// Why, for people.
        message: Option<String>,
    },
    /// A row of the workflow log of such a notification.
    NotifiedStep {
        /// Which.
        notification: NotificationId,
        /// The row.
        row: notified::Row,
    },
    /// Where an instance's move stands: its vmove row.
    Vmove {
        /// The source host.
        host: HostId,
        /// The incident.
        incident: IncidentId,
        /// The instance.
        instance: themis_core::InstanceId,
    },
}

/// A question to the outside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Want {
    /// Let these observers probe the host over the network.
    Probe {
        /// Who is in doubt.
        host: HostId,
        /// Where.
        network: NetworkName,
        /// Who looks.
        observers: Vec<String>,
    },
    /// Ask the host itself for a report.
    AskLife {
        /// Who is asked.
        host: HostId,
    },
    /// Read its power.
    ReadPower {
        /// Whose.
        host: HostId,
        /// Which device.
        device: PowerDeviceId,
        /// How old the last reading may be before another is made.
        interval: std::time::Duration,
    },
    /// See how the moving instances are doing.
    Look {
        /// The source host.
        host: HostId,
        /// The instances in doubt or on their way.
        instances: Vec<themis_core::InstanceId>,
    },
}

/// An effect with what it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedEffect {
    /// The host whose incident it is.
    pub host: HostId,
    /// The incident.
    pub incident: IncidentId,
    /// What is to be done.
    pub effect: Effect,
    /// When it was decided; it is refused when evidence has grown old meanwhile.
    pub decided: Moment,
}

/// A registered device that was never read is not bound: one outlet of two must not speak for both.
fn expect_devices(world: &mut World) {
    for host in world.hosts.values() {
        let power = world.evidence.power.entry(host.id).or_default();
        power
            .devices
            .retain(|id, _| host.devices.iter().any(|device| device.id == *id));
        for device in &host.devices {
            power.devices.entry(device.id).or_insert_with(|| {
                DeviceTrack::new(Binding::Unbound(Reason::new("power_unknown", "it was not read yet")))
            });
        }
    }
}

/// Takes one turn. `ids` gives fresh ids for incidents and vmoves.
pub fn judge(world: &mut World, now: Moment, ids: &mut dyn FnMut() -> Uuid) -> Judgement {
    expect_devices(world);
    let jury = Jury::of(world, now);
    let verdicts = believe(world, &jury, now);
    let mut out = Judgement::default();
    for (id, verdicts) in &verdicts {
        let id = *id;
        let mut turn = Turn {
            world,
            id,
            now,
            verdicts,
            out: &mut out,
            ids,
        };
        host::step(&mut turn);
    }
    out.verdicts = verdicts;
    let asking = Asking {
        world,
        jury: &jury,
        now,
        recovers: world.hosts.values().any(|host| host.state.in_recovery()),
    };
    for host in world.hosts.values() {
        asking.questions(host, &mut out);
    }
    out
}

/// What is believed of networks and hosts at this moment, by what `jury` says; advances the timers of accusations and
/// outages.
pub fn believe(world: &mut World, jury: &Jury, now: Moment) -> BTreeMap<HostId, HostVerdicts> {
    judge_outages(world, jury, now);
    let hosts: Vec<HostId> = world.hosts.keys().copied().collect();
    let verdicts = hosts
        .into_iter()
        .filter_map(|id| Some((id, judge_by(world, jury, id, now)?)));
    verdicts.collect()
}

/// What questions are made of.
struct Asking<'a> {
    world: &'a World,
    jury: &'a Jury,
    now: Moment,
    /// A host is being fenced or its instances are being moved.
    recovers: bool,
}

impl Asking<'_> {
    /// What is asked about a host in its present state.
    fn questions(&self, host: &HostRecord, out: &mut Judgement) {
        let (policy, id) = (&self.world.policy, host.id);
        let Some(verdicts) = out.verdicts.get(&id) else { return };
        // A fence goes on only while the evidence demands it, so it must be kept fresh for as long as the fence lasts.
        let doubted = matches!(host.state, HostState::Checking | HostState::Failed | HostState::Fencing);
        if doubted || host.state.in_recovery() {
            out.wants.push(Want::AskLife { host: id });
        }
        if doubted {
            for network in verdicts.accused.keys() {
                let observers = self.probers(host, network);
                out.wants.push(Want::Probe {
                    host: id,
                    network: network.clone(),
                    observers,
                });
            }
        }
        let interval = match host.state {
            HostState::Checking | HostState::Failed => policy.power_interval,
            // Twice as often as the two readings must lie apart: the second is not missed by a hair.
            HostState::Fencing => policy.power_interval / 2,
            HostState::Fenced | HostState::Evacuating => policy.proof_age_max / 3,
            // Another recovery may rest on this host's being off: an instance that was on its way to it.
            HostState::Evacuated if self.recovers => policy.proof_age_max / 3,
            HostState::Active if verdicts.missed => policy.power_interval,
            HostState::Initializing if power_word(self.world, host, self.now) == PowerWord::Unknown => {
                policy.probe_interval
            }
            // Of a disabled host it only says whether it is a member of the networks (ADR 9).
            HostState::Disabled
            | HostState::Initializing
            | HostState::Active
            | HostState::Evacuated
            | HostState::Recovering => policy.power_idle_interval,
        };
        for device in &host.devices {
            out.wants.push(Want::ReadPower {
                host: id,
                device: device.id,
                interval,
            });
        }
        if host.state == HostState::Evacuating || host.state == HostState::Fencing {
            let instances = host.recovery.in_flight();
            if !instances.is_empty() {
                out.wants.push(Want::Look { host: id, instances });
            }
        }
    }

    /// The observers that probe: eligible ones, chosen by a hash so that targets spread over observers.
    fn probers(&self, target: &HostRecord, network: &NetworkName) -> Vec<String> {
        let words = self.jury.words(self.world, &target.name, network);
        let mut names: Vec<&str> = words.map(|(name, _)| name).collect();
        names.sort_by_key(|name| spread(&target.name, name));
        names.truncate(self.world.policy.probers);
        names.into_iter().map(str::to_owned).collect()
    }
}

/// FNV-1a: a fixed hash, so that every engine and every replay chooses alike.
fn spread(target: &str, observer: &str) -> u64 {
    target
        .bytes()
        .chain([0])
        .chain(observer.bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}
