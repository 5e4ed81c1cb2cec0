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
use super::notifications::{
    NewNotification, NotificationRow, notification_create, notification_duplicate, notification_get,
};
use crate::entity::leases;
use crate::{Pool, ReportAnswer, StoreError, Txn};

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
    /// The host is under maintenance; nothing was stored.
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
        None if host.on_maintenance => Ok(Accepted::UnderMaintenance),
        None => {
            let row = notification_create(txn, new, at).await?;
            corroborations::first(txn, new.uuid, by, new.generated_time, at).await?;
            Ok(Accepted::Stored(row))
        }
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
