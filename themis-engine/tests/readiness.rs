//! `/readiness` of the running program: a MariaDB of its own and a virtual host that go and come, a leader and a standby.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use themis_db::testing::{OwnServer, left_out, mortal};
use themis_db::{connect_url, schema};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;
use uuid::Uuid;

/// A virtual host of the tests' broker.
struct VirtualHost {
    name: String,
    services: String,
}

impl VirtualHost {
    fn ctl(&self, words: &[&str]) {
        let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.ci/services");
        let mut command = Command::new(program);
        command.args(["rabbitctl", &self.services]).args(words);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn make(&self) {
        self.ctl(&["add_vhost", &self.name]);
        self.ctl(&["set_permissions", "-p", &self.name, "guest", ".*", ".*", ".*"]);
    }

    fn remove(&self) {
        self.ctl(&["delete_vhost", &self.name]);
    }
}

struct Engine {
    _program: Child,
    side: u16,
}

impl Engine {
    async fn start(directory: &Path, name: &str, transport_url: &str, connection: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let side = listener.local_addr().unwrap().port();
        drop(listener);
        let file = directory.join(format!("{name}.conf"));
        let text = format!(
            "[DEFAULT]\ntransport_url = {transport_url}\nlog_file = {log}\n[database]\nconnection = {connection}\n\
             [keystone_authtoken]\nauth_url = http://127.0.0.1:9/\nusername = themis\npassword = x\n[network:storage]\n\
             [engine]\nname = {name}\nlease_ttl = 4\nlease_renew = 1\nlease_margin = 1\nmetrics_listen = 127.0.0.1:{side}\n",
            log = directory.join(format!("{name}.log")).display(),
        );
        std::fs::write(&file, text).unwrap();
        let mut program = tokio::process::Command::from(mortal(env!("CARGO_BIN_EXE_themis-engine")));
        let program = program
            .arg("--config-file")
            .arg(&file)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            _program: program,
            side,
        }
    }

    /// Headers and body; empty while nobody listens.
    async fn answer(&self, path: &str) -> String {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.side)).await else {
            return String::new();
        };
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn until(&self, status: &str, words: &str) {
        let mut answer = String::new();
        for _ in 0..400 {
            answer = self.answer("/readiness").await;
            if answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(words) {
                assert!(
                    self.answer("/healthcheck").await.ends_with("OK"),
                    "its life hangs on nobody"
                );
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("never {status} '{words}': {answer}");
    }

    async fn leads(&self) -> bool {
        self.answer("/metrics").await.contains("themis_engine_leading 1")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_is_ready_leading_or_not_while_it_has_database_bus_and_knows_the_lease() {
    let named = |name| std::env::var(name).ok();
    let (Some(url), Some(services)) = (named("THEMIS_TEST_AMQP_URL"), named("THEMIS_TEST_SERVICES_DIR")) else {
        left_out("THEMIS_TEST_AMQP_URL and THEMIS_TEST_SERVICES_DIR name no broker; see .ci/services");
        return;
    };
    let Some(mut server) = OwnServer::start() else { return };
    let store = connect_url(server.url()).await.unwrap();
    schema::schema_sync(&store).await.unwrap();
    let place = VirtualHost {
        name: format!("ready-{}", Uuid::new_v4().simple()),
        services,
    };
    let transport_url = format!("{}/{}", url.trim_end_matches('/'), place.name);
    let directory = tempfile::tempdir().unwrap();
    server.stop();

    let first = Engine::start(directory.path(), "first", &transport_url, &server.url()).await;
    first.until("503", "NOT READY: the database was not reached yet").await;
    server.resume();
    first
        .until(
            "503",
            "NOT READY: no broker for listening:themis_engine, listening:themis_observations, sending",
        )
        .await;
    place.make();
    first.until("200", "READY").await;
    let second = Engine::start(directory.path(), "second", &transport_url, &server.url()).await;
    second.until("200", "READY").await;
    assert!(
        !(first.leads().await && second.leads().await),
        "one of the two stands by"
    );

    server.stop();
    for engine in [&first, &second] {
        engine.until("503", "NOT READY: ").await;
    }
    server.resume();
    for engine in [&first, &second] {
        engine.until("200", "READY").await;
    }
    place.remove();
    for engine in [&first, &second] {
        engine.until("503", "NOT READY: no broker for ").await;
    }
}
