//! The schema: made once, unchanged by a second run, and shaped as deployed programs expect.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may")]

mod cut;

use cut::Cut;
use sea_orm::{ConnectionTrait, Statement};
use themis_db::connect_url;
use themis_db::schema::{ready, schema_sync, schema_version};
use themis_db::testing::{Backend, TestDatabase};

#[rstest::rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn a_second_sync_changes_nothing(#[case] backend: Backend) {
    let Some(database) = TestDatabase::empty(backend).await else {
        return;
    };
    let before = schema_version(&database.pool).await.unwrap();
    assert_eq!(before.database, None);
    assert!(ready(&database.pool).await.is_err(), "an empty database is not ready");

    let first = schema_sync(&database.pool).await.unwrap();
    assert_eq!(first.applied, before.pending);
    let shape = tables(&database, backend).await;

    let second = schema_sync(&database.pool).await.unwrap();
    assert!(second.applied.is_empty());
    assert_eq!(tables(&database, backend).await, shape);
    let after = schema_version(&database.pool).await.unwrap();
    assert_eq!(
        (after.database.as_ref(), after.pending.len()),
        (Some(&after.program), 0)
    );
    ready(&database.pool).await.unwrap();
}

/// Each statement that writes is the last one of some run; what it left is gone on from.
#[tokio::test]
async fn on_mariadb_a_sync_that_is_killed_after_any_statement_is_gone_on_with() {
    let (Some(database), Some(whole)) = (
        TestDatabase::empty(Backend::MySql).await,
        TestDatabase::open(Backend::MySql).await,
    ) else {
        return;
    };
    // The table of records is made by the first run; later runs only find it.
    let first = |sql: &str| cut::writes(sql);
    let later = |sql: &str| cut::writes(sql) && !sql.contains("IF NOT EXISTS `seaql_migrations`");
    let cut = Cut::after(&database.url, 1, first).await;
    assert!(schema_sync(&cut.pool).await.is_err() && cut.is_dead());
    let steps = schema_version(&database.pool).await.unwrap().pending;
    assert!(steps.len() > 20, "{steps:?}");
    for (done, step) in steps.iter().enumerate() {
        // Dead when the step is done and not recorded, and once more when it is recorded and nobody was told.
        for (writes, recorded) in [(1, done), (2, done + 1)] {
            let cut = Cut::after(&database.url, writes, later).await;
            let died = schema_sync(&cut.pool).await;
            assert!(died.is_err() && cut.is_dead(), "{step}, after {writes}: {died:?}");
            let version = schema_version(&database.pool).await.unwrap();
            assert_eq!(version.pending, steps[recorded..], "{step}, after {writes}");
            assert_eq!(
                version.database.as_ref(),
                recorded.checked_sub(1).map(|last| &steps[last])
            );
        }
    }
    assert!(schema_sync(&database.pool).await.unwrap().applied.is_empty());
    let (left, right) = (
        tables(&database, Backend::MySql).await,
        tables(&whole, Backend::MySql).await,
    );
    assert_eq!(left, right);
}

/// Deployment tools run it on every controller. Each run ends well, each step is recorded once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb_several_syncs_at_once_end_well() {
    for _ in 0..3 {
        let (Some(database), Some(whole)) = (
            TestDatabase::empty(Backend::MySql).await,
            TestDatabase::open(Backend::MySql).await,
        ) else {
            return;
        };
        let steps = schema_version(&database.pool).await.unwrap().pending;
        let mut programs = Vec::new();
        for _ in 0..4 {
            let pool = connect_url(database.url.clone()).await.unwrap();
            programs.push(tokio::spawn(async move { schema_sync(&pool).await }));
        }
        let mut applied = Vec::new();
        for program in programs {
            applied.extend(program.await.unwrap().unwrap().applied);
        }
        applied.sort();
        assert_eq!(applied, steps);
        let (left, right) = (
            tables(&database, Backend::MySql).await,
            tables(&whole, Backend::MySql).await,
        );
        assert_eq!(left, right);
    }
}

/// As each earlier program left it, with rows in the tables that it had.
#[tokio::test]
async fn on_mariadb_a_sync_from_any_earlier_version_keeps_the_rows() {
    let Some(whole) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let shape = tables(&whole, Backend::MySql).await;
    for (last, gone) in [
        (
            "m20261120_000025_vmoves_notification",
            &["corroborations", "refused_reports"][..],
        ),
        ("m20261120_000031_corroborations", &["refused_reports"]),
    ] {
        let database = TestDatabase::open(Backend::MySql).await.unwrap();
        let uuid = "11111111-1111-4111-8111-111111111111";
        let mut rows = vec![
            format!(
                "INSERT INTO failover_segments (id, uuid, name, service_type, recovery_method, deleted) VALUES (1, '{uuid}', 's', 'c', 'auto', 0)"
            ),
            format!(
                "INSERT INTO notifications (notification_uuid, generated_time, source_host_uuid, type, payload, status, deleted) VALUES ('{uuid}', '2026-11-20', '{uuid}', 'VM', '{{}}', 'new', 0)"
            ),
        ];
        if !gone.contains(&"corroborations") {
            rows.push(format!("INSERT INTO corroborations (notification_uuid, user_id, user_name, address, answer, reports, generated_time, first_at, last_at) VALUES ('{uuid}', 'u', 'n', '::1', 'accepted', 1, '2026-11-20', '2026-11-20', '2026-11-20')"));
        }
        rows.extend(gone.iter().map(|table| format!("DROP TABLE {table}")));
        rows.push(format!("DELETE FROM seaql_migrations WHERE version > '{last}'"));
        for sql in &rows {
            database.pool.execute_unprepared(sql).await.unwrap();
        }
        assert_eq!(schema_version(&database.pool).await.unwrap().database.unwrap(), last);
        let kept = ["failover_segments", "notifications", "corroborations"];
        let kept: Vec<_> = kept.into_iter().filter(|table| !gone.contains(table)).collect();
        let mut before = Vec::new();
        for table in &kept {
            before.push(checksum(&database, table).await);
        }
        assert!(!schema_sync(&database.pool).await.unwrap().applied.is_empty());
        for (table, before) in kept.iter().zip(before) {
            assert_eq!(checksum(&database, table).await, before, "{table}");
        }
        assert_eq!(tables(&database, Backend::MySql).await, shape, "{last}");
    }
}

async fn checksum(database: &TestDatabase, table: &str) -> Option<i64> {
    let sql = format!("CHECKSUM TABLE {table}");
    let statement = Statement::from_string(sea_orm::DbBackend::MySql, sql);
    let row = database.pool.query_one_raw(statement).await.unwrap().unwrap();
    let sum: Option<i64> = row.try_get("", "Checksum").unwrap();
    assert!(sum.is_some_and(|sum| sum != 0), "{table} is empty");
    sum
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let Some(database) = TestDatabase::open(Backend::Sqlite).await else {
        return;
    };
    let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_000001_later', 0)";
    database.pool.execute_unprepared(newer).await.unwrap();
    let error = schema_sync(&database.pool).await.unwrap_err().to_string();
    assert!(error.contains("m29991231_000001_later"), "{error}");
}

/// Reviewed against the tables that masakari-manage 14.0.2 makes; a change here is seen by whoever reads these tables.
#[tokio::test]
async fn columns_and_keys_on_mariadb_are_the_agreed_ones() {
    let Some(database) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let shape = tables(&database, Backend::MySql).await;
    let mariadb = include_str!("snapshots/schema__columns_and_keys_on_mariadb_are_the_agreed_ones.snap");
    if std::env::var_os("THEMIS_TEST_MYSQLD").is_none() {
        insta::assert_snapshot!(shape);
    } else {
        let (_, mariadb) = mariadb.split_once("---\n").unwrap().1.split_once("---\n").unwrap();
        assert_eq!(as_mysql_shows(&shape), as_mysql_shows(mariadb));
    }
}

/// MySQL shows no display width of an integer and no default that is NULL, and sorts otherwise.
fn as_mysql_shows(shape: &str) -> Vec<String> {
    let plain = |line: &str| {
        line.replace(" default NULL", "")
            .replace(" default ''", " default")
            .replace("bigint(20)", "bigint")
            .replace("int(11)", "int")
            .trim_end()
            .to_owned()
    };
    let mut lines: Vec<String> = shape.lines().map(plain).collect();
    lines.sort();
    lines
}

/// Everything that the server says of the tables, one line per column and per key.
async fn tables(database: &TestDatabase, backend: Backend) -> String {
    let queries: &[&str] = match backend {
        Backend::Sqlite => {
            &["SELECT name AS a, COALESCE(sql, '') AS b, '' AS c FROM sqlite_master ORDER BY type, name"]
        }
        Backend::MySql => &[
            "SELECT table_name AS a, CONCAT(column_name, ' ', column_type) AS b, CONCAT(IF(is_nullable = 'YES', 'null', \
             'not null'), COALESCE(CONCAT(' default ', column_default), ''), IF(extra = '', '', CONCAT(' ', extra))) AS c \
             FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name <> 'seaql_migrations' \
             ORDER BY table_name, ordinal_position",
            "SELECT table_name AS a, IF(non_unique, 'index', 'unique') AS b, CAST(CONCAT(index_name, ' (', \
             GROUP_CONCAT(column_name ORDER BY seq_in_index), ')') AS CHAR) AS c FROM information_schema.statistics \
             WHERE table_schema = DATABASE() AND table_name <> 'seaql_migrations' \
             GROUP BY table_name, non_unique, index_name ORDER BY table_name, index_name",
        ],
    };
    let mut lines = String::new();
    for query in queries {
        let statement = Statement::from_string(database.pool.get_database_backend(), *query);
        for row in database.pool.query_all_raw(statement).await.unwrap() {
            let text = |column: &str| row.try_get::<String>("", column).unwrap();
            lines += &format!("{}: {} {}\n", text("a"), text("b"), text("c"));
        }
    }
    lines
}
