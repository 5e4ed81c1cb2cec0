//! Leadership: one row that exactly one engine holds, and the transaction that no former leader can commit.
//!
//! Taken and renewed by conditional single-row updates, never by locks (`GET_LOCK` and `FOR UPDATE` do not hold across
//! Galera's nodes) and never by comparing wall clocks: a candidate calls [`lease_take`] only after it saw the row
//! unchanged for the whole TTL on its own steady clock. Every engine write also writes this row ([`epoch_transaction`]):
//! Galera certifies writes only, so a mere read of the token would prove nothing.
//! The clock, the TTL and when to stop acting are the engine's business, not this module's.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter};
use themis_core::Epoch;

use crate::entity::leases::{ActiveModel, Column, Entity, Model};
use crate::{Pool, StoreError, Txn};

/// The one lease, for all segments: brakes and outages need one view.
pub const ENGINE_LEASE: &str = "engine";

/// The lease as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub holder: String,
    /// Its fencing token: grows with each new leadership.
    pub epoch: Epoch,
    /// Grows with each renewal and each write under the lease.
    pub beat: i64,
}

/// Reads the lease; `None` when nobody ever held it.
///
/// # Errors
/// The database's trouble.
pub async fn lease_read(db: &impl ConnectionTrait) -> Result<Option<Lease>, StoreError> {
    let row = Entity::find_by_id(ENGINE_LEASE).one(db).await?;
    Ok(row.map(
        |Model {
             holder, token, beat, ..
         }| Lease {
            holder,
            epoch: Epoch(token),
            beat,
        },
    ))
}

/// Takes the lease if it still is as `seen` (`None`: absent). `Some(epoch)` when it is ours now, `None` when somebody
/// else was faster.
///
/// # Errors
/// [`crate::Advice::Unknown`] means that it may have been taken: read it, and never assume success.
pub async fn lease_take(
    db: &impl ConnectionTrait,
    holder: &str,
    seen: Option<&Lease>,
) -> Result<Option<Epoch>, StoreError> {
    let Some(seen) = seen else {
        let first = ActiveModel {
            name: Set(ENGINE_LEASE.to_owned()),
            holder: Set(holder.to_owned()),
            token: Set(1),
            beat: Set(1),
        };
        return match Entity::insert(first)
            .exec_without_returning(db)
            .await
            .map_err(|e| StoreError::unique(e, "lease"))
        {
            Ok(_) => Ok(Some(Epoch(1))),
            Err(StoreError::AlreadyExists { .. }) => Ok(None),
            Err(error) => Err(error),
        };
    };
    let taken = Entity::update_many()
        .col_expr(Column::Holder, Expr::value(holder))
        .col_expr(Column::Token, Expr::col(Column::Token).add(1))
        .col_expr(Column::Beat, Expr::col(Column::Beat).add(1))
        .filter(Column::Name.eq(ENGINE_LEASE))
        .filter(Column::Token.eq(seen.epoch.0))
        .filter(Column::Beat.eq(seen.beat))
        .exec(db)
        .await?;
    Ok((taken.rows_affected == 1).then_some(Epoch(seen.epoch.0 + 1)))
}

/// Renews the lease.
///
/// # Errors
/// [`StoreError::LeaseLost`] when it is not ours any more. Any other error: not renewed as far as anybody knows.
pub async fn lease_renew(db: &impl ConnectionTrait, holder: &str, epoch: Epoch) -> Result<(), StoreError> {
    let renewed = Entity::update_many()
        .col_expr(Column::Beat, Expr::col(Column::Beat).add(1))
        .filter(Column::Name.eq(ENGINE_LEASE))
        .filter(Column::Holder.eq(holder))
        .filter(Column::Token.eq(epoch.0))
        .exec(db)
        .await?;
    match renewed.rows_affected {
        1 => Ok(()),
        _ => Err(StoreError::LeaseLost {
            holder: holder.to_owned(),
            epoch,
        }),
    }
}

/// Gives the lease up at an orderly stop: an empty holder may be replaced at once. Nothing when it is not ours any more.
///
/// # Errors
/// The database's trouble; the lease then ends by itself.
pub async fn lease_release(db: &impl ConnectionTrait, holder: &str, epoch: Epoch) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::Holder, Expr::value(""))
        .col_expr(Column::Beat, Expr::col(Column::Beat).add(1))
        .filter(Column::Name.eq(ENGINE_LEASE))
        .filter(Column::Holder.eq(holder))
        .filter(Column::Token.eq(epoch.0))
        .exec(db)
        .await?;
    Ok(())
}

/// Runs `work` in a transaction that also renews the lease, and so commits only while `holder` holds it at `epoch`.
/// After a conflict the whole of `work` runs again, a few times. A commit is a renewal.
/// Written as `async |txn| { .. }`.
///
/// # Errors
/// [`StoreError::LeaseLost`] with nothing written; [`StoreError::Unknown`] when the commit's answer was lost; else what
/// `work` returned, with nothing written.
pub async fn epoch_transaction<T, F>(
    pool: &Pool,
    holder: &str,
    epoch: Epoch,
    work: impl Fn(EpochTxn) -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    pool.transaction(async |txn| {
        // First, so that a lost lease is known before anything else, and so that two leaders queue at this row.
        lease_renew(&txn, holder, epoch).await?;
        work(EpochTxn {
            txn,
            holder: holder.to_owned(),
            epoch,
        })
        .await
    })
    .await
}

/// The right to write what only the leader may write. Made by [`epoch_transaction`] alone.
#[derive(Debug)]
pub struct EpochTxn {
    txn: Txn,
    holder: String,
    epoch: Epoch,
}

impl EpochTxn {
    /// The open transaction, for reads and for writes that others may do too.
    #[must_use]
    pub const fn txn(&self) -> &Txn {
        &self.txn
    }

    /// Who writes.
    #[must_use]
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// Under which leadership.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }
}
