//! From `[database]` to a [`Pool`]: one line that names the fix when it cannot be opened, and sessions set as the
//! store expects them (UTC, strict values, Galera's reads up to date).

use std::time::Duration;

use sea_orm::sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlPoolOptions, MySqlSslMode};
use sea_orm::sqlx::{self, ConnectOptions, Connection, Executor};
use sea_orm::{DatabaseConnection, DbErr, RuntimeErr, SqlxMySqlConnector};
use secrecy::{ExposeSecret, SecretString};

use crate::config::DatabaseSection;
use crate::pool::{MakePool, Pool};
use crate::target::{MySqlTarget, Target, TargetError};

/// A connection is asked for life before use only after it was idle for this long.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);
/// How long such a question may take.
const PING_DEADLINE: Duration = Duration::from_secs(1);

/// Why the database cannot be opened. The text names host, database and fix, never the password.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The connection string cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A TLS mode that does not exist.
    #[error(
        "[database] connection: ssl-mode '{mode}' is none of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY"
    )]
    SslMode {
        /// As given.
        mode: String,
    },
    /// Nobody answers there.
    #[error(
        "cannot reach the database at {target} within {within_s} s ({detail}); is it running, and is [database] connection right?"
    )]
    Unreachable {
        /// `host:port/name`.
        target: String,
        /// How long was waited.
        within_s: f64,
        /// What the last attempt met.
        detail: String,
    },
    /// The account is refused.
    #[error("the database at {target} refuses user '{user}'; check user and password in [database] connection")]
    Denied {
        /// `host:port/name`.
        target: String,
        /// The account.
        user: String,
    },
    /// The database does not exist, or the account may not use it.
    #[error(
        "there is no database '{database}' at {target} that user '{user}' may use; create it and grant it, then run themis-manage db sync"
    )]
    NoDatabase {
        /// `host:port/name`.
        target: String,
        /// The database.
        database: String,
        /// The account.
        user: String,
    },
    /// The account's password may only be sent over TLS, and the connection is plain. (The other way, encrypting it with a
    /// key that the server hands out and nobody vouches for, hides it from listeners only.)
    #[error(
        "the account of user '{user}' at {target} logs in by caching_sha2_password or sha256_password, which Themis does over TLS \
         only; let the server offer TLS, and do not disable it in [database] connection"
    )]
    NeedsTls {
        /// `host:port/name`.
        target: String,
        /// The account.
        user: String,
    },
    /// Anything else that the driver met.
    #[error("cannot open the database at {target}: {source}")]
    Driver {
        /// `host:port/name`.
        target: String,
        /// What it met.
        source: sqlx::Error,
    },
}

impl ConnectError {
    /// Whether waiting may heal it: a daemon tries again, with the line above in its log.
    #[must_use]
    pub const fn may_heal(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Denied { .. }
                | Self::NoDatabase { .. }
                | Self::NeedsTls { .. }
                | Self::Driver { .. }
        )
    }
}

/// Reads `[database]` as [`connect`] does, without asking the server.
///
/// # Errors
/// A connection string or a TLS mode that cannot be used.
pub fn check(section: &DatabaseSection) -> Result<Target, ConnectError> {
    let target = Target::parse(&section.connection)?;
    if let Target::MySql(mysql) = &target {
        mysql_options(mysql)?;
    }
    Ok(target)
}

/// Opens the database of `[database]`.
///
/// # Errors
/// One line that names host, database and fix.
pub async fn connect(section: &DatabaseSection) -> Result<Pool, ConnectError> {
    let target = Target::parse(&section.connection)?;
    let shown = target.to_string();
    Ok(match &target {
        Target::MySql(mysql) => {
            Pool::renewable(&shown, section.max_pool_size, first_look(mysql, section, &shown).await?)
        }
        Target::Sqlite(path) => Pool::fixed(&shown, sqlite_pool(path).await?),
    })
}

/// Opens a database by its connection string, everything else by default; for tests and tools.
///
/// # Errors
/// As [`connect`].
pub async fn connect_url(connection: impl Into<SecretString>) -> Result<Pool, ConnectError> {
    let section = DatabaseSection {
        connection: connection.into(),
        max_pool_size: 5,
        pool_timeout: Duration::from_secs(5),
        connection_recycle_time: Duration::from_secs(3600),
        mysql_wsrep_sync_wait: 1,
    };
    connect(&section).await
}

/// Opens one connection, to say what is wrong, and answers how a pool of them is made.
async fn first_look(target: &MySqlTarget, section: &DatabaseSection, shown: &str) -> Result<MakePool, ConnectError> {
    let options = mysql_options(target)?;
    // The pool hides "connection refused" behind its timeout; one connection by hand says what is wrong.
    let first = tokio::time::timeout(section.pool_timeout, options.connect()).await;
    let within_s = section.pool_timeout.as_secs_f64();
    match first {
        Err(_) => {
            let detail = "no answer".to_owned();
            return Err(ConnectError::Unreachable {
                target: shown.to_owned(),
                within_s,
                detail,
            });
        }
        Ok(Err(error)) => return Err(explain(error, target, shown, within_s)),
        // With a farewell: over TLS the driver waits for the server's end of the connection, which only that brings about.
        Ok(Ok(connection)) => drop(tokio::time::timeout(PING_DEADLINE, connection.close()).await),
    }
    let section = section.clone();
    Ok(Box::new(move || lazy_pool(options.clone(), &section)))
}

/// Connections are made when they are needed.
fn lazy_pool(options: MySqlConnectOptions, section: &DatabaseSection) -> DatabaseConnection {
    let sync_wait = section.mysql_wsrep_sync_wait;
    let pool = MySqlPoolOptions::new()
        .max_connections(section.max_pool_size.max(1))
        .acquire_timeout(section.pool_timeout)
        .max_lifetime(section.connection_recycle_time)
        .test_before_acquire(false)
        .after_connect(move |connection, _| Box::pin(session(connection, sync_wait)))
        .before_acquire(move |connection, meta| {
            Box::pin(async move {
                if meta.idle_for >= PING_AFTER_IDLE {
                    ping(connection).await
                } else {
                    Ok(true)
                }
            })
        })
        .connect_lazy_with(options);
    SqlxMySqlConnector::from_sqlx_mysql_pool(pool)
}

fn mysql_options(target: &MySqlTarget) -> Result<MySqlConnectOptions, ConnectError> {
    let mut options = MySqlConnectOptions::new()
        .host(&target.host)
        .port(target.port)
        .username(&target.user)
        .database(&target.database)
        .charset("utf8mb4")
        .disable_statement_logging();
    if let Some(password) = &target.password {
        options = options.password(password.expose_secret());
    }
    if let Some(socket) = &target.socket {
        options = options.socket(socket);
    }
    if let Some(mode) = &target.ssl_mode {
        let parsed = mode
            .parse::<MySqlSslMode>()
            .map_err(|_| ConnectError::SslMode { mode: mode.clone() })?;
        options = options.ssl_mode(parsed);
    }
    if let Some(file) = &target.ssl_ca {
        options = options.ssl_ca(file);
    }
    if let Some(file) = &target.ssl_cert {
        options = options.ssl_client_cert(file);
    }
    if let Some(file) = &target.ssl_key {
        options = options.ssl_client_key(file);
    }
    Ok(options)
}

/// UTC and `utf8mb4` are set by the driver. Strict values: nothing is cut or turned to zero in silence. A transaction reads
/// one moment, whatever the server is set to: what a leader begins with must fit together.
async fn session(connection: &mut MySqlConnection, sync_wait: u16) -> Result<(), sqlx::Error> {
    connection
        .execute("SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',TRADITIONAL')")
        .await?;
    connection
        .execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        .await?;
    let galera = connection
        .fetch_optional("SHOW SESSION VARIABLES LIKE 'wsrep_sync_wait'")
        .await?;
    if galera.is_some() {
        connection
            .execute(sqlx::AssertSqlSafe(format!(
                "SET SESSION wsrep_sync_wait = {sync_wait}"
            )))
            .await?;
    }
    Ok(())
}

/// An error, not `false`: then the pool drops the connection without a farewell, which a dead server would not answer.
async fn ping(connection: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
    tokio::time::timeout(PING_DEADLINE, connection.ping())
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
        .map(|()| true)
}

fn explain(error: sqlx::Error, target: &MySqlTarget, shown: &str, within_s: f64) -> ConnectError {
    let shown = shown.to_owned();
    let user = target.user.clone();
    let number = match &error {
        sqlx::Error::Database(server) => server
            .try_downcast_ref::<sea_orm::SqlxMySqlError>()
            .map(sea_orm::SqlxMySqlError::number),
        _ => None,
    };
    match (number, &error) {
        (Some(1045 | 1698), _) => ConnectError::Denied { target: shown, user },
        (Some(1044 | 1049), _) => ConnectError::NoDatabase {
            target: shown,
            database: target.database.clone(),
            user,
        },
        // The driver has no other use for this word once it has begun to connect.
        (None, sqlx::Error::Configuration(_)) => ConnectError::NeedsTls { target: shown, user },
        (None, sqlx::Error::Io(io)) => ConnectError::Unreachable {
            target: shown,
            within_s,
            detail: io.to_string(),
        },
        _ => ConnectError::Driver {
            target: shown,
            source: error,
        },
    }
}

async fn sqlite_pool(path: &str) -> Result<DatabaseConnection, ConnectError> {
    // One connection: in memory each connection would be a database of its own.
    let mut options = sea_orm::ConnectOptions::new(format!("sqlite://{path}"));
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options)
        .await
        .map_err(|error| ConnectError::Driver {
            target: path.to_owned(),
            source: match error {
                DbErr::Conn(RuntimeErr::SqlxError(source)) => sqlx::Error::Protocol(source.to_string()),
                other => sqlx::Error::Protocol(other.to_string()),
            },
        })
}
