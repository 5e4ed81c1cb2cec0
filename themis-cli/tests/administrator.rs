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
async fn on_mariadb_the_upgrade_check_prints_json_and_names_a_rule_that_cannot_be_read() {
    let Some(database) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("themis.conf");
    std::fs::write(&config, format!("[database]\nconnection = {}\n", database.url)).unwrap();
    std::fs::write(
        directory.path().join("policy.yaml"),
        "\"os_masakari_api:segments:index\": \"role:reader and\"\n",
    )
    .unwrap();
    let words = ["--config-file", config.to_str().unwrap(), "upgrade", "check", "--json"];
    let json = program(env!("CARGO_BIN_EXE_themis-status"), &words, &[], "").await;
    let shown: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((json.code, &shown["name"]), (2, &"Upgrade Check Results".into()));
    let results: Vec<_> = shown["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| (&check["check"], &check["result"]))
        .collect();
    let checks = [
        "Configuration",
        "Policy File",
        "Database",
        "Database Schema",
        "Power Device Key",
        "Open Incidents",
    ];
    let names: Vec<_> = results.iter().map(|(name, _)| name.as_str().unwrap()).collect();
    assert_eq!(names, checks);
    assert!(
        results
            .iter()
            .all(|(name, result)| (**result == 2) == (**name == "Policy File")),
        "{}",
        json.out
    );
    assert!(
        shown["checks"][1]["details"]
            .as_str()
            .unwrap()
            .contains("os_masakari_api:segments:index"),
        "{}",
        json.out
    );
}

#[tokio::test]
async fn what_the_check_finds_in_the_configuration_is_told_and_what_it_cannot_read_is_255() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("themis.conf");
    let missing = upgrade_check(&config).await;
    assert_eq!(missing.code, 255, "{}", missing.out);
    std::fs::write(
        &config,
        "[database]\nconnection = mysql+pymysql://u:geheim@127.0.0.1:9/themis\n[fencing]\nkeyfile = /x\n",
    )
    .unwrap();
    let check = upgrade_check(&config).await;
    assert_eq!(check.code, 2);
    assert!(
        check.out.contains("did you mean 'key_file'?") && check.out.contains("127.0.0.1:9/themis"),
        "{}",
        check.out
    );
    assert!(!check.out.contains("geheim"), "{}", check.out);
}

/// A file with the URL of Masakari's database, and Themis's own database, ready.
async fn import_set(directory: &std::path::Path) -> Option<(TestDatabase, TestDatabase, std::path::PathBuf)> {
    let (from, to) = (
        TestDatabase::empty(Backend::MySql).await?,
        TestDatabase::open(Backend::MySql).await?,
    );
    let dump = concat!(env!("CARGO_MANIFEST_DIR"), "/../db/tests/masakari/22.0.0.sql");
    let text = std::fs::read_to_string(dump).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("--"));
    for statement in lines
        .collect::<Vec<_>>()
        .join("\n")
        .split(";\n")
        .filter(|text| !text.trim().is_empty())
    {
        sea_orm::ConnectionTrait::execute_unprepared(&from.pool, statement)
            .await
            .unwrap();
    }
    let config = directory.join("themis.conf");
    std::fs::write(&config, format!("[database]\nconnection = {}\n", to.url)).unwrap();
    let masakari = from.url.replace("mysql://", "mysql+pymysql://");
    let text = format!("[DEFAULT]\nos_region_name = R\n[database]\nconnection = {masakari}?charset=utf8\n");
    std::fs::write(directory.join("masakari.conf"), text).unwrap();
    Some((from, to, config))
}

#[tokio::test]
async fn on_mariadb_masakaris_database_is_imported_once_and_a_second_run_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let Some((from, _to, config)) = import_set(directory.path()).await else {
        return;
    };
    let file = directory.path().join("masakari.conf");
    let words = ["db", "import-masakari", "--from-file", file.to_str().unwrap()];
    let mut dry = words.to_vec();
    dry.push("--dry-run");
    let promised = manage(&config, &dry).await;
    assert!(
        promised.code == 0 && promised.out.contains("nothing was written"),
        "{} {}",
        promised.out,
        promised.err
    );
    assert!(promised.out.contains("| hosts             | 4 "), "{}", promised.out);
    let first = manage(&config, &words).await;
    assert_eq!(first.code, 0, "{} {}", first.out, first.err);
    assert!(
        first.out.contains("was 'running' in Masakari") && first.out.ends_with("done\n"),
        "{}",
        first.out
    );
    let second = manage(&config, &words).await;
    assert_eq!(second.code, 0);
    assert!(
        second.out.ends_with("nothing to copy: everything is here already\n"),
        "{}",
        second.out
    );

    let changed = "UPDATE hosts SET control_attributes = 'x' WHERE name = 'compute-1'";
    sea_orm::ConnectionTrait::execute_unprepared(&from.pool, changed)
        .await
        .unwrap();
    let third = manage(&config, &words).await;
    assert!(
        third.code == 1 && third.out.contains("CONFLICT: hosts "),
        "{} {}",
        third.out,
        third.err
    );
    let variable = [("THEMIS_IMPORT_FROM", from.url.as_str())];
    let all = [
        "--config-file",
        config.to_str().unwrap(),
        "db",
        "import-masakari",
        "--dry-run",
    ];
    let fourth = program(env!("CARGO_BIN_EXE_themis-manage"), &all, &variable, "").await;
    assert!(
        fourth.code == 1 && fourth.out.contains("CONFLICT: hosts "),
        "{} {}",
        fourth.out,
        fourth.err
    );
    for ran in [promised, first, second, third, fourth] {
        assert!(!format!("{}{}", ran.out, ran.err).contains(":themis@"), "no password");
    }
}

#[tokio::test]
async fn an_import_from_nowhere_is_refused_with_the_way() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("themis.conf");
    std::fs::write(
        &config,
        "[database]\nconnection = mysql://u:geheim@127.0.0.1:9/themis\n",
    )
    .unwrap();
    for (words, code, wanted) in [
        (vec![], 2, "--from-file"),
        (vec!["--from", "postgresql://u:geheim@h/x"], 2, "MariaDB or MySQL"),
        (
            vec!["--from", "sqlite:////var/lib/masakari.sqlite"],
            2,
            "MariaDB or MySQL",
        ),
        (vec!["--from-file", "/nonexistent"], 2, "/nonexistent"),
    ] {
        let all = [vec!["db", "import-masakari"], words].concat();
        let ran = manage(&config, &all).await;
        assert!(ran.code == code && ran.err.contains(wanted), "{} {}", ran.code, ran.err);
        assert!(!ran.err.contains("geheim"), "{}", ran.err);
    }
}

#[tokio::test]
async fn on_mariadb_purge_takes_both_spellings_and_prints_what_went() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_from, to, config)) = import_set(directory.path()).await else {
        return;
    };
    let file = directory.path().join("masakari.conf");
    assert_eq!(
        manage(
            &config,
            &["db", "import-masakari", "--from-file", file.to_str().unwrap()]
        )
        .await
        .code,
        0
    );
    let old = "UPDATE notifications SET updated_at = '2025-01-01' WHERE id = 1";
    sea_orm::ConnectionTrait::execute_unprepared(&to.pool, old)
        .await
        .unwrap();
    let dry = manage(
        &config,
        &["db", "purge", "--age_in_days", "30", "--max_rows", "-1", "--dry-run"],
    )
    .await;
    assert!(
        dry.code == 0 && dry.out.contains("rows that would be removed"),
        "{} {}",
        dry.out,
        dry.err
    );
    let done = manage(&config, &["db", "purge", "--age-in-days", "30", "--max-rows=-1"]).await;
    assert!(
        done.code == 0 && done.out.contains("rows removed"),
        "{} {}",
        done.out,
        done.err
    );
    for ran in [&dry, &done] {
        for (table, rows) in [("notifications", 1), ("vmoves", 3), ("hosts", 0), ("all", 4)] {
            let line = ran
                .out
                .lines()
                .find(|line| line.starts_with(&format!("| {table} ")))
                .unwrap();
            assert!(line.contains(&format!(" {rows} ")), "{line}");
        }
    }
    let none = manage(&config, &["db", "purge", "--max_rows", "0"]).await;
    assert!(
        none.code == 2 && none.err.contains("greater than 0"),
        "{} {}",
        none.code,
        none.err
    );
    let help = manage(&config, &["db", "purge", "--help"]).await;
    assert!(
        help.out.contains("an unsettled notification") && help.out.contains("--dry-run"),
        "{}",
        help.out
    );
}

#[tokio::test]
async fn on_mariadb_db_sync_says_what_it_took_over_from_masakari() {
    let directory = tempfile::tempdir().unwrap();
    let Some((from, _to, config)) = import_set(directory.path()).await else {
        return;
    };
    std::fs::write(&config, format!("[database]\nconnection = {}\n", from.url)).unwrap();
    let ran = manage(&config, &["db", "sync"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    for wanted in [
        "took over the tables of Masakari (schema 13adff5efb9a)",
        "was 'new' in Masakari",
        "up to date now",
    ] {
        assert!(ran.out.contains(wanted), "{}", ran.out);
    }
    assert_eq!(manage(&config, &["db", "sync"]).await.out, "the schema is up to date\n");
}

/// The least that the API starts with.
const MINIMAL: &str = "[database]\nconnection = mysql://u:geheim@h/x\n[keystone_authtoken]\nauth_url = http://k/v3\nusername = t\npassword = p\n";

#[tokio::test]
async fn mistakes_in_the_configuration_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("themis.conf");
    let minimal = MINIMAL;
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
        (
            minimal.replace("h/x", "h/x?ssl-mode=SOMETIMES"),
            2,
            "ssl-mode 'SOMETIMES'",
        ),
        (minimal.replace("password = p", ""), 2, "password"),
        (
            format!("{minimal}cafile = /nonexistent/ca.pem\n"),
            2,
            "/nonexistent/ca.pem",
        ),
        (
            format!("{minimal}jws_keys_dir = /nonexistent/keys\n"),
            2,
            "cannot read /nonexistent/keys",
        ),
        (format!("{minimal}interface = outside\n"), 2, "outside"),
        (format!("{minimal}[nova]\nvalid_interfaces = beyond\n"), 2, "beyond"),
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
async fn mistakes_in_the_access_rules_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("themis.conf");
    std::fs::write(&config, MINIMAL).unwrap();
    let rules = directory.path().join("policy.yaml");
    std::fs::write(&rules, "\"os_masakari_api:segments:index\": \"role:reader and\"\n").unwrap();
    let ran = manage(&config, &["config", "check"]).await;
    assert!(
        ran.code == 2 && ran.err.contains("policy.yaml"),
        "{} {}",
        ran.code,
        ran.err
    );
    std::fs::write(&rules, "\"os_masakari_api:segmentz:index\": \"role:reader\"\n").unwrap();
    let ran = manage(&config, &["config", "check"]).await;
    assert!(
        ran.code == 0 && ran.out.contains("'os_masakari_api:segmentz:index' guards nothing"),
        "{}",
        ran.out
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
