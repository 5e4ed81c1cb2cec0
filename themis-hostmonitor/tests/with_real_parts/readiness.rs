//! `/readiness` of the running program, with a real broker and a real serf agent that come and go.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use crate::pool::{free_port, signal, subnet};
use crate::python_peer::Running;
use crate::{left_out, mortal};

/// A program with one network, and where it answers.
struct Monitor {
    _running: Running,
    side: u16,
}

impl Monitor {
    fn start(directory: &Path, url: &str) -> Self {
        let (file, side, port) = (directory.join("themis.conf"), free_port(), free_port());
        std::fs::write(directory.join("uuid"), "4C4C4544-0051-3510-8058-B4C04F573732\n").unwrap();
        let text = format!(
            "[DEFAULT]\ntransport_url = {url}\nhost = compute-1\nlog_file = {log}\n\
             [hostmonitor]\nruntime_dir = {run}\nsystem_uuid_file = {uuid}\nshutdown_command = true\n\
             metrics_listen = 127.0.0.1:{side}\n\
             [network:storage]\nrpc_port = {port}\npeers = compute-1={subnet}.1, compute-2={subnet}.2\n",
            log = directory.join("log").display(),
            run = directory.join("run").display(),
            uuid = directory.join("uuid").display(),
            subnet = subnet(),
        );
        std::fs::write(&file, text).unwrap();
        let mut program = mortal(env!("CARGO_BIN_EXE_themis-hostmonitor"));
        let process = program.arg("--config-file").arg(file).spawn().unwrap();
        Self {
            _running: Running(process),
            side,
        }
    }

    /// Status line and body; empty while nobody listens.
    fn answer(&self, path: &str) -> String {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.side)) else {
            return String::new();
        };
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn until(&self, status: &str, words: &str) {
        let mut answer = String::new();
        for _ in 0..300 {
            answer = self.answer("/readiness");
            if answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(words) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("never {status} '{words}': {answer}");
    }
}

#[test]
fn a_monitor_is_ready_while_it_can_report_and_an_agent_shows_it_the_others() {
    let Ok(url) = std::env::var("THEMIS_TEST_AMQP_URL") else {
        left_out("THEMIS_TEST_AMQP_URL is not set (.ci/services start DIR)");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let monitor = Monitor::start(directory.path(), &url);
    monitor.until("200", "READY");
    let pid = std::fs::read_to_string(directory.path().join("run/serf-storage.pid")).unwrap();
    let agent: i32 = pid.trim().parse().unwrap();
    signal(agent, "STOP");
    monitor.until("503", "NOT READY: no serf agent runs (storage: ");
    assert!(
        monitor.answer("/healthcheck").ends_with("OK"),
        "whoever restarts the sick leaves it alone"
    );
    signal(agent, "CONT");
    monitor.until("200", "READY");
}

#[test]
fn a_monitor_that_no_broker_hears_is_not_ready_and_says_for_what_it_needs_one() {
    let directory = tempfile::tempdir().unwrap();
    let monitor = Monitor::start(directory.path(), "rabbit://127.0.0.1:1/");
    monitor.until("503", "NOT READY: no broker for listening:themis_hostmonitor, sending");
    assert!(monitor.answer("/healthcheck").ends_with("OK"));
}
