//! `db import-masakari`: every row once, whatever happens in between.

use std::path::Path;

use rstest::rstest;
use sea_orm::{ConnectionTrait, Statement};
use themis_db::masakari::import::{ImportError, Report, import, import_telling};
use themis_db::store::Page;
use themis_db::store::hosts::{HostFilter, host_list};
use themis_db::store::segments::{SegmentFilter, segment_list};
use themis_db::testing::{Backend, TestDatabase};

use super::cut::Cut;
use super::{DEBIAN, NEWEST, NOON, UPGRADED, dumped, made, programs, statuses};

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
