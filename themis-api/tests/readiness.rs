//! The program `themis-api` beside a MariaDB that goes and comes: alive throughout, ready only while it can read a table.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may")]

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use themis_db::testing::{OwnServer, mortal};
use themis_db::{connect_url, schema};

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

async fn asked(http: &reqwest::Client, url: &str) -> (u16, String) {
    match http.get(url).send().await {
        Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap()),
        Err(_) => (0, String::new()),
    }
}

async fn until(http: &reqwest::Client, url: &str, wanted: u16) -> String {
    for _ in 0..300 {
        let (status, text) = asked(http, url).await;
        if status == wanted {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{url} does not come to {wanted}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_is_ready_while_its_database_can_be_read_and_healthy_all_the_time() {
    let Some(mut server) = OwnServer::start() else { return };
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let store = connect_url(server.url()).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("themis.conf");
    let (port, side) = (free_port(), free_port());
    // Neither a broker nor Keystone answers there: readiness does not hang on them.
    let text = format!(
        "[DEFAULT]\ntransport_url = rabbit://guest:guest@127.0.0.1:9/\n[database]\nconnection = {}\n[keystone_authtoken]\n\
         auth_url = http://127.0.0.1:9/v3\nusername = themis\npassword = p\n[api]\nlisten = 127.0.0.1\nport = {port}\n\
         metrics_listen = 127.0.0.1:{side}\n",
        server.url()
    );
    std::fs::write(&config, text).unwrap();
    let mut program = tokio::process::Command::from(mortal(env!("CARGO_BIN_EXE_themis-api")))
        .arg("--config-file")
        .arg(&config)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let http = reqwest::Client::new();
    let (readiness, health) = (
        format!("http://127.0.0.1:{side}/readiness"),
        format!("http://127.0.0.1:{side}/healthcheck"),
    );
    let never_synced = until(&http, &readiness, 503).await;
    assert!(never_synced.starts_with("NOT READY: "), "{never_synced}");
    schema::schema_sync(&store).await.unwrap();
    assert_eq!(until(&http, &readiness, 200).await, "READY");
    for kill in [false, true] {
        if kill {
            server.kill()
        } else {
            server.stop()
        }
        let why = until(&http, &readiness, 503).await;
        assert!(
            why.starts_with("NOT READY: the database") && !why.contains("themis:themis"),
            "{why}"
        );
        assert_eq!(asked(&http, &health).await, (200, "OK".to_owned()));
        let public = asked(&http, &format!("http://127.0.0.1:{port}/healthcheck")).await;
        assert_eq!(public.0, 200);
        server.resume();
        assert_eq!(until(&http, &readiness, 200).await, "READY");
    }
    assert!(program.try_wait().unwrap().is_none(), "it was never started again");
}
