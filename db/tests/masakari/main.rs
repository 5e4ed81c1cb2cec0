//! Masakari's databases, as its own programs made them: of the shape that ours have, taken over, and imported.
//!
//! `masakari/*.sql` are dumps of databases that releases of Masakari made and filled (`masakari/write_rows.py`). Where
//! Debian's package is installed the same is done live; `THEMIS_TEST_MASAKARI` may name the directory of another release's
//! programs (`bin` of a virtual environment with `masakari` and `pymysql`).

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests may")]

#[path = "../cut/mod.rs"]
mod cut;
mod import;

use std::path::{Path, PathBuf};
use std::process::Command;

use cut::Cut;
use rstest::rstest;
use sea_orm::{ConnectionTrait, Statement};
use themis_db::masakari::takeover::take_over;
use themis_db::schema::{ready, schema_sync, schema_version};
use themis_db::store::Page;
use themis_db::store::hosts::{HostFilter, host_list};
use themis_db::store::notifications::{NotificationFilter, notification_list};
use themis_db::store::segments::{SegmentFilter, segment_list};
use themis_db::store::vmoves::{VmoveFilter, vmove_list};
use themis_db::testing::{Backend, TestDatabase, left_out};
use themis_db::{NotificationStatus, StoreError};
use time::OffsetDateTime;
use time::macros::datetime;

const NOON: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);
const NEWEST: &str = "22.0.0.sql";
const DEBIAN: &str = "14.0.2.sql";
const UPGRADED: &str = "14.0.2-then-22.0.0.sql";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/masakari")
}

/// A database as a release of Masakari left it.
async fn dumped(file: &str) -> Option<TestDatabase> {
    let db = TestDatabase::empty(Backend::MySql).await?;
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("--"));
    for statement in lines.collect::<Vec<_>>().join("\n").split(";\n") {
        if !statement.trim().is_empty() {
            db.pool.execute_unprepared(statement).await.unwrap();
        }
    }
    Some(db)
}

/// Masakari's programs: Debian's, and those that the environment names.
fn programs() -> Vec<PathBuf> {
    let named = std::env::var("THEMIS_TEST_MASAKARI").map(PathBuf::from);
    let all = [Ok(PathBuf::from("/usr/bin")), named];
    let there: Vec<_> = all
        .into_iter()
        .flatten()
        .filter(|folder| folder.join("masakari-manage").exists())
        .collect();
    if there.is_empty() {
        left_out("no masakari-manage; see 'lab/lab install'");
    }
    there
}

/// A database that a release of Masakari makes and fills now.
async fn made(programs: &Path) -> Option<TestDatabase> {
    let db = TestDatabase::empty(Backend::MySql).await?;
    let directory = std::env::temp_dir().join(db.url.rsplit('/').next().unwrap());
    std::fs::create_dir_all(&directory).unwrap();
    let config = directory.join("masakari.conf");
    let connection = db.url.replace("mysql://", "mysql+pymysql://");
    // Debian's taskflow lacks its own tables' migrations, the newest Masakari refuses to run without any.
    let taskflow = match programs == Path::new("/usr/bin") {
        true => String::new(),
        false => format!(
            "[taskflow]\nconnection = sqlite:///{}/taskflow.sqlite\n",
            directory.display()
        ),
    };
    let text = format!(
        "[DEFAULT]\ntransport_url = fake://\nhost = ctl\nlog_file = {}/log\n[database]\nconnection = {connection}?charset=utf8\n{taskflow}",
        directory.display()
    );
    std::fs::write(&config, text).unwrap();
    let python = match programs == Path::new("/usr/bin") {
        true => PathBuf::from("/usr/bin/python3"),
        false => programs.join("python3"),
    };
    let mut sync = Command::new(&python);
    sync.arg(programs.join("masakari-manage"))
        .arg("--config-file")
        .arg(&config)
        .args(["db", "sync"]);
    let mut write = Command::new(&python);
    write.arg(folder().join("write_rows.py")).arg(&config);
    for mut command in [sync, write] {
        let ran = tokio::task::spawn_blocking(move || command.output())
            .await
            .unwrap()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }
    std::fs::remove_dir_all(directory).unwrap();
    Some(db)
}

/// Columns, unique keys, other keys and references of Masakari's four tables, one line each, but for what differs
/// between Masakari's own releases: the names that the server gives to a reference and to its index.
async fn shape(db: &TestDatabase) -> Vec<String> {
    let tables =
        "table_schema = DATABASE() AND table_name IN ('failover_segments', 'hosts', 'notifications', 'vmoves')";
    let queries = [
        format!(
            "SELECT CAST(CONCAT_WS(' ', table_name, LPAD(ordinal_position, 2, '0'), column_name, column_type, is_nullable, \
             COALESCE(column_default, IF(is_nullable = 'YES', 'NULL', 'none')), extra) AS CHAR) AS line \
             FROM information_schema.columns WHERE {tables}"
        ),
        format!(
            "SELECT CAST(CONCAT_WS(' ', table_name, IF(non_unique, 'index', CONCAT('unique ', index_name)), \
             GROUP_CONCAT(column_name ORDER BY seq_in_index)) AS CHAR) AS line FROM information_schema.statistics \
             WHERE {tables} GROUP BY table_name, index_name, non_unique"
        ),
        format!(
            "SELECT CAST(CONCAT_WS(' ', table_name, column_name, 'references', referenced_table_name, \
             referenced_column_name) AS CHAR) AS line FROM information_schema.key_column_usage \
             WHERE {tables} AND referenced_table_name IS NOT NULL"
        ),
        format!(
            "SELECT CAST(CONCAT_WS(' ', table_name, engine) AS CHAR) AS line FROM information_schema.tables WHERE {tables}"
        ),
    ];
    let mut lines = Vec::new();
    for query in queries {
        let rows = db
            .pool
            .query_all_raw(Statement::from_string(sea_orm::DbBackend::MySql, query))
            .await
            .unwrap();
        lines.extend(rows.iter().map(|row| row.try_get::<String>("", "line").unwrap()));
    }
    lines.sort();
    lines
}

fn missing(from: &[String], of: &[String]) -> Vec<String> {
    of.iter().filter(|line| !from.contains(line)).cloned().collect()
}

#[tokio::test]
async fn on_mariadb_our_tables_are_those_of_masakaris_newest_release_and_two_indexes_more() {
    let (Some(theirs), Some(ours)) = (dumped(NEWEST).await, TestDatabase::open(Backend::MySql).await) else {
        return;
    };
    let (theirs, ours) = (shape(&theirs).await, shape(&ours).await);
    assert!(theirs.len() > 50, "{theirs:?}");
    assert_eq!(missing(&ours, &theirs), [""; 0], "of upstream's, ours lack");
    assert_eq!(
        missing(&theirs, &ours),
        [
            "notifications index source_host_uuid,status",
            "vmoves index notification_uuid"
        ]
    );
}

/// Debian's release has fewer columns and other names; each difference is one that is known.
#[tokio::test]
async fn on_mariadb_what_debians_release_lacks_is_known() {
    let (Some(theirs), Some(newest)) = (dumped(DEBIAN).await, dumped(NEWEST).await) else {
        return;
    };
    let (theirs, newest) = (shape(&theirs).await, shape(&newest).await);
    let lacking: Vec<_> = missing(&theirs, &newest)
        .into_iter()
        .filter(|line| !line.starts_with("vmoves"))
        .collect();
    assert_eq!(
        lacking,
        [
            "notifications 12 failover_segment_uuid varchar(36) YES NULL ",
            "notifications 13 message text YES NULL ",
            "notifications unique uniq_notification0uuid notification_uuid"
        ]
    );
    assert_eq!(
        missing(&newest, &theirs),
        ["notifications unique uniq_notifications0uuid notification_uuid"]
    );
}

/// The dumps are what the programs make, where they are installed.
#[tokio::test]
async fn on_mariadb_the_dumps_are_what_masakaris_own_programs_make() {
    for folder in programs() {
        let Some(live) = made(&folder).await else { return };
        let file = if folder == Path::new("/usr/bin") {
            DEBIAN
        } else {
            NEWEST
        };
        let dumped = dumped(file).await.unwrap();
        assert_eq!(shape(&live).await, shape(&dumped).await, "{}", folder.display());
    }
}

async fn statuses(db: &TestDatabase) -> Vec<(i64, NotificationStatus, Option<String>)> {
    let page = Page {
        sort: vec![("id".to_owned(), themis_db::store::Direction::Asc)],
        ..Page::default()
    };
    let rows = notification_list(&db.pool, &NotificationFilter::default(), &page)
        .await
        .unwrap();
    rows.into_iter().map(|row| (row.id, row.status, row.message)).collect()
}

#[rstest]
#[case(NEWEST, "13adff5efb9a", 3)]
#[case(UPGRADED, "13adff5efb9a", 0)]
#[tokio::test]
async fn on_mariadb_db_sync_takes_over_what_masakari_left(
    #[case] file: &str,
    #[case] version: &str,
    #[case] vmoves: usize,
) {
    let Some(db) = dumped(file).await else { return };
    let before = shape(&db).await;
    let taken = take_over(&db.pool, NOON).await.unwrap().unwrap();
    assert_eq!(taken.version, version);
    let was: Vec<_> = taken
        .abandoned
        .iter()
        .map(|one| (one.kind.as_str(), one.status.name()))
        .collect();
    assert_eq!(
        was,
        [
            ("COMPUTE_HOST", "error"),
            ("PROCESS", "running"),
            ("COMPUTE_HOST", "new")
        ]
    );
    schema_sync(&db.pool).await.unwrap();
    ready(&db.pool).await.unwrap();

    let after = shape(&db).await;
    assert_eq!(missing(&after, &before), [""; 0], "nothing of Masakari's is changed");
    let segments = segment_list(&db.pool, &SegmentFilter::default(), &Page::default())
        .await
        .unwrap();
    let hosts = host_list(&db.pool, &HostFilter::default(), &Page::default())
        .await
        .unwrap();
    assert_eq!((segments.len(), hosts.len()), (2, 3));
    assert!(
        segments
            .iter()
            .any(|row| row.description.as_deref() == Some("Zwei Räume,\n\"oben\" \\ unten"))
    );
    let notifications = statuses(&db).await;
    assert_eq!(notifications.len(), 6);
    assert!(notifications.iter().all(|(_, status, _)| {
        matches!(
            status,
            NotificationStatus::Finished | NotificationStatus::Failed | NotificationStatus::Ignored
        )
    }));
    let new = "It was 'new' in Masakari when Themis took over; Themis did nothing for it.";
    assert_eq!(notifications[5], (6, NotificationStatus::Failed, Some(new.to_owned())));
    let finished = notification_list(&db.pool, &NotificationFilter::default(), &Page::default())
        .await
        .unwrap();
    let finished = finished.iter().find(|row| row.id == 1).unwrap();
    let moved = vmove_list(&db.pool, finished.uuid, &VmoveFilter::default(), &Page::default())
        .await
        .unwrap();
    assert_eq!(moved.len(), vmoves);

    assert_eq!(take_over(&db.pool, NOON).await.unwrap(), None, "it is ours now");
    assert!(schema_sync(&db.pool).await.unwrap().applied.is_empty());
}

/// Dead before the commit nothing is settled; dead after it nobody was told, and the next run tells it.
#[tokio::test]
async fn on_mariadb_a_takeover_that_is_killed_is_told_by_the_next() {
    let Some(db) = dumped(NEWEST).await else { return };
    let before = statuses(&db).await;
    for (writes, settled) in [(1, false), (3, false), (4, true)] {
        let cut = Cut::after(&db.url, writes, cut::writes).await;
        let died = take_over(&cut.pool, NOON).await;
        assert!(died.is_err() && cut.is_dead(), "after {writes}: {died:?}");
        assert_eq!(statuses(&db).await != before, settled, "after {writes}");
    }
    let taken = take_over(&db.pool, NOON).await.unwrap().unwrap();
    let was: Vec<_> = taken.abandoned.iter().map(|one| one.status.name()).collect();
    assert_eq!((was.as_slice(), taken.more), (&["error", "running", "new"][..], 0));
    schema_sync(&db.pool).await.unwrap();
}

/// A second `db sync` that looked before the first was through must not settle what Themis's own daemons took in since.
#[tokio::test]
async fn on_mariadb_a_takeover_that_comes_late_leaves_themis_own_notifications_alone() {
    let Some(db) = dumped(NEWEST).await else { return };
    let late = Cut::before(&db.url, |sql| sql.starts_with("UPDATE")).await;
    let pool = late.pool.clone();
    let second = tokio::spawn(async move { take_over(&pool, NOON).await });
    late.reached().await;
    take_over(&db.pool, NOON).await.unwrap().unwrap();
    schema_sync(&db.pool).await.unwrap();
    let own = "INSERT INTO notifications (notification_uuid, generated_time, source_host_uuid, type, payload, status, deleted) \
         VALUES ('99999999-9999-4999-8999-999999999999', '2026-11-20', '11111111-1111-4111-8111-111111111111', \
         'COMPUTE_HOST', '{}', 'new', 0)";
    db.pool.execute_unprepared(own).await.unwrap();
    late.let_through();
    assert_eq!(second.await.unwrap().unwrap(), None);
    let (_, status, _) = statuses(&db).await.pop().unwrap();
    assert_eq!(status, NotificationStatus::New);
}

#[tokio::test]
async fn on_mariadb_an_older_masakari_is_refused_by_name_and_left_as_it_is() {
    let Some(db) = dumped(DEBIAN).await else { return };
    let before = shape(&db).await;
    for error in [
        take_over(&db.pool, NOON).await.unwrap_err(),
        schema_sync(&db.pool).await.unwrap_err(),
    ] {
        let StoreError::ForeignSchema { version, differences } = &error else {
            panic!("{error}")
        };
        assert_eq!(version, "7");
        assert_eq!(
            differences,
            &[
                "notifications.failover_segment_uuid is missing",
                "notifications.message is missing"
            ]
        );
        let text = error.to_string();
        assert!(
            text.contains("import-masakari") && text.contains("masakari-manage db sync"),
            "{text}"
        );
    }
    assert_eq!(shape(&db).await, before);
    assert_eq!(schema_version(&db.pool).await.unwrap().database, None);
}

#[tokio::test]
async fn on_mariadb_tables_that_only_share_the_name_are_refused_with_each_difference() {
    let Some(db) = dumped(NEWEST).await else { return };
    for sql in [
        "ALTER TABLE hosts ADD COLUMN rack VARCHAR(20) NOT NULL",
        "ALTER TABLE hosts MODIFY name VARCHAR(100) NOT NULL",
        "ALTER TABLE hosts DROP INDEX uniq_host0name0deleted",
        "ALTER TABLE notifications ADD COLUMN note TEXT",
    ] {
        db.pool.execute_unprepared(sql).await.unwrap();
    }
    let Err(StoreError::ForeignSchema { differences, .. }) = schema_sync(&db.pool).await else {
        panic!("it was taken")
    };
    assert_eq!(
        differences,
        [
            "hosts.name is varchar(100), not varchar(255)",
            "hosts.rack is not Masakari's and demands a value",
            "hosts has no unique key over (name,deleted)"
        ]
    );
}
