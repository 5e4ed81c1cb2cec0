//! How a posted notification gets in: stored once, however many reporters say the same at the same time to however many
//! API processes. Whoever says it is kept: as a corroboration of the notification that says the same, or, refused at a host
//! under maintenance with no such notification, as a refused report. Nothing is decided here; a row `new` is the engine's.
//!
//! All that concerns one host's notifications goes through its queue ([`super::queue`]).

use std::time::Duration;

use themis_core::NotificationId;
use time::OffsetDateTime;

use super::corroborations::{self, Reporter};
use super::hosts::host_get;
use super::incidents::{IncidentFilter, incident_list};
use super::notifications::{
    NewNotification, NotificationRow, notification_create, notification_duplicate, notification_get,
};
use super::queue::queue_at_host;
use super::refused_reports;
use crate::{IncidentStatus, NotificationKind, Pool, ReportAnswer, StoreError, Txn};

/// How often, and how far apart, it is asked whether a commit without an answer holds.
const LOOKS: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
];

/// What became of a posted notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// It was stored.
    Stored(NotificationRow),
    /// This one said the same before; no other was stored.
    Duplicate(NotificationId),
    /// The host is under maintenance; no notification was stored, its reporter is kept.
    UnderMaintenance,
    /// The host was deleted meanwhile; nothing was stored.
    HostGone,
}

/// Stores a notification unless its host is under maintenance or it is a duplicate, in this order.
///
/// # Errors
/// The database's trouble. [`StoreError::Unknown`] only when nobody could say afterwards whether it was stored; saying it
/// again is right then, and is answered as a duplicate if it was.
pub async fn notification_accept(
    pool: &Pool,
    new: &NewNotification,
    by: &Reporter,
    window: Duration,
    at: OffsetDateTime,
) -> Result<Accepted, StoreError> {
    let outcome = pool
        .transaction(async |txn| accept(&txn, new, by, window, at).await)
        .await;
    let Err(StoreError::Unknown { source }) = outcome else {
        return outcome;
    };
    // The uuid is ours alone: whether it is there says whether the commit holds.
    for pause in LOOKS {
        tokio::time::sleep(pause).await;
        if let Ok(Some(row)) = notification_get(pool, new.uuid).await {
            return Ok(Accepted::Stored(row));
        }
    }
    Err(StoreError::Unknown { source })
}

async fn accept(
    txn: &Txn,
    new: &NewNotification,
    by: &Reporter,
    window: Duration,
    at: OffsetDateTime,
) -> Result<Accepted, StoreError> {
    queue_at_host(txn, new.source_host_uuid).await?;
    let Some(host) = host_get(txn, new.source_host_uuid).await? else {
        return Ok(Accepted::HostGone);
    };
    let earlier = notification_duplicate(txn, new, window).await?;
    let answer = if host.on_maintenance {
        ReportAnswer::Maintenance
    } else {
        ReportAnswer::Duplicate
    };
    match earlier {
        Some(earlier) => {
            corroborations::further(txn, earlier, by, answer, new.generated_time, at).await?;
            Ok(match answer {
                ReportAnswer::Maintenance => Accepted::UnderMaintenance,
                _ => Accepted::Duplicate(earlier),
            })
        }
        None if host.on_maintenance => {
            match present_story(txn, new).await? {
                Some(story) => corroborations::further(txn, story, by, answer, new.generated_time, at).await?,
                None => refused_reports::refused(txn, new, by, answer, at).await?,
            }
            Ok(Accepted::UnderMaintenance)
        }
        None => {
            let row = notification_create(txn, new, at).await?;
            corroborations::first(txn, new.uuid, by, new.generated_time, at).await?;
            Ok(Accepted::Stored(row))
        }
    }
}

/// The notification that a refused report is kept with when none says the same: a report that the host stopped speaks for
/// the incident that is open, which is why a host is under maintenance most often. `None`: it is kept with the host.
async fn present_story(txn: &Txn, report: &NewNotification) -> Result<Option<NotificationId>, StoreError> {
    if report.kind != NotificationKind::ComputeHost || report.payload["event"] != "STOPPED" {
        return Ok(None);
    }
    let open = IncidentFilter {
        host_uuid: Some(report.source_host_uuid),
        status: Some(IncidentStatus::Open),
        ..IncidentFilter::default()
    };
    let incidents = incident_list(txn, &open, 1).await?;
    Ok(incidents.first().and_then(|incident| incident.notification_uuid))
}
