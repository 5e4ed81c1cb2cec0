//! The schema: made once, unchanged by a second run, and shaped as deployed programs expect.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may")]

use sea_orm::{ConnectionTrait, Statement};
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
    insta::assert_snapshot!(tables(&database, Backend::MySql).await);
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
