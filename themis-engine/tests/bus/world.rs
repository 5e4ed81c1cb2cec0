//! An engine, a virtual host and a database of the test's own.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use themis_core::report::{ENGINE_TOPIC, OBSERVATIONS_TOPIC};
use themis_db::testing::{Backend, TestDatabase, left_out, mortal};
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{ServerName, Settings, Target, Topic, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use uuid::Uuid;

/// Enough for a message, or an engine's start, on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct World {
    /// Part of every name that this test gives.
    pub(crate) name: String,
    pub(crate) bus: RabbitBus,
    /// All engines, and the one.
    pub(crate) engines: Target,
    pub(crate) engine: Target,
    pub(crate) observations: Target,
    pub(crate) database: TestDatabase,
    place: String,
    metrics_port: u16,
    directory: TempDir,
    _program: Child,
}

async fn ctl(words: &[&str]) {
    let services = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.ci/services");
    let output = Command::new(services)
        .arg("rabbitctl")
        .arg(std::env::var("THEMIS_TEST_SERVICES_DIR").unwrap())
        .args(words)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    assert!(
        output.status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn bus(url: &str) -> RabbitBus {
    RabbitBus::start(Settings::for_url(url).unwrap(), "test").unwrap()
}

impl World {
    /// Starts an engine with some more lines of configuration, and waits until it leads.
    pub(crate) async fn start(more: &str) -> Option<Self> {
        let named = |name| std::env::var(name).ok();
        let (Some(url), Some(_)) = (named("THEMIS_TEST_AMQP_URL"), named("THEMIS_TEST_SERVICES_DIR")) else {
            left_out("THEMIS_TEST_AMQP_URL and THEMIS_TEST_SERVICES_DIR name no broker; see .ci/services");
            return None;
        };
        let database = TestDatabase::open(Backend::MySql).await?;
        let name = Uuid::new_v4().simple().to_string()[..8].to_owned();
        ctl(&["add_vhost", &name]).await;
        ctl(&["set_permissions", "-p", &name, "guest", ".*", ".*", ".*"]).await;
        let url = format!("{}/{name}", url.trim_end_matches('/'));
        let (_, place) = url.split_once('@').unwrap();
        let metrics_port = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let directory = tempfile::tempdir().unwrap();
        let text = format!(
            "[DEFAULT]\ntransport_url = {url}\nlog_file = {log}\n[database]\nconnection = {connection}\n\
             [keystone_authtoken]\nauth_url = http://127.0.0.1:9/\nusername = themis\npassword = x\n\
             [network:storage]\n[engine]\nname = engine-1\npoll_interval = 3600\nmetrics_listen = 127.0.0.1:{metrics_port}\n\
             {more}",
            log = directory.path().join("log").display(),
            connection = database.url,
        );
        let file = directory.path().join("themis.conf");
        std::fs::write(&file, text).unwrap();
        let program = Command::from(mortal(env!("CARGO_BIN_EXE_themis-engine")))
            .arg("--config-file")
            .arg(&file)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let target = |topic| Target::topic(Topic::new(topic).unwrap(), Version::ONE);
        let world = Self {
            bus: bus(&url),
            engines: target(ENGINE_TOPIC),
            engine: target(ENGINE_TOPIC).at(ServerName::new("engine-1").unwrap()),
            observations: target(OBSERVATIONS_TOPIC),
            place: place.to_owned(),
            name,
            database,
            metrics_port,
            directory,
            _program: program,
        };
        world.line("leads").await;
        Some(world)
    }

    /// A bus as another user of the broker.
    pub(crate) async fn bus_of(&self, user: &str) -> RabbitBus {
        ctl(&["add_user", user, "secret"]).await;
        ctl(&["set_permissions", "-p", &self.name, user, ".*", ".*", ".*"]).await;
        bus(&format!("rabbit://{user}:secret@{}", self.place))
    }

    /// The engine's lines with these words.
    pub(crate) fn lines(&self, words: &str) -> Vec<String> {
        let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        log.lines()
            .filter(|line| line.contains(words))
            .map(str::to_owned)
            .collect()
    }

    /// The first of them, once it is there.
    pub(crate) async fn line(&self, words: &str) -> String {
        self.until(words, async || !self.lines(words).is_empty()).await;
        self.lines(words).remove(0)
    }

    /// A metric's value, by what its line begins with.
    pub(crate) async fn metric(&self, name: &str) -> Option<f64> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.metrics_port)).await.ok()?;
        let request = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    pub(crate) async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let wait = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        if tokio::time::timeout(SOON, wait).await.is_err() {
            let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            panic!("not within {SOON:?}: {what}; the engine says:\n{log}");
        }
    }
}
