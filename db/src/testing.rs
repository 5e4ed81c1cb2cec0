//! A database of its own for each test (feature `testing`): MariaDB where `THEMIS_TEST_MYSQL_URL` names a server (an
//! account that may create databases, for instance from `.ci/services start DIR mariadb`), SQLite in a temporary file.
//! SQLite has neither row locks nor leases worth testing; what is about these asks for [`Backend::MySql`].

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "part of tests: a broken fixture is a failed test"
)]

use std::time::Duration;

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::{Pool, connect_url, schema};

mod galera;
#[path = "../../themis-core/testing/left_out.rs"]
mod left_out;
#[path = "../../themis-core/testing/mortal.rs"]
mod mortal;
mod server;

pub use galera::GaleraCluster;
pub use left_out::left_out;
pub use mortal::mortal;
pub use server::OwnServer;

/// Which database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// MariaDB or MySQL, as in production.
    MySql,
    /// A SQLite file.
    Sqlite,
}

/// A database that is dropped with this value, also when the test fails.
#[derive(Debug)]
pub struct TestDatabase {
    /// Connections to it.
    pub pool: Pool,
    /// Its connection string, for programs under test and for further pools.
    pub url: String,
    server: Option<String>,
    name: String,
}

impl TestDatabase {
    /// A database with the schema. `None`, with a printed notice, when there is no server for it.
    pub async fn open(backend: Backend) -> Option<Self> {
        let database = Self::empty(backend).await?;
        schema::schema_sync(&database.pool)
            .await
            .expect("the schema can be made");
        Some(database)
    }

    /// A database without any table.
    pub async fn empty(backend: Backend) -> Option<Self> {
        let name = format!("t_{}", Uuid::new_v4().simple());
        match backend {
            Backend::Sqlite => {
                let file = std::env::temp_dir().join(format!("{name}.sqlite"));
                let url = format!("sqlite://{}?mode=rwc", file.display());
                let pool = connect_url(url.clone()).await.expect("a SQLite file can be made");
                Some(Self {
                    pool,
                    url,
                    server: None,
                    name: file.display().to_string(),
                })
            }
            Backend::MySql => {
                let Ok(server) = std::env::var("THEMIS_TEST_MYSQL_URL") else {
                    left_out("THEMIS_TEST_MYSQL_URL is not set; see .ci/services");
                    return None;
                };
                let server = server.trim_end_matches('/').to_owned();
                admin(&server, format!("CREATE DATABASE {name}")).await;
                let url = format!("{server}/{name}");
                let pool = connect_url(url.clone()).await.expect("the new database can be opened");
                Some(Self {
                    pool,
                    url,
                    server: Some(server),
                    name,
                })
            }
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.take(), std::mem::take(&mut self.name));
        let Some(server) = server else {
            drop(std::fs::remove_file(name));
            return;
        };
        // A runtime of its own: the test's may be gone, or paused.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime
                .expect("a runtime")
                .block_on(admin(&server, format!("DROP DATABASE IF EXISTS {name}")));
        });
        if dropped.join().is_err() {
            eprintln!("a test database could not be dropped");
        }
    }
}

async fn admin(server: &str, sql: String) {
    let any = connect_url(format!("{server}/mysql")).await;
    let pool = match any {
        Ok(pool) => pool,
        // An account without rights on the system schema.
        Err(_) => connect_url(format!("{server}/information_schema"))
            .await
            .expect("the test server answers"),
    };
    pool.with_deadline(Duration::from_secs(30))
        .execute_unprepared(&sql)
        .await
        .expect("databases can be made and dropped");
}
