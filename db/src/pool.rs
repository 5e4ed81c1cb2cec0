//! A pool of connections in which every statement has a deadline. After a conflict (deadlock, lock wait, Galera's
//! certification) transactions run again as a whole, and so do statements outside of one: the server rolled them back.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement, TransactionTrait,
};
use tokio::time::Instant;

use crate::StoreError;
use crate::error::is_conflict;

/// How long one statement may take unless [`Pool::with_deadline`] says otherwise.
pub const STATEMENT_DEADLINE: Duration = Duration::from_secs(10);

/// How often a transaction, or a statement by itself, is run again after a conflict.
const CONFLICT_RETRIES: usize = 10;

/// A pool is replaced at most this often.
const RENEW_INTERVAL: Duration = Duration::from_secs(2);

/// Makes the pool of connections anew, without opening one.
pub(crate) type MakePool = Box<dyn Fn() -> DatabaseConnection + Send + Sync>;

/// Connections to the database. Cheap to clone; clones share the connections.
#[derive(Debug, Clone)]
pub struct Pool {
    shared: Arc<Shared>,
    deadline: Duration,
}

struct Shared {
    target: String,
    connections: RwLock<Connections>,
    /// `None` for SQLite.
    renewal: Option<Renewal>,
}

struct Connections {
    pool: DatabaseConnection,
    since: Instant,
}

struct Renewal {
    places: u32,
    make: MakePool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn pool(&self) -> DatabaseConnection {
        self.connections
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .pool
            .clone()
    }

    /// Replaces a pool whose places are all taken when a statement got no answer or no place. The driver asks each
    /// connection for life when it is given back, without a deadline: when a server dies without a word, its
    /// connections would hold their places until TCP gives up, a quarter of an hour later. What still works on the old
    /// pool goes on; its connections end with it.
    fn renew_if_stuck(&self) {
        let Some(Renewal { places, make }) = &self.renewal else {
            return;
        };
        let mut connections = self.connections.write().unwrap_or_else(PoisonError::into_inner);
        let old = connections.pool.get_mysql_connection_pool();
        let taken = old.size() >= *places && old.num_idle() == 0;
        if taken && connections.since.elapsed() >= RENEW_INTERVAL {
            tracing::warn!("database {}: no connection comes back; new ones are made", self.target);
            *connections = Connections {
                pool: make(),
                since: Instant::now(),
            };
        }
    }
}

impl Pool {
    /// `target` names the database in errors.
    pub(crate) fn fixed(target: &str, pool: DatabaseConnection) -> Self {
        Self::new(target, pool, None)
    }

    /// A pool of at most `places` connections.
    pub(crate) fn renewable(target: &str, places: u32, make: MakePool) -> Self {
        let renewal = Renewal {
            places: places.max(1),
            make,
        };
        Self::new(target, (renewal.make)(), Some(renewal))
    }

    fn new(target: &str, pool: DatabaseConnection, renewal: Option<Renewal>) -> Self {
        let connections = RwLock::new(Connections {
            pool,
            since: Instant::now(),
        });
        let shared = Shared {
            target: target.to_owned(),
            connections,
            renewal,
        };
        Self {
            shared: Arc::new(shared),
            deadline: STATEMENT_DEADLINE,
        }
    }

    /// The same connections with another deadline for each statement, waiting for a free connection included.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self {
            deadline,
            ..self.clone()
        }
    }

    /// The connections without a deadline, for migrations.
    pub(crate) fn raw(&self) -> DatabaseConnection {
        self.shared.pool()
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
        let mut delays = conflict_delays();
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
        let pool = self.shared.pool();
        let begun = self
            .within(pool.begin())
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

    /// One statement by itself.
    async fn again<T, F>(&self, call: impl Fn(DatabaseConnection) -> F) -> Result<T, DbErr>
    where
        F: Future<Output = Result<T, DbErr>>,
    {
        let began = Instant::now();
        let mut delays = conflict_delays();
        loop {
            match self.within(call(self.shared.pool())).await {
                Err(error) if is_conflict(&error) && began.elapsed() < self.deadline => match delays.next() {
                    Some(delay) => tokio::time::sleep(delay).await,
                    None => return Err(error),
                },
                other => return other,
            }
        }
    }

    async fn within<T>(&self, call: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        // The driver's own texts do not say which server.
        let away = |cause: &dyn std::fmt::Display| {
            let text = format!("no connection to {}: {cause}", self.shared.target);
            Err(DbErr::Conn(RuntimeErr::Internal(text)))
        };
        match tokio::time::timeout(self.deadline, call).await {
            Ok(Err(DbErr::ConnectionAcquire(cause))) => {
                self.shared.renew_if_stuck();
                away(&cause)
            }
            Ok(Err(DbErr::Conn(cause))) => away(&cause),
            Ok(outcome) => outcome,
            Err(_) => {
                self.shared.renew_if_stuck();
                let text = format!(
                    "no answer from {} within {} s",
                    self.shared.target,
                    self.deadline.as_secs_f64()
                );
                let overdue = sea_orm::SqlxError::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, text));
                Err(DbErr::Query(RuntimeErr::SqlxError(Arc::new(overdue))))
            }
        }
    }
}

fn conflict_delays() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(5))
        .with_max_delay(Duration::from_millis(200))
        .with_max_times(CONFLICT_RETRIES)
        .with_jitter()
        .build()
}

/// A transaction that is open; see [`Pool::transaction`].
#[derive(Debug)]
pub struct Txn {
    transaction: Arc<DatabaseTransaction>,
    pool: Pool,
}

#[async_trait]
impl ConnectionTrait for Pool {
    fn get_database_backend(&self) -> DbBackend {
        self.shared.pool().get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let run = |pool: DatabaseConnection| {
            let statement = statement.clone();
            async move { pool.execute_raw(statement).await }
        };
        self.again(run).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.again(|pool| async move { pool.execute_unprepared(sql).await })
            .await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let run = |pool: DatabaseConnection| {
            let statement = statement.clone();
            async move { pool.query_one_raw(statement).await }
        };
        self.again(run).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let run = |pool: DatabaseConnection| {
            let statement = statement.clone();
            async move { pool.query_all_raw(statement).await }
        };
        self.again(run).await
    }
}

/// A conflict in a transaction ends it: [`Pool::transaction`] runs the whole again.
#[async_trait]
impl ConnectionTrait for Txn {
    fn get_database_backend(&self) -> DbBackend {
        self.transaction.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.pool.within(self.transaction.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.pool.within(self.transaction.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.pool.within(self.transaction.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.pool.within(self.transaction.query_all_raw(statement)).await
    }
}
