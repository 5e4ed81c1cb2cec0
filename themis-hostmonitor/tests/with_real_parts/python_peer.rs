//! The program itself on a real RabbitMQ, heard and asked by the real oslo.messaging. Needs `THEMIS_TEST_AMQP_URL` (see
//! `.ci/services`); says so and passes without it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use themis_core::report::{AgentState, PeerStatus, Report};
use tokio::time::Instant;

use crate::pool::{free_port, signal, subnet};
use crate::{left_out, mortal};

const PYTHON: &str = "/usr/bin/python3";
const PATIENCE: Duration = Duration::from_secs(20);

fn interop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../interop")
}

/// A child that is ended with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The Python peer serving the engines' topic; its lines, one JSON object each.
struct Peer {
    lines: Receiver<Value>,
    url: String,
    exchange: String,
    _process: Running,
}

impl Peer {
    fn listen(url: &str, exchange: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/with_real_parts/observations_peer.py");
        let mut process = mortal(PYTHON)
            .arg(script)
            .arg(interop())
            .args(["--transport-url", url, "--exchange", exchange])
            .args(["serve", "--topic", "themis_observations", "--server", "python-engine"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        let peer = Self {
            lines,
            url: url.to_owned(),
            exchange: exchange.to_owned(),
            _process: Running(process),
        };
        peer.until("the peer is ready", |line| (line["event"] == "ready").then_some(()));
        peer
    }

    /// Asks all monitors. The peer takes ten seconds to end after its message has gone; nobody waits for that.
    fn ask(&self, method: &str, inquiry: &Value) -> Running {
        let asking = mortal(PYTHON)
            .arg(interop().join("oslo_peer.py"))
            .args(["--transport-url", &self.url, "--exchange", &self.exchange])
            .args(["fanout", "--topic", "themis_hostmonitor", "--method", method])
            .args(["--args", &json!({ "inquiry": inquiry }).to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Running(asking.unwrap())
    }

    fn until<T>(&self, what: &str, mut wanted: impl FnMut(&Value) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        let mut last = Value::Null;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => match wanted(&line) {
                    Some(found) => return found,
                    None => last = line,
                },
                Err(_) => panic!("never: {what}; last line: {last:#}"),
            }
        }
    }
}

fn report(line: &Value) -> Option<Report> {
    (line["method"] == "report").then(|| serde_json::from_value(line["args"]["report"].clone()).unwrap())
}

/// The program, as an operator starts it.
fn monitor(directory: &Path, url: &str, exchange: &str, name: &str, port: u16, peers: &str) -> Running {
    let file = directory.join(format!("{name}.conf"));
    std::fs::write(directory.join("uuid"), "4C4C4544-0051-3510-8058-B4C04F573732\n").unwrap();
    let text = format!(
        "[DEFAULT]\ntransport_url = {url}\ncontrol_exchange = {exchange}\nhost = {name}\nlog_file = {log}\n\
         [hostmonitor]\nruntime_dir = {run}\nsystem_uuid_file = {uuid}\nshutdown_command = true\n\
         [network:storage]\nrpc_port = {port}\npeers = {peers}\n",
        log = directory.join(format!("{name}.log")).display(),
        run = directory.join(name).display(),
        uuid = directory.join("uuid").display(),
    );
    std::fs::write(&file, text).unwrap();
    let program = env!("CARGO_BIN_EXE_themis-hostmonitor");
    Running(mortal(program).arg("--config-file").arg(file).spawn().unwrap())
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn python_hears_reports_and_is_answered() {
    let Ok(url) = std::env::var("THEMIS_TEST_AMQP_URL") else {
        left_out("THEMIS_TEST_AMQP_URL is not set (.ci/services start DIR)");
        return;
    };
    let exchange = format!("hostmonitor-test-{}", uuid::Uuid::new_v4().simple());
    let peer = Peer::listen(&url, &exchange);
    let directory = tempfile::tempdir().unwrap();
    let subnet = subnet();
    let peers = format!("compute-1={subnet}.1, compute-2={subnet}.2");
    let start = |name| monitor(directory.path(), &url, &exchange, name, free_port(), &peers);
    let (mut first, mut second) = (start("compute-1"), start("compute-2"));

    let healthy = peer.until("compute-1 sees its peer", |line| {
        let report = report(line).filter(|report| report.observer == "compute-1")?;
        (report.networks.values().all(|network| network.alive == 1)).then_some(report)
    });
    let storage = &healthy.networks.values().next().unwrap();
    assert_eq!((storage.agent, storage.known), (AgentState::Running, 1));
    assert!(healthy.system_uuid.is_some() && !healthy.shutting_down && !healthy.witness);
    assert_eq!(
        healthy.boot_id,
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .unwrap()
            .trim()
    );

    let _asking = peer.ask("life", &json!({"nonce": "from-python", "target": "compute-2"}));
    let answer = peer.until("the life of compute-2", |line| {
        report(line).filter(|report| report.nonce.is_some())
    });
    assert_eq!(
        (answer.observer.as_str(), answer.nonce.as_deref()),
        ("compute-2", Some("from-python"))
    );
    let probe = json!({"nonce": "p", "target": "compute-2", "network": "storage", "observers": ["compute-1"], "timeout_ms": 500});
    let _asking = peer.ask("probe", &probe);
    let reached = peer.until("a probe", |line| {
        (line["method"] == "probe_answer").then(|| line["args"]["answer"]["reached"].clone())
    });
    assert_eq!(reached, true);
    println!(
        "resident: {} KiB (debug build, one network)",
        resident_kib(first.0.id())
    );

    // Killed, not stopped: its agent dies with it, and the other accuses.
    let killed = Instant::now();
    second.0.kill().unwrap();
    second.0.wait().unwrap();
    let pid: i32 = std::fs::read_to_string(directory.path().join("compute-2/serf-storage.pid"))
        .unwrap()
        .parse()
        .unwrap();
    peer.until("compute-2 failed", |line| {
        let report = report(line).filter(|report| report.observer == "compute-1")?;
        let status = report.networks.values().next()?.not_alive.get("compute-2").copied();
        (status == Some(PeerStatus::Failed)).then_some(())
    });
    println!(
        "python heard of it {:.1} s after kill -9 of monitor and agent",
        killed.elapsed().as_secs_f64()
    );
    assert!(!crate::pool::lives(pid), "agent {pid} outlived its monitor");

    signal(i32::try_from(first.0.id()).unwrap(), "TERM");
    assert!(first.0.wait().unwrap().success(), "an orderly stop ends with status 0");
    assert!(!directory.path().join("compute-1/serf-storage.json").exists());
}
