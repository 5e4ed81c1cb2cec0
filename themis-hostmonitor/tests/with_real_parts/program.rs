//! The program at its door: what it says about configurations, and that nothing secret is shown.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rstest::rstest;
use rustix::process::{Pid, Signal, kill_process};

const GOOD: &str = "[DEFAULT]
transport_url = rabbit://themis:sesame@127.0.0.1:1/
host = compute-1
[hostmonitor]
runtime_dir = RUN
[network:storage]
interface = lo
encrypt_key = MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=
peers = compute-1=127.0.9.1, witness:controller-1=127.0.9.9
";

fn program(directory: &Path, text: &str, arguments: &[&str]) -> Output {
    let file = directory.join("themis.conf");
    std::fs::write(&file, text.replace("RUN", directory.join("run").to_str().unwrap())).unwrap();
    Command::new(env!("CARGO_BIN_EXE_themis-hostmonitor"))
        .arg("--config-file")
        .arg(file)
        .args(arguments)
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap()
}

fn shown(output: &Output) -> (String, String) {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(!out.contains("sesame") && !out.contains("MDEy") && !err.contains("sesame") && !err.contains("MDEy"));
    (out.into_owned(), err.into_owned())
}

#[test]
fn check_prints_the_effective_view() {
    let directory = tempfile::tempdir().unwrap();
    let output = program(directory.path(), GOOD, &["--check"]);
    let (out, err) = shown(&output);
    assert!(output.status.success(), "{out}{err}");
    for wanted in [
        "host         compute-1",
        "network      storage: critical, agent on 127.0.9.1 port 7946, encrypted, rpc 127.0.0.1:7373",
        "  interface  lo, up with carrier",
        "  witness    controller-1 at 127.0.9.9",
    ] {
        assert!(out.lines().any(|line| line == wanted), "no '{wanted}' in:\n{out}");
    }
    assert!(!directory.path().join("run").exists(), "a check leaves nothing behind");
}

#[test]
fn check_fails_when_serf_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let output = program(
        directory.path(),
        &GOOD.replace("runtime_dir", "serf_binary = sarf\nruntime_dir"),
        &["--check"],
    );
    let (out, _) = shown(&output);
    assert!(!output.status.success());
    assert!(
        out.contains("MISSING: 'sarf' is not in PATH; install the package serf, or set [hostmonitor] serf_binary"),
        "{out}"
    );
}

#[rstest]
#[case(
    "interface = lo",
    "interfaec = lo",
    "unknown key 'interfaec' in [network:storage]; did you mean 'interface'?"
)]
#[case("host = compute-1", "host = compute-7", "add compute-7=ADDRESS")]
#[case("rabbit://", "rabit://", "[DEFAULT] transport_url")]
#[case(
    "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "MDEyMzQ1",
    "[network:storage] encrypt_key: has 6 bytes"
)]
#[case("RUN", "/proc/self/nowhere", "cannot use /proc/self/nowhere")]
fn what_stops_it_is_said_in_one_line(#[case] good: &str, #[case] bad: &str, #[case] wanted: &str) {
    assert!(GOOD.contains(good));
    let directory = tempfile::tempdir().unwrap();
    let output = program(directory.path(), &GOOD.replacen(good, bad, 1), &[]);
    let (_, err) = shown(&output);
    assert_eq!(output.status.code(), Some(1), "{err}");
    let lines: Vec<&str> = err
        .lines()
        .filter(|line| line.starts_with("themis-hostmonitor: "))
        .collect();
    assert!(lines.len() == 1 && lines[0].contains(wanted), "{err}");
    assert!(err.lines().last() == lines.last().copied(), "more after it: {err}");
}

#[test]
fn the_service_manager_hears_that_it_is_ready_and_then_that_it_runs_also_after_sighup() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let heard = || {
        let mut buffer = [0; 256];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).trim().to_owned()
    };
    let file = directory.path().join("themis.conf");
    std::fs::write(
        &file,
        GOOD.replace("RUN", directory.path().join("run").to_str().unwrap()),
    )
    .unwrap();
    let mut monitor = Command::new(env!("CARGO_BIN_EXE_themis-hostmonitor"))
        .arg("--config-file")
        .arg(&file)
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "200000")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = Pid::from_child(&monitor);
    assert_eq!(heard(), "READY=1");
    assert_eq!(heard(), "WATCHDOG=1");
    kill_process(pid, Signal::HUP).unwrap();
    for _ in 0..3 {
        assert_eq!(heard(), "WATCHDOG=1");
    }
    assert!(monitor.try_wait().unwrap().is_none(), "SIGHUP ended it");
    // A manager that does not read would hold it up.
    drop(manager);
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(monitor.wait().unwrap().code(), Some(0));
}
