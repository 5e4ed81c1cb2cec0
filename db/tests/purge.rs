//! What `db purge` removes and what it leaves.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may")]

mod cut;

use std::collections::BTreeMap;
use std::fmt::Write;

use cut::Cut;
use rstest::rstest;
use sea_orm::{ConnectionTrait, Statement};
use themis_db::purge::{PurgeScope, purge};
use themis_db::testing::{Backend, TestDatabase};
use time::OffsetDateTime;
use time::macros::datetime;

const BEFORE: OffsetDateTime = datetime!(2026-10-21 12:00 UTC);
const OLD: &str = "2026-10-01 00:00:00";
const YOUNG: &str = "2026-11-01 00:00:00";

fn uuid(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// SQL of a small cloud's history.
#[derive(Default)]
struct History(String);

impl History {
    fn add(&mut self, sql: &str) {
        writeln!(self.0, "{sql};").unwrap();
    }

    fn segment(&mut self, id: u32, deleted: Option<&str>) {
        let (mark, at) = deleted_columns(id, deleted);
        let uuid = uuid(id);
        self.add(&format!(
            "INSERT INTO failover_segments (id, uuid, name, service_type, recovery_method, created_at, deleted, deleted_at) \
             VALUES ({id}, '{uuid}', 's{id}', 'COMPUTE', 'auto', '{OLD}', {mark}, {at})"
        ));
    }

    fn host(&mut self, id: u32, segment: u32, deleted: Option<&str>) {
        let (mark, at) = deleted_columns(id, deleted);
        let (own, parent) = (uuid(id), uuid(segment));
        self.add(&format!(
            "INSERT INTO hosts (id, uuid, name, type, control_attributes, failover_segment_id, created_at, deleted, \
             deleted_at) VALUES ({id}, '{own}', 'h{id}', 'COMPUTE', 'SSH', '{parent}', '{OLD}', {mark}, {at})"
        ));
        self.add(&format!(
            "INSERT INTO leases (name, holder, token, beat) VALUES ('intake:{own}', '', 0, 1)"
        ));
    }

    /// With two vmoves and a corroboration.
    fn notification(&mut self, id: u32, status: &str, updated: Option<&str>) {
        let (own, host) = (uuid(id), uuid(1));
        let updated = updated.map_or("NULL".to_owned(), |at| format!("'{at}'"));
        self.add(&format!(
            "INSERT INTO notifications (id, notification_uuid, generated_time, source_host_uuid, type, payload, status, \
             created_at, updated_at, deleted) VALUES ({id}, '{own}', '{OLD}', '{host}', 'COMPUTE_HOST', '{{}}', '{status}', \
             '{OLD}', {updated}, 0)"
        ));
        for vmove in [id * 10, id * 10 + 1] {
            let (own, of) = (uuid(vmove), uuid(id));
            self.add(&format!(
                "INSERT INTO vmoves (id, uuid, notification_uuid, instance_uuid, instance_name, type, status, deleted) \
                 VALUES ({vmove}, '{own}', '{of}', '{own}', 'vm', 'evacuation', 'succeeded', 0)"
            ));
        }
        self.add(&format!(
            "INSERT INTO corroborations (notification_uuid, user_id, user_name, address, answer, reports, generated_time, \
             first_at, last_at) VALUES ('{own}', 'u', 'n', '::1', 'accepted', 1, '{OLD}', '{OLD}', '{OLD}')"
        ));
    }

    /// With `lines` events and `lines` steps.
    fn incident(&mut self, id: u32, notification: Option<u32>, status: &str, lines: u32) {
        let (own, host) = (uuid(id), uuid(1));
        let notification = notification.map_or("NULL".to_owned(), |id| format!("'{}'", uuid(id)));
        let closed = if status == "closed" {
            format!("'{OLD}'")
        } else {
            "NULL".to_owned()
        };
        self.add(&format!(
            "INSERT INTO incidents (id, uuid, host_uuid, host_name, segment_uuid, notification_uuid, status, opened_at, \
             closed_at) VALUES ({id}, '{own}', '{host}', 'h1', '{host}', {notification}, '{status}', '{OLD}', {closed})"
        ));
        for _ in 0..lines {
            self.add(&format!(
                "INSERT INTO incident_events (incident_uuid, host_uuid, at, kind, reason, engine, epoch) \
                 VALUES ('{own}', '{host}', '{OLD}', 'k', '{{}}', 'e', 1)"
            ));
            self.step(&own);
        }
    }

    fn step(&mut self, owner: &str) {
        self.add(&format!(
            "INSERT INTO workflow_steps (incident_uuid, step, subject, attempt, event, payload, engine, epoch, at) \
             VALUES ('{owner}', 's', 'x', 1, 'started', '{{}}', 'e', 1, '{OLD}')"
        ));
    }

    fn state(&mut self, host: u32, incident: Option<u32>) {
        let host = uuid(host);
        let incident = incident.map_or("NULL".to_owned(), |id| format!("'{}'", uuid(id)));
        self.add(&format!(
            "INSERT INTO host_states (host_uuid, state, since, reason, generation, incident_uuid, detail, view, updated_at) \
             VALUES ('{host}', 'active', '{OLD}', '{{}}', 1, {incident}, '{{}}', '{{}}', '{OLD}')"
        ));
    }

    fn request(&mut self, id: u32, status: &str, handled: Option<&str>) {
        let own = uuid(id);
        let handled = handled.map_or("NULL".to_owned(), |at| format!("'{at}'"));
        self.add(&format!(
            "INSERT INTO requests (id, uuid, kind, args, reason, user_id, user_name, status, created_at, handled_at) \
             VALUES ({id}, '{own}', 'enable', '{{}}', '', 'u', 'n', '{status}', '{OLD}', {handled})"
        ));
    }
}

fn deleted_columns(id: u32, deleted: Option<&str>) -> (u32, String) {
    deleted.map_or((0, "NULL".to_owned()), |at| (id, format!("'{at}'")))
}

async fn count(db: &TestDatabase, table: &str) -> usize {
    let all = Statement::from_string(db.pool.get_database_backend(), format!("SELECT 1 FROM {table}"));
    db.pool.query_all_raw(all).await.unwrap().len()
}

async fn counts(db: &TestDatabase) -> BTreeMap<&'static str, usize> {
    let mut all = BTreeMap::new();
    for table in [
        "failover_segments",
        "hosts",
        "notifications",
        "vmoves",
        "corroborations",
        "refused_reports",
        "incidents",
        "incident_events",
        "workflow_steps",
        "requests",
        "host_states",
        "segment_networks",
        "modes",
        "leases",
    ] {
        all.insert(table, count(db, table).await);
    }
    all
}

async fn ids(db: &TestDatabase, table: &str) -> Vec<i64> {
    let all = Statement::from_string(
        db.pool.get_database_backend(),
        format!("SELECT CAST(id AS SIGNED) AS id FROM {table} ORDER BY id"),
    );
    let rows = db.pool.query_all_raw(all).await.unwrap();
    rows.iter().map(|row| row.try_get("", "id").unwrap()).collect()
}

/// Old and young of everything; what is to go, what only looks so.
fn history() -> History {
    let mut history = History::default();
    history.segment(1, None);
    history.segment(2, Some(OLD));
    history.segment(3, Some(OLD)); // A host that stays names it.
    history.segment(4, Some(YOUNG));
    history.host(1, 1, None);
    history.host(2, 2, Some(OLD));
    history.host(3, 3, Some(OLD)); // Its incident goes on.
    history.host(4, 1, Some(YOUNG));
    history.host(5, 1, Some(OLD)); // A notification about it is not settled.
    for (id, status, updated) in [
        (10, "finished", Some(OLD)),
        (11, "failed", Some(OLD)),
        (12, "ignored", Some(OLD)),
        (13, "finished", Some(YOUNG)),
        (14, "finished", None), // As upstream: never changed, never purged.
        (15, "running", Some(OLD)),
        (16, "error", Some(OLD)),
        (17, "new", Some(OLD)),
        (18, "finished", Some(OLD)), // Its incident goes on.
        (19, "finished", Some(OLD)), // Its host still stands there.
    ] {
        history.notification(id, status, updated);
    }
    history.add(&format!(
        "UPDATE notifications SET source_host_uuid = '{}' WHERE id = 15",
        uuid(5)
    ));
    history.incident(100, Some(10), "closed", 700);
    history.incident(101, Some(18), "open", 3);
    history.incident(102, Some(19), "closed", 2);
    history.incident(103, None, "closed", 2);
    history.incident(104, None, "open", 2);
    history.step(&uuid(11)); // A recovery of an instance, logged under its notification.
    history.add(&format!(
        "UPDATE incidents SET host_uuid = '{}' WHERE id = 101",
        uuid(3)
    ));
    history.state(1, Some(102));
    history.state(2, None);
    history.state(3, Some(101));
    history.request(1, "done", Some(OLD));
    history.request(2, "refused", Some(OLD));
    history.request(3, "done", Some(YOUNG));
    history.request(4, "new", None);
    for segment in [1, 2] {
        let scope = uuid(segment);
        history.add(&format!(
            "INSERT INTO segment_networks (segment_uuid, network, importance) VALUES ('{scope}', 'storage', 'critical')"
        ));
        history.add(&format!(
            "INSERT INTO modes (scope, mode, since, changed_by) VALUES ('{scope}', 'armed', '{OLD}', 'u')"
        ));
    }
    history.add(&format!(
        "UPDATE vmoves SET deleted = id, deleted_at = '{OLD}' WHERE id = 130"
    ));
    for last_at in [OLD, YOUNG] {
        history.add(&format!(
            "INSERT INTO refused_reports (host_uuid, type, payload, user_id, user_name, address, answer, reports, generated_time, \
             first_at, last_at) VALUES ('{}', 'VM', '{{}}', 'u', 'n', '::1', 'maintenance', 1, '{OLD}', '{OLD}', '{last_at}')",
            uuid(1)
        ));
    }
    history.add("INSERT INTO leases (name, holder, token, beat) VALUES ('engine', 'a', 3, 9)");
    history
}

fn scope(rows_max: Option<u64>, dry_run: bool) -> PurgeScope {
    PurgeScope {
        before: BEFORE,
        rows_max,
        dry_run,
    }
}

async fn cloud(backend: Backend) -> Option<TestDatabase> {
    let db = TestDatabase::open(backend).await?;
    for statement in history().0.split(";\n").filter(|text| !text.trim().is_empty()) {
        db.pool.execute_unprepared(statement).await.unwrap();
    }
    Some(db)
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn what_is_old_goes_with_all_that_hangs_on_it_and_what_an_incident_needs_stays(#[case] backend: Backend) {
    let Some(db) = cloud(backend).await else { return };
    let before = counts(&db).await;
    let promised = purge(&db.pool, scope(None, true)).await.unwrap();
    assert_eq!(counts(&db).await, before, "a dry run removes nothing");
    let done = purge(&db.pool, scope(None, false)).await.unwrap();
    assert_eq!(promised, done, "a dry run says what would be");
    let after = counts(&db).await;
    for purged in &done {
        let gone = before[purged.table] - after[purged.table];
        assert_eq!(u64::try_from(gone).unwrap(), purged.rows, "{}", purged.table);
    }
    assert_eq!(ids(&db, "notifications").await, [13, 14, 15, 16, 17, 18, 19]);
    assert_eq!(ids(&db, "failover_segments").await, [1, 3, 4]);
    assert_eq!(ids(&db, "hosts").await, [1, 3, 4, 5]);
    assert_eq!(ids(&db, "incidents").await, [101, 102, 104]);
    assert_eq!(ids(&db, "requests").await, [3, 4]);
    assert_eq!(after["refused_reports"], 1);
    assert_eq!(
        (
            after["incident_events"],
            after["workflow_steps"],
            after["vmoves"],
            after["corroborations"]
        ),
        (7, 7, 13, 7)
    );
    assert_eq!(
        (
            after["host_states"],
            after["segment_networks"],
            after["modes"],
            after["leases"]
        ),
        (2, 1, 1, 5)
    );
    let again = purge(&db.pool, scope(None, false)).await.unwrap();
    assert!(again.iter().all(|purged| purged.rows == 0), "{again:?}");
}

/// Dead after each statement in turn: every run removes less than all, none leaves what hangs on a row that is gone.
#[tokio::test]
async fn on_mariadb_a_purge_that_is_killed_anywhere_is_gone_on_with() {
    let (Some(db), Some(whole)) = (cloud(Backend::MySql).await, cloud(Backend::MySql).await) else {
        return;
    };
    purge(&whole.pool, scope(None, false)).await.unwrap();
    let mut deaths = 0;
    loop {
        let cut = Cut::after(&db.url, 1, |sql| sql.starts_with("DELETE")).await;
        let ended = purge(&cut.pool, scope(None, false)).await;
        if !cut.is_dead() {
            ended.unwrap();
            break;
        }
        assert!(ended.is_err());
        deaths += 1;
        for (table, of) in [("vmoves", "notifications"), ("corroborations", "notifications")] {
            let sql =
                format!("SELECT 1 FROM {table} WHERE notification_uuid NOT IN (SELECT notification_uuid FROM {of})");
            let orphans = Statement::from_string(sea_orm::DbBackend::MySql, sql);
            assert!(
                db.pool.query_all_raw(orphans).await.unwrap().is_empty(),
                "{table}, death {deaths}"
            );
        }
    }
    assert!(deaths > 15, "{deaths}");
    assert_eq!(counts(&db).await, counts(&whole).await);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn no_more_rows_go_than_was_allowed_and_the_next_purge_goes_on(#[case] backend: Backend) {
    let Some(db) = cloud(backend).await else { return };
    let all: u64 = purge(&db.pool, scope(None, true))
        .await
        .unwrap()
        .iter()
        .map(|purged| purged.rows)
        .sum();
    let promised = purge(&db.pool, scope(Some(900), true)).await.unwrap();
    assert_eq!(promised.iter().map(|purged| purged.rows).sum::<u64>(), 900);
    let mut gone = 0;
    loop {
        let rows: u64 = purge(&db.pool, scope(Some(900), false))
            .await
            .unwrap()
            .iter()
            .map(|p| p.rows)
            .sum();
        if rows == 0 {
            break;
        }
        assert!(rows <= 900, "{rows}");
        gone += rows;
    }
    assert_eq!(gone, all);
    assert_eq!(ids(&db, "notifications").await, [13, 14, 15, 16, 17, 18, 19]);
}
