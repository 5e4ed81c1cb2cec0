//! Two API processes before a real Galera cluster, each at a node of its own.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use themis_db::testing::{GaleraCluster, mortal};

use crate::support::{Answer, Api, another_on, send};

const REPORT: &str = r#"{"notification": {"type": "COMPUTE_HOST", "hostname": "compute-1", "generated_time": "TIME",
    "payload": {"event": "STOPPED", "cluster_status": "OFFLINE", "host_status": "NORMAL"}}}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_galera_two_processes_take_a_report_once_and_one_without_quorum_answers_503_until_it_is_back() {
    let Some(cluster) = GaleraCluster::start() else { return };
    let urls = cluster.database().await;
    let (first, second) = (another_on(&urls[0]).await, another_on(&urls[2]).await);
    let segment = first.segment("seg1").await;
    first.host(&segment, "compute-1").await;
    one_of_many_is_taken(&first, &second, "08").await;
    one_of_two_names_is_taken(&first, &second).await;

    let program = Program::start(&urls[2]);
    program.comes_to(200).await;
    cluster.cut(2).await;
    program.comes_to(503).await;
    for _ in 0..2 {
        send(second.request("admin", "GET", "/v1/segments"))
            .await
            .fault(StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable");
        post(&second, "2026-11-20T09:00:00")
            .await
            .fault(StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable");
    }
    // Its monitor turns to another process, then to this one again.
    assert_eq!(post(&first, "2026-11-20T09:00:00").await.status, 202);
    cluster.join(2).await;
    program.comes_to(200).await;
    assert_eq!(send(second.request("admin", "GET", "/v1/segments")).await.status, 200);
    assert_eq!(post(&second, "2026-11-20T09:00:00").await.status, 409);
    one_of_many_is_taken(&first, &second, "10").await;
}

async fn post(api: &Api, time: &str) -> Answer {
    let request = api.request("service", "POST", "/v1/notifications");
    let body = REPORT.replace("TIME", time);
    send(request.header("content-type", "application/json").body(body)).await
}

/// Each minute another failure, which sixteen monitors see.
async fn one_of_many_is_taken(first: &Api, second: &Api, hour: &str) {
    for minute in 0..4 {
        let time = format!("2026-11-20T{hour}:{:02}:00", minute * 10);
        let posts = (0..16).map(|number| post(if number % 2 == 0 { first } else { second }, &time));
        let mut statuses: Vec<u16> = Vec::new();
        for answer in futures::future::join_all(posts).await {
            statuses.push(answer.status);
        }
        statuses.sort_unstable();
        assert_eq!((statuses[0], &statuses[1..]), (202, &[409; 15][..]), "{time}");
    }
}

async fn one_of_two_names_is_taken(first: &Api, second: &Api) {
    for round in 0..10 {
        let body =
            json!({"segment": {"name": format!("twin-{round}"), "service_type": "COMPUTE", "recovery_method": "auto"}});
        let create = |api: &Api| send(api.request("admin", "POST", "/v1/segments").json(&body));
        let (one, other) = tokio::join!(create(first), create(second));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "round {round}");
    }
}

/// The program, for what only it has: the probe of readiness.
struct Program {
    readiness: String,
    child: std::process::Child,
    _directory: tempfile::TempDir,
}

impl Program {
    fn start(database_url: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("themis.conf");
        let (port, side) = (free_port(), free_port());
        let text = format!(
            "[DEFAULT]\ntransport_url = rabbit://guest:guest@127.0.0.1:9/\n[database]\nconnection = {database_url}\n\
             [keystone_authtoken]\nauth_url = http://127.0.0.1:9/v3\nusername = themis\npassword = p\n\
             [api]\nlisten = 127.0.0.1\nport = {port}\nmetrics_listen = 127.0.0.1:{side}\n"
        );
        std::fs::write(&config, text).unwrap();
        let child = mortal(env!("CARGO_BIN_EXE_themis-api"))
            .arg("--config-file")
            .arg(&config)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        Self {
            readiness: format!("http://127.0.0.1:{side}/readiness"),
            child,
            _directory: directory,
        }
    }

    async fn comes_to(&self, wanted: u16) {
        for _ in 0..300 {
            let answer = reqwest::get(&self.readiness).await;
            if answer.is_ok_and(|answer| answer.status().as_u16() == wanted) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("readiness does not come to {wanted}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
