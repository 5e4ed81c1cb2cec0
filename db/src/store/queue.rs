//! Queues: what concerns one host, or what a segment consists of, happens one after the other, whichever process and
//! whichever node of a Galera cluster it comes by. A queue is a row of the table `leases`, and whoever takes a turn
//! *writes* it, before it reads anything else.
//!
//! A write holds on one server, where the second waits, and on several nodes, where the second conflicts and runs again
//! as a whole. `FOR UPDATE` and `GET_LOCK` hold on one server only: Galera certifies what was written, nothing else (ADR 13).

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use themis_core::{HostId, SegmentId};

use crate::entity::leases;
use crate::{StoreError, Txn};

/// What names of hosts' queues begin with.
pub(crate) const HOST_QUEUE: &str = "intake:";

/// What names of segments' queues begin with.
pub(crate) const SEGMENT_QUEUE: &str = "segment:";

/// Waits for its turn among all that concerns a host's notifications and power devices; the turn ends with the transaction.
pub(super) async fn queue_at_host(txn: &Txn, host: HostId) -> Result<(), StoreError> {
    queue_at(txn, format!("{HOST_QUEUE}{host}")).await
}

/// Waits for its turn among all that changes which hosts a segment has, or what it is.
pub(super) async fn queue_at_segment(txn: &Txn, segment: SegmentId) -> Result<(), StoreError> {
    queue_at(txn, format!("{SEGMENT_QUEUE}{segment}")).await
}

async fn queue_at(txn: &Txn, name: String) -> Result<(), StoreError> {
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
        Err(error) => match StoreError::unique(error, "queue") {
            // Another caller was first; run the whole again, queueing at its row.
            StoreError::AlreadyExists { what } => Err(StoreError::Conflict {
                source: sea_orm::DbErr::Custom(format!("{what} was just made")),
            }),
            other => Err(other),
        },
    }
}
