//! `themis-manage` and `themis-status` as programs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests may")]

mod programs;

use programs::{Ran, program};
use themis_db::testing::{Backend, TestDatabase};

async fn manage(config: &std::path::Path, words: &[&str]) -> Ran {
    let mut all = vec!["--config-file", config.to_str().unwrap()];
    all.extend(words);
    program(env!("CARGO_BIN_EXE_themis-manage"), &all, &[], "").await
}

async fn upgrade_check(config: &std::path::Path) -> Ran {
    let words = ["--config-file", config.to_str().unwrap(), "upgrade", "check"];
    program(env!("CARGO_BIN_EXE_themis-status"), &words, &[], "").await
}

#[tokio::test]
async fn on_mariadb_db_sync_may_be_run_again_and_the_upgrade_check_follows_it() {
    let Some(database) = TestDatabase::empty(Backend::MySql).await else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("themis.conf");
    let connection = database.url.replace("mysql://", "mysql+pymysql://");
    std::fs::write(&config, format!("[database]\nconnection = {connection}?charset=utf8\n")).unwrap();

    let before = manage(&config, &["db", "version"]).await;
    assert!(
        before.code == 0 && before.out.contains("database: none"),
        "{} {}",
        before.out,
        before.err
    );
    let check = upgrade_check(&config).await;
    assert!(
        check.code == 2 && check.out.contains("themis-manage db sync"),
        "{}",
        check.out
    );

    let first = manage(&config, &["db", "sync"]).await;
    assert!(
        first.code == 0 && first.out.contains("applied m20261120_000003_hosts"),
        "{} {}",
        first.out,
        first.err
    );
    let second = manage(&config, &["db", "sync"]).await;
    assert_eq!((second.code, second.out.as_str()), (0, "the schema is up to date\n"));
    assert!(manage(&config, &["db", "version"]).await.out.ends_with("up to date\n"));
    let no_key = upgrade_check(&config).await;
    assert!(
        no_key.code == 1 && no_key.out.contains("key_file is not set"),
        "{}",
        no_key.out
    );

    let key = directory.path().join("fencing.key");
    assert_eq!(
        manage(&config, &["keys", "create", key.to_str().unwrap()]).await.code,
        0
    );
    let with_key = format!(
        "[database]\nconnection = {connection}\n[fencing]\nkey_file = {}\n",
        key.display()
    );
    std::fs::write(&config, with_key).unwrap();
    let good = upgrade_check(&config).await;
    assert_eq!(good.code, 0, "{}", good.out);
}

#[tokio::test]
async fn mistakes_in_the_configuration_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("themis.conf");
    let minimal = "[database]\nconnection = mysql://u:geheim@h/x\n[keystone_authtoken]\nauth_url = http://k/v3\nusername = t\npassword = p\n";
    for (text, code, wanted) in [
        (String::new(), 2, "[database] connection is not set"),
        ("[databse]\nconnection = x\n".to_owned(), 2, "did you mean [database]?"),
        (minimal.replace("mysql:", "postgresql:"), 2, "MariaDB or MySQL"),
        (
            format!("{minimal}[fencing]\nkeyfile = x\n"),
            2,
            "did you mean 'key_file'?",
        ),
        (
            format!("{minimal}[fencing]\nkey_file = /nonexistent/key\n"),
            1,
            "/nonexistent/key",
        ),
    ] {
        std::fs::write(&config, &text).unwrap();
        let ran = manage(&config, &["config", "check"]).await;
        assert!(
            ran.code == code && ran.err.contains(wanted),
            "{text}: {} {}",
            ran.code,
            ran.err
        );
        assert!(!ran.err.contains("geheim"), "{}", ran.err);
    }
    std::fs::write(&config, minimal).unwrap();
    let good = manage(&config, &["config", "check"]).await;
    assert!(
        good.code == 0 && good.out.starts_with("database: h:3306/x\n"),
        "{} {}",
        good.out,
        good.err
    );
    assert!(!good.out.contains("geheim"));
    let missing = manage(&directory.path().join("none.conf"), &["db", "sync"]).await;
    assert!(
        missing.code == 2 && missing.err.contains("--config-file"),
        "{}",
        missing.err
    );
}

#[tokio::test]
async fn an_unreachable_database_is_one_line_and_exit_5() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("themis.conf");
    std::fs::write(
        &config,
        "[database]\nconnection = mysql+pymysql://u:geheim@127.0.0.1:9/themis\n",
    )
    .unwrap();
    let ran = manage(&config, &["db", "sync"]).await;
    assert!(
        ran.code == 5 && ran.err.contains("127.0.0.1:9/themis") && ran.err.lines().count() == 1,
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("geheim"), "{}", ran.err);
    assert_eq!(upgrade_check(&config).await.code, 2);
}
