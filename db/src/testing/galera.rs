//! A Galera cluster of a test's own: three nodes of MariaDB, of which one can be cut off from the others, or die.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use uuid::Uuid;

use super::left_out;
use crate::{Pool, connect_url, schema};

/// How long the cluster may take to agree on who belongs to it.
const DEADLINE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Three nodes, counted from 0; all ended and removed with this value.
#[derive(Debug)]
pub struct GaleraCluster {
    directory: PathBuf,
    servers: Vec<String>,
}

impl GaleraCluster {
    /// Starts one, which takes about ten seconds. `None`, with a printed notice, where Galera is not installed.
    #[must_use]
    pub fn start() -> Option<Self> {
        if ![
            "/usr/lib/galera/libgalera_smm.so",
            "/usr/sbin/mariadbd",
            "/usr/bin/rsync",
        ]
        .iter()
        .all(|file| Path::new(file).exists())
        {
            left_out("no Galera; see 'lab/lab install'");
            return None;
        }
        let directory =
            std::env::temp_dir().join(format!("themis-galera-{}", &Uuid::new_v4().simple().to_string()[..8]));
        let mut cluster = Self {
            directory,
            servers: Vec::new(),
        };
        cluster.services("start", "galera");
        let settings = std::fs::read_to_string(cluster.directory.join("env")).expect("the addresses of the nodes");
        let (_, urls) = settings.split_once("GALERA_URLS='").expect("they stand there");
        let urls = urls.split('\'').next().unwrap_or_default();
        cluster.servers = urls.split_whitespace().map(str::to_owned).collect();
        assert_eq!(cluster.servers.len(), 3, "{settings}");
        Some(cluster)
    }

    /// A new database with the schema: its connection string by each of the nodes, the first of which made it.
    pub async fn database(&self) -> Vec<String> {
        let name = format!("t_{}", Uuid::new_v4().simple());
        let admin = self.admin(0).await;
        let made = admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await;
        made.expect("databases can be made");
        let urls: Vec<String> = self.servers.iter().map(|server| format!("{server}{name}")).collect();
        let pool = connect_url(urls[0].clone()).await.expect("it can be opened");
        schema::schema_sync(&pool).await.expect("the schema can be made");
        for url in &urls {
            self.opened(url).await;
        }
        urls
    }

    /// Waits until a database that another node made can be opened; no setting makes a log-in wait for it.
    async fn opened(&self, url: &str) {
        let opened = tokio::time::timeout(DEADLINE, async {
            while connect_url(url.to_owned()).await.is_err() {
                tokio::time::sleep(LOOK).await;
            }
        });
        opened.await.expect("every node gets it");
    }

    /// Cuts a node off from the others: it runs on, without quorum.
    pub async fn cut(&self, node: usize) {
        self.isolate(node, 1).await;
        self.until(node, "wsrep_cluster_status", "non-Primary").await;
        self.until(node, "wsrep_ready", "OFF").await;
    }

    /// Ends the cut.
    pub async fn join(&self, node: usize) {
        self.isolate(node, 0).await;
        self.until(node, "wsrep_local_state_comment", "Synced").await;
    }

    /// Ends a node at once, as a machine that loses power.
    pub fn kill(&self, node: usize) {
        self.services("galera-kill", &(node + 1).to_string());
    }

    /// Starts it again, at the port that it had, and waits until it has the cluster's state.
    pub fn revive(&self, node: usize) {
        self.services("galera-start", &(node + 1).to_string());
    }

    async fn isolate(&self, node: usize, on: u8) {
        let sql = format!("SET GLOBAL wsrep_provider_options = 'gmcast.isolate={on}'");
        let set = self.admin(node).await.execute_unprepared(&sql).await;
        set.expect("a node can be told to hear nobody");
    }

    async fn until(&self, node: usize, status: &str, wanted: &str) {
        let admin = self.admin(node).await;
        let ask = Statement::from_string(DbBackend::MySql, format!("SHOW STATUS LIKE '{status}'"));
        let agreed = tokio::time::timeout(DEADLINE, async {
            loop {
                let row = admin.query_one_raw(ask.clone()).await.ok().flatten();
                if row.and_then(|row| row.try_get::<String>("", "Value").ok()).as_deref() == Some(wanted) {
                    return;
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        agreed.await.expect("the nodes agree");
    }

    async fn admin(&self, node: usize) -> Pool {
        let any = connect_url(format!("{}information_schema", self.servers[node])).await;
        any.expect("the node answers")
    }

    fn services(&self, verb: &str, word: &str) {
        let ran = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/services"))
            .arg(verb)
            .arg(&self.directory)
            .arg(word)
            .env("SERVICES_OWNER", std::process::id().to_string())
            .output()
            .expect(".ci/services runs");
        assert!(
            ran.status.success(),
            "{verb} {word}: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
    }
}

impl Drop for GaleraCluster {
    fn drop(&mut self) {
        self.services("stop", "");
        drop(std::fs::remove_dir_all(&self.directory));
    }
}
