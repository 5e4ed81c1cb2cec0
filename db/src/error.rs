//! What can go wrong with the database, sorted by what the caller must do next.

use sea_orm::{DbErr, RuntimeErr, SqlErr};
use themis_core::Epoch;

use crate::words::UnknownWord;

/// What the caller must do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Nothing was written; the same call may succeed later.
    Retry,
    /// Nothing was written, and the same call will not succeed.
    GiveUp,
    /// Nobody knows whether it was written: read before doing anything.
    Unknown,
}

/// A failure of a store function. [`StoreError::advice`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique name, id or tuple is taken.
    #[error("{what} exists already")]
    AlreadyExists {
        /// The noun, for instance `segment`.
        what: &'static str,
    },
    /// The row to be changed does not exist (any more).
    #[error("no {what} with id {id}")]
    NotFound {
        /// The noun.
        what: &'static str,
        /// Its id, as the caller gave it.
        id: String,
    },
    /// A list is to be sorted by a column that the table does not have.
    #[error("unknown sort key '{key}'")]
    UnknownSortKey {
        /// As given.
        key: String,
    },
    /// A list is to go on after a row that does not exist.
    #[error("marker {marker} could not be found")]
    MarkerNotFound {
        /// As given.
        marker: i64,
    },
    /// Notifications that are not settled need the row (Masakari's in-use rule).
    #[error("{what} {id} is in use to process notifications")]
    InUse {
        /// The noun.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// Somebody else has written the row since it was read.
    #[error("{what} {id} was changed since it was read")]
    Stale {
        /// The noun.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// The lease is held by another engine, or by a later epoch; the transaction was rolled back.
    #[error("the engine lease is no longer held by {holder} at epoch {epoch}")]
    LeaseLost {
        /// Who believed to hold it.
        holder: String,
        /// The epoch it believed in.
        epoch: Epoch,
    },
    /// A deadlock, a lock wait that ran out, or a certification failure of Galera: the transaction was rolled back. A node
    /// that lost the others says that a lock wait ran out, too, to what waits for them.
    #[error("the transaction met another one, or its Galera node lost the others: {source}")]
    Conflict {
        /// The server's word.
        source: DbErr,
    },
    /// No connection, or a server that cannot serve (starting, stopping, without quorum).
    #[error("the database cannot be reached: {source}")]
    Unreachable {
        /// What the driver met.
        source: DbErr,
    },
    /// The connection broke, or the deadline passed, while a statement outside a transaction was under way.
    #[error("the database's answer was lost: {source}")]
    Interrupted {
        /// What the driver met.
        source: DbErr,
    },
    /// The answer to a commit was lost: it may hold, or not.
    #[error("the outcome of a commit is unknown: {source}")]
    Unknown {
        /// What the driver met.
        source: DbErr,
    },
    /// The work of a transaction kept the transaction beyond its end; it was not committed.
    #[error("a transaction was kept beyond its end; it was not committed")]
    TransactionEscaped,
    /// A stored word is none of its set: another program wrote it.
    #[error("table {table}: {source}")]
    UnknownWord {
        /// The table.
        table: &'static str,
        /// The word.
        source: UnknownWord,
    },
    /// A stored text is not the JSON that it should be.
    #[error("table {table}, column {column}: {source}")]
    Json {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// Where it breaks.
        source: serde_json::Error,
    },
    /// The database has tables of Masakari's names that are not as Masakari's newest release makes them.
    #[error(
        "the database has other tables of the names that Themis uses (schema {version}): {}; nothing was changed. Bring them up \
         to date with masakari-manage db sync of release 22 or later, or give Themis a database of its own and run \
         themis-manage db import-masakari", .differences.join(", ")
    )]
    ForeignSchema {
        /// Masakari's name for its schema.
        version: String,
        /// What differs.
        differences: Vec<String>,
    },
    /// A value that its column cannot hold: too long, out of range, or beyond the column's character set (the tables that
    /// Masakari made are often `utf8mb3`).
    #[error("a value does not fit its column: {source}")]
    ValueRefused {
        /// The server's word.
        source: DbErr,
    },
    /// The server refused the statement: a schema that does not fit, a missing privilege.
    #[error("the database refused a statement: {source}{}", remedy(.source))]
    Refused {
        /// The server's word.
        source: DbErr,
    },
}

impl StoreError {
    /// What the caller must do.
    #[must_use]
    pub const fn advice(&self) -> Advice {
        match self {
            Self::Conflict { .. } | Self::Unreachable { .. } => Advice::Retry,
            Self::Interrupted { .. } | Self::Unknown { .. } => Advice::Unknown,
            Self::AlreadyExists { .. }
            | Self::NotFound { .. }
            | Self::UnknownSortKey { .. }
            | Self::MarkerNotFound { .. }
            | Self::InUse { .. }
            | Self::Stale { .. }
            | Self::LeaseLost { .. }
            | Self::TransactionEscaped
            | Self::UnknownWord { .. }
            | Self::Json { .. }
            | Self::ForeignSchema { .. }
            | Self::ValueRefused { .. }
            | Self::Refused { .. } => Advice::GiveUp,
        }
    }

    /// Whether the database, not the request, is the trouble: an API answers 503.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Conflict { .. } | Self::Unreachable { .. } | Self::Interrupted { .. } | Self::Unknown { .. }
        )
    }

    /// The same failure of a statement inside a transaction that was not committed: nothing was written.
    pub(crate) fn before_commit(self) -> Self {
        match self {
            Self::Interrupted { source } => Self::Unreachable { source },
            other => other,
        }
    }

    /// The failure of a commit. Only a conflict is known to have rolled back.
    pub(crate) fn of_commit(error: DbErr) -> Self {
        match Self::from(error) {
            conflict @ Self::Conflict { .. } => conflict,
            Self::Unreachable { source } | Self::Interrupted { source } | Self::Refused { source } => {
                Self::Unknown { source }
            }
            other => other,
        }
    }

    /// A unique constraint named as the noun it guards; other errors as they are.
    pub(crate) fn unique(error: DbErr, what: &'static str) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Self::AlreadyExists { what },
            _ => Self::from(error),
        }
    }
}

impl From<DbErr> for StoreError {
    fn from(source: DbErr) -> Self {
        match kind(&source) {
            Kind::Conflict => Self::Conflict { source },
            Kind::NotSent => Self::Unreachable { source },
            Kind::Broken => Self::Interrupted { source },
            Kind::Value => Self::ValueRefused { source },
            Kind::Refused => Self::Refused { source },
        }
    }
}

/// What an administrator does about a statement that the server refuses for good.
fn remedy(source: &DbErr) -> &'static str {
    match server_error(source) {
        // No such table; no such column.
        Some(1146 | 1054) => "; run 'themis-manage db sync'",
        // Denied: database, table, column, operation.
        Some(1044 | 1142 | 1143 | 1227) => "; grant the user of [database] connection all on its database",
        _ => "",
    }
}

enum Kind {
    Conflict,
    NotSent,
    Broken,
    Value,
    Refused,
}

/// Server errors by number: <https://mariadb.com/kb/en/mariadb-error-codes/>,
/// <https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html>.
const fn number_kind(number: Option<u16>) -> Kind {
    match number {
        // Lock wait timeout; deadlock or Galera's certification; row changed since the snapshot (MariaDB 11); certification of
        // MySQL's group replication; table changed since the snapshot.
        Some(1205 | 1213 | 1020 | 3101 | 1412) => Kind::Conflict,
        // Too many connections (server, account); Galera node not ready; read-only server, also in super-read-only or
        // offline mode (1290: the option that forbids it; 1792: a read-only transaction); out of memory or disk for now.
        Some(1040 | 1047 | 1203 | 1226 | 1290 | 1792 | 1836 | 3032 | 1021 | 1037 | 1038 | 1041 | 1135) => Kind::NotSent,
        // Shutdown, query killed, connection killed, idle connection ended by the server (MySQL 8); an error during the
        // commit (Galera: the node lost the others while they were asked, and they may have it).
        Some(1053 | 1317 | 1927 | 4031 | 1180) => Kind::Broken,
        // Out of range; not in the character set (3988: MySQL 8's word for it); too long.
        Some(1264 | 1366 | 1406 | 3988) => Kind::Value,
        _ => Kind::Refused,
    }
}

/// Whether a statement met another one and was rolled back.
pub(crate) fn is_conflict(error: &DbErr) -> bool {
    matches!(kind(error), Kind::Conflict)
}

/// The number of a server's error; `None` for what the driver met by itself.
pub(crate) fn server_error(error: &DbErr) -> Option<u16> {
    let (DbErr::Exec(RuntimeErr::SqlxError(sqlx)) | DbErr::Query(RuntimeErr::SqlxError(sqlx))) = error else {
        return None;
    };
    match &**sqlx {
        sea_orm::SqlxError::Database(server) => server
            .try_downcast_ref::<sea_orm::SqlxMySqlError>()
            .map(sea_orm::SqlxMySqlError::number),
        _ => None,
    }
}

fn kind(error: &DbErr) -> Kind {
    let sqlx = match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => return Kind::NotSent,
        DbErr::Exec(RuntimeErr::SqlxError(sqlx)) | DbErr::Query(RuntimeErr::SqlxError(sqlx)) => sqlx,
        _ => return Kind::Refused,
    };
    match &**sqlx {
        sea_orm::SqlxError::Database(_) => number_kind(server_error(error)),
        sea_orm::SqlxError::PoolTimedOut | sea_orm::SqlxError::PoolClosed => Kind::NotSent,
        sea_orm::SqlxError::Io(_)
        | sea_orm::SqlxError::Tls(_)
        | sea_orm::SqlxError::Protocol(_)
        | sea_orm::SqlxError::WorkerCrashed => Kind::Broken,
        _ => Kind::Refused,
    }
}
