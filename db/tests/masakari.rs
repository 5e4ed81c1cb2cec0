//! Masakari's databases, as its own programs made them: of the shape that ours have, taken over, and imported.
//!
//! `masakari/*.sql` are dumps of databases that releases of Masakari made and filled (`masakari/write_rows.py`). Where
//! Debian's package is installed the same is done live; `THEMIS_TEST_MASAKARI` may name the directory of another release's
//! programs (`bin` of a virtual environment with `masakari` and `pymysql`).

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests may")]

mod cut;

use std::path::{Path, PathBuf};
use std::process::Command;

use cut::Cut;
use rstest::rstest;
use sea_orm::{ConnectionTrait, Statement};
use themis_db::masakari::import::{ImportError, Report, import, import_telling};
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

async fn copied(from: &TestDatabase, to: &TestDatabase, dry_run: bool) -> Report {
    import(&from.pool, &to.pool, dry_run, NOON).await.unwrap()
}

fn numbers(report: &Report) -> Vec<(&str, u64, u64, u64)> {
    let tables = report.tables.iter();
    tables
        .map(|table| (table.table, table.copied, table.present, table.differing))
        .collect()
}

/// All rows of Masakari's tables, those that are deleted too, as text; without what an import may change.
async fn contents(db: &TestDatabase, table: &str, columns: &str) -> Vec<String> {
    let sql = format!("SELECT CAST(CONCAT_WS('|', {columns}) AS CHAR) AS line FROM {table} ORDER BY id");
    let rows = db
        .pool
        .query_all_raw(Statement::from_string(sea_orm::DbBackend::MySql, sql))
        .await
        .unwrap();
    rows.iter()
        .map(|row| row.try_get::<String>("", "line").unwrap())
        .collect()
}

const SEGMENT: &str = "id, uuid, name, service_type, COALESCE(description, '-'), recovery_method, enabled, created_at, \
     COALESCE(updated_at, '-'), COALESCE(deleted_at, '-'), deleted";
const HOST: &str = "id, uuid, name, reserved, type, control_attributes, failover_segment_id, on_maintenance, created_at, \
     COALESCE(updated_at, '-'), COALESCE(deleted_at, '-'), deleted";
const NOTIFICATION: &str =
    "id, notification_uuid, generated_time, source_host_uuid, type, payload, created_at, deleted";
const VMOVE: &str = "id, uuid, notification_uuid, instance_uuid, instance_name, source_host, COALESCE(dest_host, '-'), \
     COALESCE(start_time, '-'), COALESCE(end_time, '-'), type, status, created_at, deleted";

#[rstest]
#[case(NEWEST, 3)]
#[case(DEBIAN, 0)]
#[case(UPGRADED, 0)]
#[tokio::test]
async fn on_mariadb_an_import_copies_every_row_once(#[case] file: &str, #[case] vmoves: u64) {
    let (Some(from), Some(to)) = (dumped(file).await, TestDatabase::open(Backend::MySql).await) else {
        return;
    };
    imported_once(&from, &to, vmoves).await;
}

/// The same with rows that Masakari's own objects write now.
#[tokio::test]
async fn on_mariadb_an_import_from_a_database_that_masakari_makes_now() {
    for folder in programs() {
        let (Some(from), Some(to)) = (made(&folder).await, TestDatabase::open(Backend::MySql).await) else {
            return;
        };
        let vmoves = if folder == Path::new("/usr/bin") { 0 } else { 3 };
        imported_once(&from, &to, vmoves).await;
    }
}

async fn imported_once(from: &TestDatabase, to: &TestDatabase, vmoves: u64) {
    let promised = copied(from, to, true).await;
    assert!(statuses(to).await.is_empty(), "a dry run writes nothing");
    let report = copied(from, to, false).await;
    assert_eq!(promised, report);
    let mut wanted = vec![
        ("failover_segments", 3, 0, 0),
        ("hosts", 4, 0, 0),
        ("notifications", 6, 0, 0),
    ];
    if from.pool.execute_unprepared("SELECT 1 FROM vmoves").await.is_ok() {
        wanted.push(("vmoves", vmoves, 0, 0));
    }
    assert_eq!(numbers(&report), wanted);
    assert!(report.conflicts.is_empty() && report.tables.iter().all(|table| table.renumbered == 0));
    let was: Vec<_> = report.abandoned.iter().map(|one| one.status.name()).collect();
    assert_eq!(was, ["error", "running", "new"]);
    for (table, columns) in [
        ("failover_segments", SEGMENT),
        ("hosts", HOST),
        ("notifications", NOTIFICATION),
    ] {
        let there = contents(from, table, columns).await;
        assert!(there.len() >= 3);
        assert_eq!(contents(to, table, columns).await, there, "{table}");
    }
    if vmoves > 0 {
        assert_eq!(
            contents(to, "vmoves", VMOVE).await,
            contents(from, "vmoves", VMOVE).await
        );
    }
    let shown: Vec<_> = statuses(to)
        .await
        .into_iter()
        .map(|(_, status, _)| status.name())
        .collect();
    assert_eq!(shown, ["finished", "failed", "ignored", "failed", "failed", "failed"]);

    let again = copied(from, to, false).await;
    let all: Vec<_> = wanted
        .iter()
        .map(|(table, copied, ..)| (*table, 0, *copied, 0))
        .collect();
    assert_eq!(numbers(&again), all, "a second run changes nothing and says so");
    assert!(again.conflicts.is_empty() && again.abandoned.is_empty());
}

#[tokio::test]
async fn on_mariadb_what_masakari_did_since_the_last_run_is_copied_too() {
    let (Some(from), Some(to)) = (dumped(NEWEST).await, TestDatabase::open(Backend::MySql).await) else {
        return;
    };
    copied(&from, &to, false).await;
    for sql in [
        "UPDATE notifications SET status = 'finished', updated_at = '2026-11-20 09:00:00' WHERE status = 'running'",
        "UPDATE hosts SET on_maintenance = 1 WHERE name = 'compute-1'",
        "INSERT INTO hosts SELECT created_at, NULL, NULL, 0, 50, UUID(), 'compute-5', 0, type, control_attributes, \
         failover_segment_id, 0 FROM hosts WHERE name = 'compute-1'",
    ] {
        from.pool.execute_unprepared(sql).await.unwrap();
    }
    let report = copied(&from, &to, false).await;
    assert_eq!(
        numbers(&report),
        [
            ("failover_segments", 0, 3, 0),
            ("hosts", 1, 3, 1),
            ("notifications", 0, 5, 0),
            ("vmoves", 0, 3, 0)
        ]
    );
    assert_eq!(report.tables[2].ended, 1);
    assert_eq!(report.conflicts.kept.len(), 1);
    let line = &report.conflicts.kept[0];
    let differs = "on_maintenance is TRUE there and FALSE here; left as it is here";
    assert!(line.starts_with("hosts ") && line.ends_with(differs), "{line}");
    let hosts = host_list(&to.pool, &HostFilter::default(), &Page::default())
        .await
        .unwrap();
    assert!(
        hosts
            .iter()
            .all(|host| host.name != "compute-1" || !host.on_maintenance)
    );
    let again = copied(&from, &to, false).await;
    assert_eq!((again.tables[2].ended, again.tables[1].copied), (0, 0));
}

#[tokio::test]
async fn on_mariadb_taken_ids_give_way_taken_names_stop_and_unreadable_rows_are_named() {
    let (Some(from), Some(to)) = (dumped(NEWEST).await, TestDatabase::open(Backend::MySql).await) else {
        return;
    };
    let own = "INSERT INTO failover_segments (id, uuid, name, service_type, recovery_method, deleted) VALUES \
         (2, '11111111-1111-4111-8111-111111111111', 'RACK-1', 'COMPUTE', 'auto', 0), \
         (4, '22222222-2222-4222-8222-222222222222', 'other', 'COMPUTE', 'auto', 0)";
    to.pool.execute_unprepared(own).await.unwrap();
    let Err(ImportError::NamesTaken { names }) = import(&from.pool, &to.pool, false, NOON).await else {
        panic!("it was imported")
    };
    assert!(
        names.len() == 1 && names[0].starts_with("failover_segments rack-1 is "),
        "{names:?}"
    );
    assert_eq!(
        segment_list(&to.pool, &SegmentFilter::default(), &Page::default())
            .await
            .unwrap()
            .len(),
        2
    );

    to.pool
        .execute_unprepared("UPDATE failover_segments SET name = 'mine' WHERE id = 2")
        .await
        .unwrap();
    for sql in [
        "UPDATE notifications SET payload = 'None' WHERE id = 1",
        "UPDATE vmoves SET status = 'lost' WHERE id = 1",
        "UPDATE vmoves SET instance_uuid = 'vm-1' WHERE id = 2",
    ] {
        from.pool.execute_unprepared(sql).await.unwrap();
    }
    let report = copied(&from, &to, false).await;
    assert_eq!((report.tables[0].copied, report.tables[0].renumbered), (3, 2));
    let unreadable: Vec<_> = report.tables.iter().map(|table| table.left_out).collect();
    assert_eq!(unreadable, [0, 0, 1, 2]);
    assert_eq!(report.conflicts.kept.len(), 3, "{:?}", report.conflicts);
    let stale = "SELECT id FROM failover_segments WHERE name = 'rack-9' AND deleted = id AND id NOT IN (2, 4)";
    let rows = to
        .pool
        .query_all_raw(Statement::from_string(sea_orm::DbBackend::MySql, stale))
        .await
        .unwrap();
    assert_eq!(rows.len(), 1, "a deleted row's mark is its new id");
    let again = copied(&from, &to, false).await;
    assert!(again.tables.iter().all(|table| table.copied == 0), "{again:?}");
}

/// Rows that a lax server or a hand kept, and that ours would refuse: named and left out, everything else is copied.
#[tokio::test]
async fn on_mariadb_rows_that_the_database_refuses_are_named_and_do_not_stop_the_rest() {
    let (Some(from), Some(to)) = (dumped(NEWEST).await, TestDatabase::open(Backend::MySql).await) else {
        return;
    };
    for sql in [
        // Living rows that nothing marks as such; two of them with one name.
        "UPDATE hosts SET deleted = NULL WHERE name IN ('compute-1', 'compute-2')",
        "INSERT INTO hosts SELECT created_at, NULL, NULL, NULL, 60, 'aaaaaaaa-0000-4000-8000-000000000001', 'compute-1', 0, type, \
         control_attributes, failover_segment_id, 0 FROM hosts WHERE name = 'compute-2'",
        // A host whose segment is not there, as of a segment that was made while the import ran.
        "SET SESSION foreign_key_checks = 0; INSERT INTO hosts SELECT created_at, NULL, NULL, 0, 61, \
         'aaaaaaaa-0000-4000-8000-000000000002', 'compute-9', 0, type, control_attributes, \
         'aaaaaaaa-0000-4000-8000-000000000003', 0 FROM hosts WHERE name = 'compute-2'; SET SESSION foreign_key_checks = 1",
        "SET SESSION sql_mode = ''; UPDATE notifications SET updated_at = '0000-00-00 00:00:00' WHERE id = 1; \
         SET SESSION sql_mode = 'TRADITIONAL'",
    ] {
        from.pool.execute_unprepared(sql).await.unwrap();
    }
    let report = copied(&from, &to, false).await;
    let brief: Vec<_> = report
        .tables
        .iter()
        .map(|table| (table.copied, table.left_out))
        .collect();
    assert_eq!(brief, [(3, 0), (4, 2), (5, 1), (3, 0)], "{:?}", report.conflicts);
    let lines = report.conflicts.kept.join("\n");
    for part in [
        "aaaaaaaa-0000-4000-8000-000000000001",
        "aaaaaaaa-0000-4000-8000-000000000002",
        "notifications id 1: ",
    ] {
        assert!(lines.contains(part), "{lines}");
    }
    let living = host_list(&to.pool, &HostFilter::default(), &Page::default())
        .await
        .unwrap();
    assert!(living.iter().any(|host| host.name == "compute-1") && living.iter().any(|host| host.name == "compute-2"));
}

/// A row that gives way must not take the id of one that comes later.
#[tokio::test]
async fn on_mariadb_only_the_row_whose_id_is_taken_gets_another() {
    let (Some(from), Some(to)) = (dumped(NEWEST).await, TestDatabase::open(Backend::MySql).await) else {
        return;
    };
    let own = "INSERT INTO notifications (id, notification_uuid, generated_time, source_host_uuid, type, payload, status, deleted) \
         VALUES (1, '99999999-9999-4999-8999-999999999999', '2026-11-20', '11111111-1111-4111-8111-111111111111', \
         'COMPUTE_HOST', '{}', 'new', 0)";
    to.pool.execute_unprepared(own).await.unwrap();
    let report = copied(&from, &to, false).await;
    assert_eq!((report.tables[2].copied, report.tables[2].renumbered), (6, 1));
    let ids: Vec<_> = statuses(&to).await.into_iter().map(|(id, ..)| id).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7]);
}

/// Dead at each commit in turn; the last run finds what the others copied.
#[tokio::test]
async fn on_mariadb_an_import_that_is_killed_anywhere_is_gone_on_with() {
    let (Some(from), Some(to)) = (dumped(NEWEST).await, TestDatabase::open(Backend::MySql).await) else {
        return;
    };
    for death in 1..=4 {
        let cut = Cut::after(&to.url, 1, |sql| sql.starts_with("COMMIT")).await;
        assert!(
            import(&from.pool, &cut.pool, false, NOON).await.is_err() && cut.is_dead(),
            "{death}"
        );
    }
    let last = copied(&from, &to, false).await;
    let all = [
        ("failover_segments", 0, 3, 0),
        ("hosts", 0, 4, 0),
        ("notifications", 0, 6, 0),
        ("vmoves", 0, 3, 0),
    ];
    assert_eq!(numbers(&last), all);
    for (table, columns) in [
        ("failover_segments", SEGMENT),
        ("hosts", HOST),
        ("notifications", NOTIFICATION),
        ("vmoves", VMOVE),
    ] {
        assert_eq!(
            contents(&to, table, columns).await,
            contents(&from, table, columns).await,
            "{table}"
        );
    }
}

/// As many as a large cloud has after years: what the report keeps is bounded, and who waits is told.
#[tokio::test]
async fn on_mariadb_an_import_of_many_notifications_tells_how_far_it_is() {
    let (Some(from), Some(to)) = (dumped(NEWEST).await, TestDatabase::open(Backend::MySql).await) else {
        return;
    };
    let digits = "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 \
         UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
    let many = format!(
        "INSERT INTO notifications (created_at, deleted, notification_uuid, generated_time, source_host_uuid, type, payload, \
         status) SELECT '2026-11-20', 0, UUID(), '2026-11-20', '11111111-1111-4111-8111-111111111111', 'VM', '{{}}', 'new' \
         FROM {digits} a, {digits} b, {digits} c, (SELECT 1 UNION ALL SELECT 2) e"
    );
    from.pool.execute_unprepared(&many).await.unwrap();
    let mut told = Vec::new();
    let mut tell = |table: &'static str, rows, of| told.push((table, rows, of));
    let report = import_telling(&from.pool, &to.pool, false, NOON, &mut tell)
        .await
        .unwrap();
    assert_eq!(
        (report.tables[2].copied, report.abandoned.len(), report.abandoned_more),
        (2006, 500, 1503)
    );
    let notifications: Vec<_> = told.iter().filter(|(table, ..)| *table == "notifications").collect();
    assert_eq!(notifications.len(), 5);
    assert_eq!(notifications[4], &("notifications", 2006, Some(2006)));
}

#[tokio::test]
async fn on_mariadb_an_import_is_refused_where_it_makes_no_sense() {
    let (Some(from), Some(to)) = (dumped(NEWEST).await, TestDatabase::open(Backend::MySql).await) else {
        return;
    };
    let refused = async |from: &TestDatabase, to: &TestDatabase| {
        import(&from.pool, &to.pool, false, NOON).await.unwrap_err().to_string()
    };
    let text = refused(&to, &to).await;
    assert!(text.contains("same database") && text.contains("db sync"), "{text}");
    let empty = TestDatabase::empty(Backend::MySql).await.unwrap();
    let text = refused(&empty, &to).await;
    assert!(text.contains("no table failover_segments"), "{text}");
    let text = refused(&from, &empty).await;
    assert!(text.contains("run themis-manage db sync first"), "{text}");
}
