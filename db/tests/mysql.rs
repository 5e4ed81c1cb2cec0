//! What only MySQL has: accounts of `caching_sha2_password`, and certificates that the server makes for itself.
//! Run by `.ci/mysql test`, which fetches one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may")]

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use themis_db::connect::ConnectError;
use themis_db::connect_url;
use themis_db::lease::lease_take;
use themis_db::schema::{ready, schema_sync};
use themis_db::testing::OwnServer;

fn server() -> OwnServer {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    assert!(
        std::env::var_os("THEMIS_TEST_MYSQLD").is_some(),
        "run by .ci/mysql test"
    );
    OwnServer::start().unwrap()
}

async fn asked(url: &str, what: &str) -> Result<String, ConnectError> {
    let pool = connect_url(url.to_owned()).await?;
    let asked = Statement::from_string(DbBackend::MySql, what);
    let row = pool.query_one_raw(asked).await.unwrap().unwrap();
    Ok(row.try_get_by_index(1).unwrap())
}

const CIPHER: &str = "SHOW SESSION STATUS LIKE 'Ssl_cipher'";

/// MySQL offers TLS by itself, and a connection string that says nothing takes it.
#[tokio::test]
#[ignore = "needs MySQL: .ci/mysql test"]
async fn an_account_of_mysqls_usual_sort_logs_in_over_tls_without_further_words() {
    let server = server();
    let version = asked(&server.url(), "SHOW VARIABLES LIKE 'version'").await.unwrap();
    assert!(!version.contains("MariaDB"), "{version}");
    server.admin("CREATE USER 'sha2'@'127.0.0.1' IDENTIFIED WITH caching_sha2_password BY 'p@ss/%w'");
    server.admin("GRANT ALL ON themis.* TO 'sha2'@'127.0.0.1'");
    let url = server.url().replace("themis:themis@", "sha2:p%40ss%2F%25w@");
    assert!(!asked(&url, CIPHER).await.unwrap().is_empty());
    let wrong = server.url().replace("themis:themis@", "sha2:geheim@");
    let refused = asked(&wrong, CIPHER).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Denied { .. }), "{refused}");
}

/// Without TLS the password could be read, or be had by whoever gives himself out as the server. The server lets in who has
/// logged in before, until it starts anew.
#[tokio::test]
#[ignore = "needs MySQL: .ci/mysql test"]
async fn without_tls_such_an_account_is_refused_with_the_fix() {
    let mut server = server();
    let plain = format!("{}&ssl_disabled=true", server.url());
    for _ in 0..2 {
        let refused = asked(&plain, CIPHER).await.unwrap_err();
        assert!(matches!(refused, ConnectError::NeedsTls { .. }), "{refused}");
        let text = refused.to_string();
        assert!(
            text.contains("let the server offer TLS") && !text.contains("themis:themis"),
            "{text}"
        );
        assert!(!asked(&server.url(), CIPHER).await.unwrap().is_empty());
        assert!(asked(&plain, CIPHER).await.unwrap().is_empty(), "it is known now");
        server.stop();
        server.resume();
    }
}

#[tokio::test]
#[ignore = "needs MySQL: .ci/mysql test"]
async fn over_the_unix_socket_it_logs_in() {
    let server = server();
    server.admin("CREATE USER 'local'@'localhost' IDENTIFIED BY 'p'; GRANT ALL ON themis.* TO 'local'@'localhost'");
    let url = format!(
        "mysql+pymysql://local:p@localhost/themis?charset=utf8&unix_socket={}",
        server.socket().display()
    );
    let pool = connect_url(url).await.unwrap();
    schema_sync(&pool).await.unwrap();
    ready(&pool).await.unwrap();
    assert!(lease_take(&pool, "a", None).await.unwrap().is_some());
}

/// They name no host, as the server does not know its own; whether they can be checked at all is the question.
#[tokio::test]
#[ignore = "needs MySQL: .ci/mysql test"]
async fn the_certificates_that_mysql_makes_for_itself_can_be_checked_but_for_the_name() {
    let server = server();
    let with = |query: &str| {
        format!(
            "{}&ssl_ca={}{query}",
            server.url(),
            server.data().join("ca.pem").display()
        )
    };
    let checked = asked(&with("&ssl_check_hostname=false"), CIPHER).await;
    assert!(checked.as_ref().is_ok_and(|cipher| !cipher.is_empty()), "{checked:?}");
    assert!(asked(&with(""), CIPHER).await.is_err(), "it bears another name");
}
