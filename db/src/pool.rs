//! A pool of connections in which every statement has a deadline, and transactions that run again after a conflict.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement, TransactionTrait,
};

use crate::StoreError;

/// How long one statement may take unless [`Pool::with_deadline`] says otherwise.
pub const STATEMENT_DEADLINE: Duration = Duration::from_secs(10);

/// How often a transaction is run again after a conflict.
const CONFLICT_RETRIES: usize = 6;

/// Connections to the database. Cheap to clone; clones share the connections.
#[derive(Debug, Clone)]
pub struct Pool {
    connection: DatabaseConnection,
    deadline: Duration,
    overdue: crate::connect::Overdue,
}

impl Pool {
    pub(crate) fn new(connection: DatabaseConnection, overdue: crate::connect::Overdue) -> Self {
        Self {
            connection,
            deadline: STATEMENT_DEADLINE,
            overdue,
        }
    }

    /// The same connections with another deadline for each statement.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self {
            deadline,
            ..self.clone()
        }
    }

    /// The connections without a deadline, for migrations.
    pub(crate) const fn raw(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Runs `work` in a transaction and commits when it returns `Ok`. After a conflict (deadlock, lock wait,
    /// Galera's certification) the whole of `work` runs again, a few times, with jitter: it must have no other effect.
    /// `work` takes the transaction by value, so that the future can be sent to another thread; it must end with it.
    ///
    /// # Errors
    /// What `work` returned, nothing written; [`StoreError::Unknown`] when the answer to the commit was lost.
    pub async fn transaction<T, F>(&self, work: impl Fn(Txn) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut delays = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(5))
            .with_max_delay(Duration::from_millis(200))
            .with_max_times(CONFLICT_RETRIES)
            .with_jitter()
            .build();
        loop {
            match self.attempt(&work).await {
                Err(error @ StoreError::Conflict { .. }) => match delays.next() {
                    Some(delay) => tokio::time::sleep(delay).await,
                    None => return Err(error),
                },
                other => return other,
            }
        }
    }

    async fn attempt<T, F>(&self, work: &impl Fn(Txn) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let begun = self
            .within(self.connection.begin())
            .await
            .map_err(|e| StoreError::from(e).before_commit())?;
        let begun = Arc::new(begun);
        let outcome = work(Txn {
            transaction: begun.clone(),
            pool: self.clone(),
        })
        .await;
        // Whoever still holds the transaction now could write after the commit; without the only handle it rolls back.
        let Some(transaction) = Arc::into_inner(begun) else {
            return Err(StoreError::TransactionEscaped);
        };
        match outcome {
            Ok(value) => self
                .within(transaction.commit())
                .await
                .map_err(StoreError::of_commit)
                .map(|()| value),
            Err(error) => {
                // A rollback that fails is done by the server when the connection goes.
                drop(self.within(transaction.rollback()).await);
                Err(error.before_commit())
            }
        }
    }

    async fn within<T>(&self, call: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        tokio::time::timeout(self.deadline, call).await.unwrap_or_else(|_| {
            self.overdue.note();
            let text = format!("no answer within {} s", self.deadline.as_secs_f64());
            let overdue = sea_orm::SqlxError::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, text));
            Err(DbErr::Query(RuntimeErr::SqlxError(Arc::new(overdue))))
        })
    }
}

/// A transaction that is open; see [`Pool::transaction`].
#[derive(Debug)]
pub struct Txn {
    transaction: Arc<DatabaseTransaction>,
    pool: Pool,
}

macro_rules! connection_with_deadline {
    ($name:ident, $pool:ident => $pool_of:expr, $inner:ident) => {
        #[async_trait]
        impl ConnectionTrait for $name {
            fn get_database_backend(&self) -> DbBackend {
                self.$inner.get_database_backend()
            }

            async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
                let $pool = self;
                $pool_of.within(self.$inner.execute_raw(statement)).await
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                let $pool = self;
                $pool_of.within(self.$inner.execute_unprepared(sql)).await
            }

            async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
                let $pool = self;
                $pool_of.within(self.$inner.query_one_raw(statement)).await
            }

            async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
                let $pool = self;
                $pool_of.within(self.$inner.query_all_raw(statement)).await
            }
        }
    };
}

connection_with_deadline!(Pool, me => me, connection);
connection_with_deadline!(Txn, me => me.pool, transaction);
