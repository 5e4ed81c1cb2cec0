//! From the database to the world: what is registered, and, for a new leader, where each host and its recovery stand.
//!
//! A standby takes states as they are stored; a leader owns them and takes only what operators change. A new leader
//! adopts: a recovery goes on, beginning with a look; a failure that was only confirmed is confirmed anew.

use std::collections::BTreeMap;

use serde_json::json;
use themis_core::{HostId, HostState, IncidentId, Mode, Moment, Reason};
use themis_decision::host::resume_power;
use themis_decision::recovery::{Recovery, Step};
use themis_decision::world::{DeviceRecord, HostRecord, SegmentRecord};
use themis_decision::{Change, World};
use time::OffsetDateTime;

use crate::ports::store::{Snapshot, StoredDevice, StoredHost, StoredStep};

/// Takes over what is registered. With `leading`, states of known hosts are left alone.
pub fn apply(world: &mut World, snapshot: &Snapshot, leading: bool, now: Moment, wall: OffsetDateTime) {
    world.mode = Mode::Observe;
    world.segments = snapshot
        .segments
        .iter()
        .map(|segment| {
            let mut record = SegmentRecord::enabled(&segment.name);
            record.enabled = segment.enabled;
            record.recovery_method.clone_from(&segment.recovery_method);
            record.importance = segment.networks.iter().cloned().collect();
            (segment.id, record)
        })
        .collect();
    for (scope, mode) in &snapshot.modes {
        match scope {
            None => world.mode = *mode,
            Some(id) => {
                if let Some(segment) = world.segments.get_mut(id) {
                    segment.mode = Some(*mode);
                }
            }
        }
    }
    let registered: BTreeMap<HostId, &StoredHost> = snapshot.hosts.iter().map(|host| (host.id, host)).collect();
    world.hosts.retain(|id, _| registered.contains_key(id));
    for host in &snapshot.hosts {
        let known = world.hosts.contains_key(&host.id);
        let record = world
            .hosts
            .entry(host.id)
            .or_insert_with(|| HostRecord::new(host.id, host.name.clone(), host.segment, now));
        record.name.clone_from(&host.name);
        record.segment = host.segment;
        record.on_maintenance = host.on_maintenance;
        record.devices = host.devices.iter().map(device).collect();
        if !(leading && known) {
            take_state(record, host, now, wall);
        }
    }
    let ids = world.hosts.keys().copied().collect();
    let names = world.hosts.values().map(|host| host.name.clone()).collect();
    world.evidence.forget_all_but(&ids, &names);
    for (id, power) in &mut world.evidence.power {
        let devices = world
            .hosts
            .get(id)
            .map(|host| host.devices.as_slice())
            .unwrap_or_default();
        power
            .devices
            .retain(|device, _| devices.iter().any(|d| d.id == *device));
    }
}

fn device(device: &StoredDevice) -> DeviceRecord {
    DeviceRecord {
        id: device.id,
        accepted: device.accepted,
        address: format!("{}://{}:{}", device.driver, device.address, device.port),
    }
}

fn take_state(record: &mut HostRecord, host: &StoredHost, now: Moment, wall: OffsetDateTime) {
    let Some(stored) = &host.state else { return };
    if record.state != stored.state {
        // A clock step must not make a state older than this engine can know.
        let age = (wall - stored.since).max(time::Duration::ZERO).unsigned_abs();
        record.since = now.minus(age);
    }
    record.state = stored.state;
    record.reason = stored.reason.clone();
    record.incident = stored.incident;
    record.detail = serde_json::from_value(stored.detail.clone()).unwrap_or_default();
}

/// An operator who clears the maintenance flag clears it for failed processes too: the hosts that this changes.
pub fn lifted(world: &mut World) -> Vec<HostId> {
    let cleared = |host: &&mut HostRecord| host.detail.maintenance_by_process && !host.on_maintenance;
    let hosts = world.hosts.values_mut().filter(cleared);
    hosts
        .map(|host| {
            host.detail.maintenance_by_process = false;
            host.id
        })
        .collect()
}

/// What a new leader does with the hosts that it finds in the middle of something.
pub fn adopt(
    world: &mut World,
    steps: &BTreeMap<IncidentId, Vec<StoredStep>>,
    now: Moment,
    wall: OffsetDateTime,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let deadline = world.policy.fence_deadline;
    for host in world.hosts.values_mut() {
        let empty = Vec::new();
        let log = host
            .incident
            .and_then(|incident| steps.get(&incident))
            .unwrap_or(&empty);
        host.recovery = Recovery::replay(log.iter().map(|step| &step.row));
        host.watch.hold = None;
        host.watch.demand_since = None;
        host.watch.silent_since = None;
        host.watch.commanded = None;
        host.watch.checking_since = Some(now);
        let sent_lately = log
            .iter()
            .rev()
            .find(|s| s.row.step == Step::PowerOff)
            .is_some_and(|s| wall - s.at <= deadline);
        let proven = host.recovery.proven;
        match host.state {
            HostState::Fencing if proven || sent_lately || host.detail.vouched.is_some() => {}
            HostState::Failed | HostState::Fencing => {
                let from = host.state;
                host.state = HostState::Checking;
                host.since = now;
                let text = "a new leader confirms for itself what it did not hear itself";
                host.reason = Reason::new("resumed", text).with(json!({"from": from, "to": HostState::Checking}));
                changes.push(Change::Host(host.id));
                if let Some(incident) = host.incident {
                    let reason = host.reason.clone();
                    changes.push(Change::Event {
                        host: host.id,
                        incident,
                        kind: "state",
                        reason,
                        at: now,
                    });
                }
                continue;
            }
            HostState::Fenced | HostState::Evacuating => host.watch.proven = Some(now),
            // Another recovery may rest on its being off.
            HostState::Evacuated if proven => {}
            HostState::Disabled
            | HostState::Initializing
            | HostState::Active
            | HostState::Checking
            | HostState::Evacuated
            | HostState::Recovering => continue,
        }
        if host.state != HostState::Evacuated {
            resumed(host, &mut changes, now);
        }
        let power = world.evidence.power.entry(host.id).or_default();
        resume_power(host, power, now);
    }
    changes
}

fn resumed(host: &HostRecord, changes: &mut Vec<Change>, now: Moment) {
    if let Some(incident) = host.incident {
        let (back, all) = host.recovery.progress();
        let text =
            format!("a new leader goes on from the log: {back} of {all} instances are back; it looks before it acts");
        let reason = Reason::new("resumed", text);
        changes.push(Change::Event {
            host: host.id,
            incident,
            kind: "resumed",
            reason,
            at: now,
        });
    }
}
