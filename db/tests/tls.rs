//! TLS to the database, with a certificate authority of one's own: what a connection string asks for is what is done.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests may")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use themis_db::schema::{ready, schema_sync};
use themis_db::testing::{OwnServer, left_out};
use themis_db::{DatabaseSection, connect, connect_url};

fn openssl(directory: &Path, words: &str) -> bool {
    let ran = Command::new("openssl")
        .args(words.split(' '))
        .current_dir(directory)
        .output();
    ran.is_ok_and(|ran| ran.status.success())
}

/// A certificate authority, another one, and the first one's certificate for a server of this name.
fn certificates(directory: &Path, name: &str) -> bool {
    std::fs::write(directory.join("extensions"), format!("subjectAltName = {name}\n")).unwrap();
    ["ca", "other"].iter().all(|ca| {
        let subject =
            format!("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={ca} -keyout {ca}.key -out {ca}.pem");
        openssl(directory, &subject)
    }) && openssl(
        directory,
        "req -newkey rsa:2048 -nodes -subj /CN=db -keyout db.key -out db.csr",
    ) && openssl(
        directory,
        "x509 -req -in db.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out db.pem",
    )
}

fn server(directory: &Path) -> Option<OwnServer> {
    let file = |option: &str, name: &str| format!("--ssl-{option}={}", directory.join(name).display());
    OwnServer::start_with(&[file("ca", "ca.pem"), file("cert", "db.pem"), file("key", "db.key")])
}

/// The cipher of a new connection; `None` when it cannot be made.
async fn cipher(url: &str) -> Option<String> {
    let pool = connect_url(url.to_owned()).await.ok()?;
    let asked = Statement::from_string(DbBackend::MySql, "SHOW SESSION STATUS LIKE 'Ssl_cipher'");
    pool.query_one_raw(asked).await.unwrap()?.try_get("", "Value").ok()
}

#[tokio::test]
async fn a_certificate_authority_in_the_connection_string_is_checked_against() {
    drop(rustls_provider());
    let directory = tempfile::tempdir().unwrap();
    if !certificates(directory.path(), "IP:127.0.0.1") {
        left_out("no openssl; see 'lab/lab install'");
        return;
    }
    let Some(server) = server(directory.path()) else { return };
    let ca = |name: &str| directory.path().join(name).display().to_string();
    for (query, tls) in [
        (format!("ssl_ca={}", ca("ca.pem")), true),
        (format!("ssl_ca={}&ssl_check_hostname=false", ca("ca.pem")), true),
        (format!("ssl_ca={}&ssl_verify_cert=false", ca("other.pem")), true),
        ("ssl_disabled=true".to_owned(), false),
    ] {
        let cipher = cipher(&format!("{}&{query}", server.url())).await;
        assert_eq!(cipher.map(|cipher| !cipher.is_empty()), Some(tls), "{query}");
    }
    for query in [
        format!("ssl_ca={}", ca("other.pem")),
        format!("ssl_ca={}&ssl_check_hostname=false", ca("other.pem")),
    ] {
        assert_eq!(cipher(&format!("{}&{query}", server.url())).await, None, "{query}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_unless_names_are_not_checked() {
    drop(rustls_provider());
    let directory = tempfile::tempdir().unwrap();
    if !certificates(directory.path(), "DNS:db.example.org") {
        left_out("no openssl; see 'lab/lab install'");
        return;
    }
    let Some(server) = server(directory.path()) else { return };
    let url = format!("{}&ssl_ca={}", server.url(), directory.path().join("ca.pem").display());
    assert_eq!(cipher(&url).await, None);
    assert!(cipher(&format!("{url}&ssl_check_hostname=false")).await.is_some());
}

/// Connections grow old, are closed and made anew; then the server is gone for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_the_pool_serves_on_after_old_connections_and_after_a_restart() {
    drop(rustls_provider());
    let directory = tempfile::tempdir().unwrap();
    if !certificates(directory.path(), "IP:127.0.0.1") {
        left_out("no openssl; see 'lab/lab install'");
        return;
    }
    let Some(mut server) = server(directory.path()) else {
        return;
    };
    let url = format!("{}&ssl_ca={}", server.url(), directory.path().join("ca.pem").display());
    let section = DatabaseSection {
        connection: url.into(),
        max_pool_size: 2,
        pool_timeout: Duration::from_secs(5),
        connection_recycle_time: Duration::from_millis(300),
        mysql_wsrep_sync_wait: 1,
    };
    let pool = connect(&section).await.unwrap();
    schema_sync(&pool).await.unwrap();
    for _ in 0..8 {
        let asked = tokio::time::Instant::now();
        ready(&pool).await.unwrap();
        assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    server.kill();
    assert!(ready(&pool).await.unwrap_err().is_outage());
    server.resume();
    let healed = tokio::time::timeout(Duration::from_secs(30), async {
        while ready(&pool).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    healed.await.unwrap();
}

/// As each program does at its start.
fn rustls_provider() -> Result<(), std::sync::Arc<rustls::crypto::CryptoProvider>> {
    rustls::crypto::aws_lc_rs::default_provider().install_default()
}
