//! From what the decision core changed to what is written: changes are moments and ids, writes are rows.

use serde_json::json;
use themis_core::{HostId, IncidentId, InstanceId, NotificationId};
use themis_decision::recovery::{InstanceRecovery, Phase};
use themis_decision::world::HostRecord;
use themis_decision::{Change, World};

use crate::ports::store::{StoredState, VmoveRow, Write};
use crate::ports::{Clock, Ids};

/// Turns changes into rows. `generation` gives and advances a host's generation.
pub fn rows(
    world: &World,
    changes: &[Change],
    clock: &dyn Clock,
    ids: &dyn Ids,
    generation: &mut dyn FnMut(HostId) -> i64,
) -> Vec<Write> {
    let mut out = Vec::new();
    for (index, change) in changes.iter().enumerate() {
        match change {
            Change::Host(id) => {
                // Only the last word on a host is stored; its earlier ones are in the story.
                let last = !changes[index + 1..]
                    .iter()
                    .any(|later| matches!(later, Change::Host(other) if other == id));
                if last {
                    out.extend(world.hosts.get(id).map(|host| host_row(host, clock, generation(*id))));
                }
            }
            Change::Opened { host, incident, claim } => out.extend(opened(world, *host, *incident, *claim, clock, ids)),
            Change::Closed {
                incident,
                outcome,
                summary,
            } => out.push(Write::Closed {
                incident: *incident,
                outcome: (*outcome).to_owned(),
                summary: summary.clone(),
                status: notification_status(outcome).to_owned(),
                at: clock.wall(),
            }),
            Change::Event {
                host,
                incident,
                kind,
                reason,
                at,
            } => {
                out.push(Write::Event {
                    incident: *incident,
                    host: *host,
                    kind: (*kind).to_owned(),
                    reason: reason.clone(),
                    at: clock.wall_of(*at),
                });
                if matches!(
                    *kind,
                    "state" | "hold" | "tolerated" | "unclear" | "would_fence" | "alarm"
                ) {
                    out.push(Write::Message {
                        incident: *incident,
                        message: reason.text.clone(),
                    });
                }
            }
            Change::Step { incident, row } => {
                out.push(Write::Step {
                    incident: *incident,
                    row: row.clone(),
                    at: clock.wall(),
                });
            }
            Change::Notified { .. } | Change::NotifiedHold { .. } | Change::NotifiedStep { .. } => {
                out.extend(notified(change, clock));
            }
            Change::Maintenance { host, on } => out.push(Write::Maintenance { host: *host, on: *on }),
            Change::Vmove {
                host,
                incident,
                instance,
            } => out.extend(vmove(world, *host, *incident, *instance, clock)),
        }
    }
    out
}

/// What concerns a notification about an instance or a process.
fn notified(change: &Change, clock: &dyn Clock) -> Option<Write> {
    let at = clock.wall();
    match change {
        Change::Notified {
            notification,
            status,
            message,
        } => Some(Write::Notification {
            id: *notification,
            status: (*status).to_owned(),
            message: message.clone(),
            at,
        }),
        Change::NotifiedHold { notification, message } => Some(Write::Held {
            id: *notification,
            message: message.clone(),
            at,
        }),
        Change::NotifiedStep { notification, row } => Some(Write::NotifiedStep {
            notification: *notification,
            row: row.clone(),
            at,
        }),
        Change::Host(_)
        | Change::Opened { .. }
        | Change::Closed { .. }
        | Change::Event { .. }
        | Change::Step { .. }
        | Change::Maintenance { .. }
        | Change::Vmove { .. } => None,
    }
}

/// How a notification ends: Masakari's words.
fn notification_status(outcome: &str) -> &'static str {
    match outcome {
        "evacuated" => "finished",
        "partly_evacuated" => "failed",
        _ => "ignored",
    }
}

/// The stored form of a host's state.
#[must_use]
pub fn host_row(host: &HostRecord, clock: &dyn Clock, generation: i64) -> Write {
    Write::Host {
        host: host.id,
        state: StoredState {
            state: host.state,
            since: clock.wall_of(host.since),
            reason: host.reason.clone(),
            incident: host.incident,
            detail: serde_json::to_value(&host.detail).unwrap_or_else(|_| json!({})),
            generation,
        },
    }
}

fn opened(
    world: &World,
    host: HostId,
    incident: IncidentId,
    claim: Option<NotificationId>,
    clock: &dyn Clock,
    ids: &dyn Ids,
) -> Option<Write> {
    let record = world.hosts.get(&host)?;
    Some(Write::Opened {
        incident,
        host,
        host_name: record.name.clone(),
        segment: record.segment,
        notification: claim.unwrap_or_else(|| NotificationId(ids.fresh())),
        adopted: claim.is_some(),
        at: clock.wall(),
    })
}

fn vmove(world: &World, host: HostId, incident: IncidentId, instance: InstanceId, clock: &dyn Clock) -> Option<Write> {
    let record = world.hosts.get(&host)?;
    let recovery = record.recovery.instances.get(&instance)?;
    let (status, dest, message) = vmove_words(recovery);
    Some(Write::Vmove(VmoveRow {
        id: recovery.vmove,
        incident,
        instance,
        instance_name: recovery.listed.name.clone(),
        source: record.name.clone(),
        dest,
        status: status.to_owned(),
        message,
        at: clock.wall(),
    }))
}

fn vmove_words(instance: &InstanceRecovery) -> (&'static str, Option<String>, Option<String>) {
    match &instance.phase {
        Phase::Waiting(_) if instance.attempts == 0 => ("pending", None, None),
        Phase::Waiting(_)
        | Phase::Resetting
        | Phase::Posting
        | Phase::Doubtful(_)
        | Phase::Moving(_)
        | Phase::Stopping => ("ongoing", None, None),
        Phase::Back { host } => ("succeeded", Some(host.clone()), None),
        Phase::Gone => ("ignored", None, Some("deleted meanwhile".to_owned())),
        Phase::Failed(reason) => ("failed", None, Some(reason.text.clone())),
        Phase::Held(reason) => ("ignored", None, Some(reason.text.clone())),
    }
}
