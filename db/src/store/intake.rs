//! How a posted notification gets in: stored once, however many reporters say the same at the same time to however many
//! API processes, and whoever says it is kept as a corroboration. Nothing is decided here; a row `new` is the engine's.
//!
//! All that concerns one host's notifications queues at the row `intake:<host>` of the table `leases`, by writing it: a
//! write holds on one server and on several nodes of a Galera cluster, where `GET_LOCK` and `FOR UPDATE` do not. Whoever
//! loses there waits or conflicts, and runs again as a whole.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use themis_core::{HostId, NotificationId};
use time::OffsetDateTime;

use super::corroborations::{self, Reporter};
use super::hosts::host_get;
use super::incidents::{IncidentFilter, incident_list};
use super::notifications::{
    NewNotification, NotificationRow, notification_create, notification_duplicate, notification_get,
    notification_newest,
};
use crate::entity::leases;
use crate::{IncidentStatus, Pool, ReportAnswer, StoreError, Txn};

/// What names of queues begin with.
pub(crate) const QUEUE: &str = "intake:";

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
    /// The host is under maintenance; no notification was stored, and its reporter is kept with one that the host has.
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
            if let Some(story) = present_story(txn, new.source_host_uuid).await? {
                corroborations::further(txn, story, by, answer, new.generated_time, at).await?;
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

/// The notification that a refused report is kept with when none says the same: that of the host's open incident, which
/// is why a host is under maintenance most often, else the host's newest. `None`: the host never had one.
async fn present_story(txn: &Txn, host: HostId) -> Result<Option<NotificationId>, StoreError> {
    let open = IncidentFilter {
        host_uuid: Some(host),
        status: Some(IncidentStatus::Open),
        ..IncidentFilter::default()
    };
    let incidents = incident_list(txn, &open, 1).await?;
    match incidents.first().and_then(|incident| incident.notification_uuid) {
        Some(notification) => Ok(Some(notification)),
        None => notification_newest(txn, host).await,
    }
}

/// Waits for its turn among all that concerns the notifications of a host; the turn ends with the transaction.
pub(super) async fn queue_at_host(txn: &Txn, host: HostId) -> Result<(), StoreError> {
    let name = format!("{QUEUE}{host}");
    let touched = leases::Entity::update_many()
        .col_expr(leases::Column::Beat, Expr::col(leases::Column::Beat).add(1))
        .filter(leases::Column::Name.eq(&name))
        .exec(txn)
        .await?;
    if touched.rows_affected > 0 {
        return Ok(());
    }
    let first = leases::ActiveModel {
        name: Set(name),
        holder: Set(String::new()),
        token: Set(0),
        beat: Set(1),
    };
    match leases::Entity::insert(first).exec_without_returning(txn).await {
        Ok(_) => Ok(()),
        Err(error) => match StoreError::unique(error, "intake row") {
            // Another caller was first; run the whole again, queueing at its row.
            StoreError::AlreadyExists { what } => Err(StoreError::Conflict {
                source: sea_orm::DbErr::Custom(format!("{what} was just made")),
            }),
            other => Err(other),
        },
    }
}
