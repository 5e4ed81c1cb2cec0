//! One change, written inside the commit's transaction.

use themis_core::{HostId, IncidentId, NotificationId};
use themis_db::store::host_states::{HostStateRow, host_state_put_in_txn, host_state_view_in_txn};
use themis_db::store::hosts::host_flags_in_txn;
use themis_db::store::incident_events::{NewEvent, event_append_in_txn};
use themis_db::store::incidents::{
    IncidentRow, NewIncident, incident_close_in_txn, incident_get, incident_open_in_txn,
};
use themis_db::store::modes::{ModeRow, ModeScope, mode_put_in_txn};
use themis_db::store::notifications::{NewNotification, notification_create_in_txn, notification_status_in_txn};
use themis_db::store::requests::request_done_in_txn;
use themis_db::store::vmoves::{Vmove, vmove_get, vmove_put_in_txn};
use themis_db::store::workflow_steps::{NewStep, step_append_in_txn};
use themis_db::{
    EpochTxn, IncidentStatus, NotificationKind, NotificationStatus, RequestStatus, StepEvent, StoreError, VmoveKind,
    VmoveStatus,
};
use themis_decision::notified;
use themis_decision::recovery::StepRow;
use time::OffsetDateTime;

use super::store::no_view;
use crate::ports::store::{StoredState, VmoveRow, Write};

/// Writes one change.
///
/// # Errors
/// The database's trouble, or a row that is not as expected; the whole commit then fails.
pub(super) async fn write_row(txn: &EpochTxn, write: &Write) -> Result<(), StoreError> {
    let now = OffsetDateTime::now_utc();
    match write {
        Write::Host { host, state } => host_state(txn, *host, state, now).await,
        Write::View { host, view } => host_state_view_in_txn(txn, *host, view, now).await.map(drop),
        Write::Opened { .. } => opened(txn, write).await,
        Write::Closed {
            incident,
            outcome,
            summary,
            status,
            at,
        } => {
            let row = incident_get(txn.txn(), *incident).await?;
            incident_close_in_txn(txn, *incident, outcome, summary, *at).await?;
            notification(txn, row, word(status), Some(&summary.text), *at).await
        }
        Write::Event {
            incident,
            host,
            kind,
            reason,
            at,
        } => {
            let event = NewEvent {
                incident_uuid: *incident,
                host_uuid: *host,
                at: *at,
                kind: kind.clone(),
                reason: reason.clone(),
            };
            event_append_in_txn(txn, &[event]).await
        }
        Write::Step { incident, row, at } => step_append_in_txn(txn, &[step(*incident, row, *at)]).await,
        Write::NotifiedStep { notification, row, at } => {
            step_append_in_txn(txn, &[notified_step(*notification, row, *at)]).await
        }
        Write::Maintenance { host, on } => host_flags_in_txn(txn, *host, Some(*on), None, now).await.map(drop),
        Write::Vmove(row) => vmove(txn, row).await,
        Write::Request { id, done, answer, at } => {
            request_done_in_txn(txn, *id, request_status(*done), answer, *at).await
        }
        Write::Mode { segment, mode, by, at } => {
            let row = ModeRow {
                scope: segment.map_or(ModeScope::Global, ModeScope::Segment),
                mode: *mode,
                since: *at,
                changed_by: by.clone(),
            };
            mode_put_in_txn(txn, &row).await
        }
        Write::Notification {
            id,
            status,
            message,
            at,
        } => notification_status_in_txn(txn, *id, word(status), message.as_deref(), *at).await,
        Write::Held { id, message, at } => {
            notification_status_in_txn(txn, *id, NotificationStatus::Running, message.as_deref(), *at).await
        }
        Write::Message { incident, message } => {
            let row = open(txn, *incident).await?;
            notification(txn, row, NotificationStatus::Running, Some(message), now).await
        }
    }
}

async fn host_state(txn: &EpochTxn, host: HostId, state: &StoredState, at: OffsetDateTime) -> Result<(), StoreError> {
    let expected = (state.generation > 1).then(|| state.generation - 1);
    let row = HostStateRow {
        host_uuid: host,
        state: state.state,
        since: state.since,
        reason: state.reason.clone(),
        generation: state.generation,
        incident_uuid: state.incident,
        detail: state.detail.clone(),
        view: no_view(),
        updated_at: at,
    };
    host_state_put_in_txn(txn, &row, expected).await
}

fn step(incident: IncidentId, row: &StepRow, at: OffsetDateTime) -> NewStep {
    NewStep {
        owner: incident.into(),
        step: row.step.name().to_owned(),
        subject: row.subject.clone(),
        attempt: i32::try_from(row.attempt).unwrap_or(i32::MAX),
        event: step_event(row.event),
        payload: row.payload.clone(),
        at,
    }
}

const fn request_status(done: bool) -> RequestStatus {
    if done {
        RequestStatus::Done
    } else {
        RequestStatus::Refused
    }
}

fn notified_step(notification: NotificationId, row: &notified::Row, at: OffsetDateTime) -> NewStep {
    NewStep {
        owner: notification.into(),
        step: row.step.name().to_owned(),
        subject: row.subject.clone(),
        attempt: i32::try_from(row.attempt).unwrap_or(i32::MAX),
        event: step_event(row.event),
        payload: row.payload.clone(),
        at,
    }
}

fn word(status: &str) -> NotificationStatus {
    status.parse().unwrap_or(NotificationStatus::Failed)
}

fn step_event(event: themis_decision::recovery::StepEvent) -> StepEvent {
    use themis_decision::recovery::StepEvent as Of;
    match event {
        Of::Started => StepEvent::Started,
        Of::Succeeded => StepEvent::Succeeded,
        Of::Failed => StepEvent::Failed,
        Of::Indeterminate => StepEvent::Indeterminate,
    }
}

/// The incident, while it goes on: a word about a closed one must not open its notification again.
async fn open(txn: &EpochTxn, incident: IncidentId) -> Result<Option<IncidentRow>, StoreError> {
    Ok(incident_get(txn.txn(), incident)
        .await?
        .filter(|row| row.status == IncidentStatus::Open))
}

async fn notification(
    txn: &EpochTxn,
    incident: Option<IncidentRow>,
    status: NotificationStatus,
    message: Option<&str>,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    match incident.and_then(|row| row.notification_uuid) {
        Some(id) => notification_status_in_txn(txn, id, status, message, at).await,
        None => Ok(()),
    }
}

/// An incident and its one notification: a claim's, or one that is written here.
async fn opened(txn: &EpochTxn, write: &Write) -> Result<(), StoreError> {
    let Write::Opened {
        incident,
        host,
        host_name,
        segment,
        notification,
        adopted,
        at,
    } = write
    else {
        return Ok(());
    };
    let id: NotificationId = *notification;
    if *adopted {
        notification_status_in_txn(txn, id, NotificationStatus::Running, None, *at).await?;
    } else {
        let new = NewNotification {
            uuid: id,
            generated_time: *at,
            source_host_uuid: *host,
            kind: NotificationKind::ComputeHost,
            payload: serde_json::json!({"event": "STOPPED", "host_status": "UNKNOWN", "cluster_status": "OFFLINE"}),
            status: NotificationStatus::Running,
            segment_uuid: *segment,
            message: None,
        };
        notification_create_in_txn(txn, &new, *at).await?;
    }
    let new = NewIncident {
        uuid: *incident,
        host_uuid: *host,
        host_name: host_name.clone(),
        segment_uuid: *segment,
        notification_uuid: Some(id),
        summary: None,
        opened_at: *at,
    };
    incident_open_in_txn(txn, &new).await
}

/// A vmove keeps the times at which it began and ended.
async fn vmove(txn: &EpochTxn, row: &VmoveRow) -> Result<(), StoreError> {
    let Some(notification) = incident_get(txn.txn(), row.incident)
        .await?
        .and_then(|i| i.notification_uuid)
    else {
        return Ok(());
    };
    let known = vmove_get(txn.txn(), row.id).await?.map(|known| known.vmove);
    let status: VmoveStatus = row.status.parse().unwrap_or(VmoveStatus::Failed);
    let begun = status != VmoveStatus::Pending;
    let ended = matches!(
        status,
        VmoveStatus::Succeeded | VmoveStatus::Failed | VmoveStatus::Ignored
    );
    let vmove = Vmove {
        uuid: row.id,
        notification_uuid: notification,
        instance_uuid: row.instance,
        instance_name: row.instance_name.clone(),
        source_host: Some(row.source.clone()),
        dest_host: row.dest.clone(),
        start_time: known
            .as_ref()
            .and_then(|k| k.start_time)
            .or_else(|| begun.then_some(row.at)),
        end_time: if ended {
            known.as_ref().and_then(|k| k.end_time).or(Some(row.at))
        } else {
            None
        },
        kind: VmoveKind::Evacuation,
        status,
        message: row.message.clone(),
    };
    vmove_put_in_txn(txn, &vmove, row.at).await
}
