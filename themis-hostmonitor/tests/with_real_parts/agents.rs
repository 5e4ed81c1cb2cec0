//! Monitors with real serf agents: what is reported when agents and hosts fail, and that agents are kept running.
//! Serf's own times are what they are (a crash is believed after five to nine seconds), so these tests take seconds.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::pool::{Pool, lives, network, signal};
use themis_core::report::{AgentState, PeerStatus};
use themis_hostmonitor::serf::supervisor::{Order, Supervisor};
use themis_hostmonitor::serf::watch::Watcher;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

const SERF_BELIEVES: Duration = Duration::from_secs(15);
const SOON: Duration = Duration::from_secs(6);

#[tokio::test]
async fn a_dead_host_is_reported_failed_by_both_others_and_alive_after_its_return() {
    let mut pool = Pool::start(&["compute-1", "compute-2", "compute-3"], "").await;
    pool.settle().await;
    let died = Instant::now();
    pool.crash(2).await;
    let mut accusers = Vec::new();
    pool.hear("two accusers", SERF_BELIEVES, |heard| {
        let report = crate::pool::report_of(heard)?;
        let status = report.networks[&network()].not_alive.get("compute-3")?;
        if *status == PeerStatus::Failed && !accusers.contains(&report.observer) {
            println!(
                "{} reports compute-3 failed {:.1} s after its death",
                report.observer,
                died.elapsed().as_secs_f64()
            );
            assert_eq!(
                (report.networks[&network()].known, report.networks[&network()].alive),
                (2, 1)
            );
            accusers.push(report.observer);
        }
        (accusers.len() == 2).then_some(())
    })
    .await;
    pool.boot(2);
    pool.settle().await;
    pool.end().await;
}

#[tokio::test]
async fn a_killed_agent_is_told_by_its_own_monitor_and_restarted_before_anybody_misses_it() {
    let mut pool = Pool::start(&["compute-1", "compute-2"], "").await;
    pool.settle().await;
    let old = pool.agent_pid(0).unwrap();
    signal(old, "KILL");
    let report = pool
        .report("compute-1", "restarting", SOON, |n| n.agent == AgentState::Restarting)
        .await;
    let seen = &report.networks[&network()];
    assert_eq!(
        (seen.known, seen.alive, seen.not_alive.len()),
        (1, 0, 0),
        "a blind monitor accuses nobody"
    );
    assert!(
        seen.proof_of_life_age_ms.is_some_and(|age| age < 5000),
        "it still receives: {seen:?}"
    );
    pool.hear("running again, with its peer", SERF_BELIEVES, |heard| {
        let report = crate::pool::report_of(heard)?;
        let seen = &report.networks[&network()];
        assert!(
            !seen.not_alive.values().any(|status| *status == PeerStatus::Failed),
            "{report:?}"
        );
        (report.observer == "compute-1" && seen.agent == AgentState::Running && seen.alive == 1).then_some(())
    })
    .await;
    assert_ne!(pool.agent_pid(0), Some(old));
    pool.end().await;
}

#[tokio::test]
async fn a_stopped_agent_is_silent_for_its_own_monitor_and_failed_for_its_peer() {
    let mut pool = Pool::start(&["compute-1", "compute-2"], "").await;
    pool.settle().await;
    let pid = pool.agent_pid(1).unwrap();
    signal(pid, "STOP");
    let report = pool
        .report("compute-2", "silent", SOON, |n| n.agent == AgentState::Silent)
        .await;
    assert_eq!(report.networks[&network()].health_score, None);
    let failed = |n: &themis_core::report::NetworkReport| n.not_alive.get("compute-2") == Some(&PeerStatus::Failed);
    pool.report("compute-1", "compute-2 failed", Duration::from_secs(30), failed)
        .await;
    signal(pid, "CONT");
    pool.settle().await;
    assert_eq!(pool.agent_pid(1), Some(pid), "it was not replaced");
    pool.end().await;
}

#[tokio::test]
async fn a_host_that_is_shut_down_in_order_says_so_and_is_left_not_failed() {
    let mut pool = Pool::start(&["compute-1", "compute-2"], "shutdown_command = echo stopping").await;
    pool.settle().await;
    pool.stop(1).await;
    let farewell = pool.hear("the farewell", SOON, |heard| {
        crate::pool::report_of(heard).filter(|report| report.observer == "compute-2" && report.shutting_down)
    });
    assert_eq!(farewell.await.nonce, None);
    let gone = |n: &themis_core::report::NetworkReport| n.not_alive.contains_key("compute-2");
    let report = pool.report("compute-1", "compute-2 gone", SERF_BELIEVES, gone).await;
    let status = report.networks[&network()].not_alive["compute-2"];
    assert!(matches!(status, PeerStatus::Left | PeerStatus::Leaving), "{status:?}");
    pool.end().await;
}

#[tokio::test]
async fn a_missing_serf_is_refused_and_tried_again_until_it_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("serf");
    let mut pool = Pool::start(
        &["compute-1", "compute-2"],
        &format!("serf_binary = {}", link.display()),
    )
    .await;
    let report = pool
        .report("compute-1", "refused", SOON, |n| n.agent == AgentState::Refused)
        .await;
    let seen = &report.networks[&network()];
    assert!(seen.not_alive.is_empty() && seen.alive == 0, "{seen:?}");
    let serf = themis_hostmonitor::serf::program::find("serf", &std::env::var_os("PATH").unwrap()).unwrap();
    std::os::unix::fs::symlink(serf, &link).unwrap();
    pool.settle().await;
    pool.end().await;
}

#[tokio::test]
async fn an_agent_that_cannot_bind_is_refused() {
    let mut pool = Pool::prepare(&["compute-1", "compute-2"], "", false).await;
    pool.boot(0);
    pool.report("compute-1", "refused", SERF_BELIEVES, |n| {
        n.agent == AgentState::Refused
    })
    .await;
    pool.end().await;
}

#[tokio::test]
async fn two_monitors_do_not_share_a_runtime_dir() {
    let mut pool = Pool::start(&["compute-1"], "").await;
    pool.report("compute-1", "running", SERF_BELIEVES, |n| {
        n.agent == AgentState::Running
    })
    .await;
    let settings = pool.hosts[0].runtime_dir.join("serf-storage.json");
    assert!(std::fs::read_to_string(&settings).unwrap().contains("rpc_auth"));
    assert!(themis_hostmonitor::serf::settings::claim_runtime_dir(&pool.hosts[0].runtime_dir).is_err());
    pool.stop(0).await;
    assert!(!settings.exists(), "a file with keys is left");
    pool.end().await;
}

#[test]
fn an_agent_dies_with_its_monitor_even_when_that_is_killed() {
    let guard = env!("CARGO_BIN_EXE_themis-hostmonitor");
    // The shell stands for the monitor; the sleeper for the agent.
    let script = format!("{guard} exec-agent $$ sleep 600 & echo $!; read line");
    let mut monitor = Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(monitor.stdout.take().unwrap()), &mut line).unwrap();
    let agent: i32 = line.trim().parse().unwrap();
    let name = || std::fs::read_to_string(format!("/proc/{agent}/comm")).unwrap_or_default();
    wait_until("the guard has become the agent", || name().trim() == "sleep");
    monitor.kill().unwrap();
    monitor.wait().unwrap();
    wait_until("the agent is gone", || !lives(agent));
}

#[test]
fn a_guard_whose_monitor_is_gone_starts_nothing() {
    let guard = env!("CARGO_BIN_EXE_themis-hostmonitor");
    let output = Command::new(guard)
        .args(["exec-agent", "1", "echo", "started"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert_eq!(output.stdout, b"", "{output:?}");
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never: {what}");
}

#[tokio::test]
async fn an_agent_that_hangs_is_replaced() {
    let pool = Pool::prepare(&["compute-1"], "", true).await;
    let agent = pool.agent(0);
    let (files, network, key) = (agent.files.clone(), agent.network.clone(), agent.rpc_key.clone());
    std::fs::create_dir_all(files.pid.parent().unwrap()).unwrap();
    let (orders, order) = watch::channel(Order::Run);
    let hung = Arc::new(Notify::new());
    let (supervisor, process) = Supervisor::new(agent, order, hung.clone());
    let supervisor = tokio::spawn(supervisor.run());
    let (sender, mut states) = watch::channel(AgentState::Restarting);
    let watcher = Watcher::new(network, key, process, hung, Duration::from_secs(3));
    let watcher = tokio::spawn(watcher.run(move |sight| {
        sender.send_replace(sight.state);
    }));
    let mut reach = async |wanted| {
        timeout(SERF_BELIEVES, states.wait_for(|state| *state == wanted))
            .await
            .unwrap()
            .unwrap();
        std::fs::read_to_string(&files.pid).unwrap().parse::<i32>().unwrap()
    };
    let first = reach(AgentState::Running).await;
    signal(first, "STOP");
    assert_eq!(reach(AgentState::Silent).await, first);
    let second = reach(AgentState::Running).await;
    assert_ne!(second, first);
    assert!(!lives(first));
    orders.send_replace(Order::Stop);
    supervisor.await.unwrap();
    watcher.await.unwrap();
    assert!(!lives(second));
}
