//! How notifications get in: once, whoever says it and wherever, and nobody who said it is forgotten.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may")]

use std::time::Duration;

use rstest::rstest;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;
use themis_core::{HostId, NotificationId, SegmentId};
use themis_db::store::Page;
use themis_db::store::corroborations::{REPORTERS_MAX, Reporter, corroboration_list};
use themis_db::store::hosts::{HostChange, NewHost, host_create, host_delete, host_get, host_update};
use themis_db::store::intake::{Accepted, notification_accept};
use themis_db::store::notifications::{
    NewNotification, NotificationFilter, notification_create, notification_duplicate, notification_get,
    notification_list,
};
use themis_db::store::refused_reports::REFUSED_MAX;
use themis_db::store::reports::report_list;
use themis_db::store::segments::{NewSegment, SegmentChange, segment_create, segment_delete, segment_update};
use themis_db::testing::{Backend, TestDatabase};
use themis_db::{NotificationKind, NotificationStatus, Pool, RecoveryMethod, ReportAnswer, StoreError, connect_url};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

const NOON: OffsetDateTime = datetime!(2026-11-20 12:00:00.654321 UTC);
const WINDOW: Duration = Duration::from_secs(180);

async fn one_host(pool: &Pool) -> (SegmentId, HostId) {
    let new = NewSegment {
        uuid: SegmentId(Uuid::new_v4()),
        name: format!("s-{}", Uuid::new_v4()),
        service_type: "COMPUTE".to_owned(),
        enabled: true,
        description: None,
        recovery_method: RecoveryMethod::Auto,
    };
    let segment_uuid = segment_create(pool, new, NOON).await.unwrap().uuid;
    let new = NewHost {
        uuid: HostId(Uuid::new_v4()),
        name: format!("h-{}", Uuid::new_v4()),
        segment_uuid,
        host_type: "COMPUTE".to_owned(),
        reserved: false,
        control_attributes: "SSH".to_owned(),
        on_maintenance: false,
    };
    (segment_uuid, host_create(pool, new, NOON).await.unwrap().uuid)
}

fn stopped(host: HostId, segment: SegmentId, seen: OffsetDateTime) -> NewNotification {
    NewNotification {
        uuid: NotificationId(Uuid::new_v4()),
        generated_time: seen,
        source_host_uuid: host,
        kind: NotificationKind::ComputeHost,
        payload: json!({"event": "STOPPED", "host_status": "NORMAL"}),
        status: NotificationStatus::New,
        segment_uuid: segment,
        message: None,
    }
}

fn reporter(number: u8) -> Reporter {
    Reporter {
        user_id: format!("user-{number}"),
        user_name: "masakari".to_owned(),
        address: [192, 0, 2, number].into(),
    }
}

async fn said(pool: &Pool, new: &NewNotification, by: u8, at: OffsetDateTime) -> Accepted {
    notification_accept(pool, new, &reporter(by), WINDOW, at).await.unwrap()
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn the_same_report_within_the_window_is_a_duplicate_and_a_differing_one_is_not(#[case] backend: Backend) {
    let Some(db) = TestDatabase::open(backend).await else {
        return;
    };
    let (segment, host) = one_host(&db.pool).await;
    let first = stopped(host, segment, NOON);
    let accepted = said(&db.pool, &first, 1, NOON).await;
    let Accepted::Stored(row) = accepted else {
        panic!("{accepted:?}")
    };
    assert_eq!(notification_get(&db.pool, first.uuid).await.unwrap(), Some(row.clone()));
    assert_eq!(
        (row.payload, row.generated_time),
        (first.payload.clone(), datetime!(2026-11-20 12:00:00 UTC))
    );
    let duplicate = |seen| {
        let new = stopped(host, segment, seen);
        let pool = db.pool.clone();
        async move { notification_duplicate(&pool, &new, WINDOW).await.unwrap() }
    };
    assert_eq!(duplicate(NOON + Duration::from_secs(179)).await, Some(first.uuid));
    assert_eq!(
        duplicate(NOON + Duration::from_secs(182)).await,
        None,
        "outside the window"
    );
    let late = duplicate(NOON - Duration::from_secs(3600)).await;
    assert_eq!(late, Some(first.uuid), "an old report that arrives late");
    let mut other = stopped(host, segment, NOON);
    other.payload = json!({"event": "STOPPED", "host_status": "NORMAL", "cluster_status": "OFFLINE"});
    assert_eq!(notification_duplicate(&db.pool, &other, WINDOW).await.unwrap(), None);

    // Equal as objects: the order of keys says nothing.
    let mut turned = stopped(host, segment, NOON);
    turned.payload = serde_json::from_str(r#"{"host_status": "NORMAL", "event": "STOPPED"}"#).unwrap();
    assert_eq!(said(&db.pool, &turned, 1, NOON).await, Accepted::Duplicate(first.uuid));
    // Whatever became of the first one.
    let ended = "UPDATE notifications SET status = 'finished'";
    db.pool.execute_unprepared(ended).await.unwrap();
    let again = stopped(host, segment, NOON);
    assert_eq!(said(&db.pool, &again, 1, NOON).await, Accepted::Duplicate(first.uuid));
    let listed = notification_list(&db.pool, &NotificationFilter::default(), &Page::default())
        .await
        .unwrap();
    assert_eq!(listed.len(), 1);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn a_report_is_found_again_behind_thousands_of_newer_ones(#[case] backend: Backend) {
    const NEWER: usize = 1100;
    let Some(db) = TestDatabase::open(backend).await else {
        return;
    };
    let (segment, host) = one_host(&db.pool).await;
    let oldest = stopped(host, segment, NOON);
    db.pool
        .transaction(async |txn| {
            notification_create(&txn, &oldest, NOON).await?;
            for number in 0..NEWER {
                let mut newer = stopped(host, segment, NOON);
                newer.payload["number"] = json!(number);
                notification_create(&txn, &newer, NOON).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let again = stopped(host, segment, NOON);
    assert_eq!(said(&db.pool, &again, 1, NOON).await, Accepted::Duplicate(oldest.uuid));
    // As another program wrote it.
    let sql = format!(
        "UPDATE notifications SET payload = '{{\"host_status\": \"NORMAL\", \"event\": \"STOPPED\"}}' \
         WHERE notification_uuid = '{}'",
        oldest.uuid
    );
    let changed = db
        .pool
        .execute_raw(Statement::from_string(db.pool.get_database_backend(), sql))
        .await
        .unwrap();
    assert_eq!(changed.rows_affected(), 1);
    assert_eq!(said(&db.pool, &again, 1, NOON).await, Accepted::Duplicate(oldest.uuid));
    let mut unheard = stopped(host, segment, NOON);
    unheard.payload["number"] = json!(NEWER);
    let accepted = said(&db.pool, &unheard, 1, NOON).await;
    assert!(matches!(accepted, Accepted::Stored(_)), "{accepted:?}");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn whoever_said_it_is_kept_also_who_was_refused(#[case] backend: Backend) {
    let Some(db) = TestDatabase::open(backend).await else {
        return;
    };
    let (segment, host) = one_host(&db.pool).await;
    let first = stopped(host, segment, NOON);
    assert!(matches!(said(&db.pool, &first, 1, NOON).await, Accepted::Stored(_)));
    let later = NOON + Duration::from_micros(5_000_007);
    for by in [2, 2, 1] {
        let again = stopped(host, segment, later);
        assert_eq!(said(&db.pool, &again, by, later).await, Accepted::Duplicate(first.uuid));
    }
    let maintenance = HostChange {
        on_maintenance: Some(true),
        ..HostChange::default()
    };
    host_update(&db.pool, host, maintenance, later).await.unwrap();
    let third = stopped(host, segment, later);
    assert_eq!(said(&db.pool, &third, 3, later).await, Accepted::UnderMaintenance);
    let mut unheard = stopped(host, segment, later);
    unheard.payload = json!({"event": "STARTED"});
    assert_eq!(said(&db.pool, &unheard, 3, later).await, Accepted::UnderMaintenance);
    assert_eq!(notification_get(&db.pool, unheard.uuid).await.unwrap(), None);
    assert_eq!(said(&db.pool, &unheard, 4, later).await, Accepted::UnderMaintenance);

    let kept = corroboration_list(&db.pool, first.uuid).await.unwrap();
    let shown: Vec<_> = kept
        .iter()
        .map(|row| (row.user_id.as_str(), row.address.as_str(), row.answer, row.reports))
        .collect();
    assert_eq!(
        shown,
        [
            ("user-1", "192.0.2.1", ReportAnswer::Accepted, 2),
            ("user-2", "192.0.2.2", ReportAnswer::Duplicate, 2),
            ("user-3", "192.0.2.3", ReportAnswer::Maintenance, 1),
        ]
    );
    // Nothing says the same as the other failure that this one reports: it is kept with the host.
    let refused: Vec<_> = report_list(&db.pool, host, 100)
        .await
        .unwrap()
        .into_iter()
        .filter(|report| report.notification_uuid.is_none())
        .map(|report| (report.by.user_id, report.payload, report.by.answer))
        .collect();
    let started = json!({"event": "STARTED"});
    assert!(refused.contains(&("user-3".to_owned(), started.clone(), ReportAnswer::Maintenance)));
    assert!(refused.contains(&("user-4".to_owned(), started, ReportAnswer::Maintenance)));
    assert_eq!(refused.len(), 2);
    assert_eq!(
        (kept[0].first_at, kept[0].last_at, kept[1].generated_time),
        (NOON, later, later)
    );
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn reporters_of_one_notification_are_bounded(#[case] backend: Backend) {
    let Some(db) = TestDatabase::open(backend).await else {
        return;
    };
    let (segment, host) = one_host(&db.pool).await;
    for by in 0..=u8::try_from(REPORTERS_MAX).unwrap() {
        said(&db.pool, &stopped(host, segment, NOON), by, NOON).await;
    }
    // One that is known counts on.
    said(&db.pool, &stopped(host, segment, NOON), 7, NOON).await;
    let notification = notification_list(&db.pool, &NotificationFilter::default(), &Page::default())
        .await
        .unwrap();
    let kept = corroboration_list(&db.pool, notification[0].uuid).await.unwrap();
    assert_eq!(kept.len(), usize::try_from(REPORTERS_MAX).unwrap());
    assert_eq!((kept[7].user_id.as_str(), kept[7].reports), ("user-7", 2));
    let all = Statement::from_string(db.pool.get_database_backend(), "SELECT id FROM corroborations");
    assert_eq!(db.pool.query_all_raw(all).await.unwrap().len(), kept.len());
}

async fn under_maintenance(pool: &Pool, host: HostId) {
    let maintenance = HostChange {
        on_maintenance: Some(true),
        ..HostChange::default()
    };
    host_update(pool, host, maintenance, NOON).await.unwrap();
}

/// A monitor that repeats every few seconds for days adds to a count; of reports that differ the last ones are kept.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn refused_reports_of_a_host_are_counted_and_bounded(#[case] backend: Backend) {
    let Some(db) = TestDatabase::open(backend).await else {
        return;
    };
    let (segment, host) = one_host(&db.pool).await;
    under_maintenance(&db.pool, host).await;
    for minute in 0..100 {
        let at = NOON + Duration::from_secs(600 * minute);
        assert_eq!(
            said(&db.pool, &stopped(host, segment, at), 1, at).await,
            Accepted::UnderMaintenance
        );
    }
    let kept = report_list(&db.pool, host, 1000).await.unwrap();
    assert_eq!(kept.len(), 1);
    let last = NOON + Duration::from_secs(600 * 99);
    assert_eq!(
        (kept[0].by.reports, kept[0].by.first_at, kept[0].by.last_at),
        (100, NOON, last)
    );
    assert_eq!(
        (kept[0].kind, &kept[0].payload["event"]),
        (NotificationKind::ComputeHost, &json!("STOPPED"))
    );

    for number in 0..=REFUSED_MAX {
        let mut vm = stopped(host, segment, NOON);
        vm.kind = NotificationKind::Vm;
        vm.payload = json!({"instance_uuid": Uuid::new_v4(), "number": number});
        let at = last + Duration::from_secs(number + 1);
        said(&db.pool, &vm, 1, at).await;
    }
    let kept = report_list(&db.pool, host, 1000).await.unwrap();
    assert_eq!(kept.len(), usize::try_from(REFUSED_MAX).unwrap());
    assert_eq!(kept[0].payload["number"], REFUSED_MAX, "last said first");
    assert_eq!(
        kept.last().unwrap().payload["number"],
        1,
        "the two that were said longest ago made room"
    );
    let all = Statement::from_string(db.pool.get_database_backend(), "SELECT id FROM refused_reports");
    assert_eq!(db.pool.query_all_raw(all).await.unwrap().len(), kept.len());
}

/// That the host stopped is a word for the incident that is open; what else is said of it is not.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn a_report_that_a_host_stopped_is_kept_with_its_open_incident(#[case] backend: Backend) {
    let Some(db) = TestDatabase::open(backend).await else {
        return;
    };
    let (segment, host) = one_host(&db.pool).await;
    let story = NotificationId(Uuid::new_v4());
    let incident = format!(
        "INSERT INTO incidents (uuid, host_uuid, host_name, segment_uuid, notification_uuid, status, opened_at) VALUES \
         ('{}', '{host}', 'h', '{segment}', '{story}', 'open', '2026-11-20 11:59:00')",
        Uuid::new_v4()
    );
    db.pool.execute_unprepared(&incident).await.unwrap();
    under_maintenance(&db.pool, host).await;
    let mut started = stopped(host, segment, NOON);
    started.payload = json!({"event": "STARTED"});
    for report in [stopped(host, segment, NOON), started] {
        assert_eq!(said(&db.pool, &report, 1, NOON).await, Accepted::UnderMaintenance);
    }
    let with_incident = corroboration_list(&db.pool, story).await.unwrap();
    assert_eq!(with_incident.len(), 1);
    assert_eq!(with_incident[0].answer, ReportAnswer::Maintenance);
    let with_host = report_list(&db.pool, host, 1000).await.unwrap();
    assert_eq!(with_host.len(), 1);
    assert_eq!(with_host[0].payload["event"], "STARTED");
}

/// Two processes, eight reporters each with two reports at the same time: one row each, everything counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb_refused_reports_that_come_at_once_are_counted_in_one_row_each() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let other_process = connect_url(db.url.clone()).await.unwrap();
    let (segment, host) = one_host(&db.pool).await;
    under_maintenance(&db.pool, host).await;
    let callers: Vec<_> = (0..32)
        .map(|number: u8| {
            let pool = if number.is_multiple_of(2) {
                db.pool.clone()
            } else {
                other_process.clone()
            };
            let new = stopped(host, segment, NOON + Duration::from_secs(1000 * u64::from(number)));
            tokio::spawn(async move { said(&pool, &new, number / 4, NOON).await })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), Accepted::UnderMaintenance);
    }
    let kept = report_list(&db.pool, host, 1000).await.unwrap();
    let counts: Vec<_> = kept.iter().map(|report| report.by.reports).collect();
    assert_eq!(counts, [4; 8]);
}

/// Each round is one report that eight monitors post to two processes, each with connections of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb_many_reporters_at_once_store_one_notification() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let other_process = connect_url(db.url.clone()).await.unwrap();
    let (segment, host) = one_host(&db.pool).await;
    for round in 0..10 {
        let seen = NOON + Duration::from_secs(1000 * round);
        let callers: Vec<_> = (0..8)
            .map(|by| {
                let pool = if by % 2 == 0 {
                    db.pool.clone()
                } else {
                    other_process.clone()
                };
                let new = stopped(host, segment, seen);
                tokio::spawn(async move { said(&pool, &new, by, seen).await })
            })
            .collect();
        let mut stored = Vec::new();
        for caller in callers {
            if let Accepted::Stored(row) = caller.await.unwrap() {
                stored.push(row.uuid);
            }
        }
        assert_eq!(stored.len(), 1, "round {round}");
        let kept = corroboration_list(&db.pool, stored[0]).await.unwrap();
        assert_eq!(kept.len(), 8, "round {round}: every reporter is kept");
    }
}

/// Either the report is first and the host stays, or the host is gone and the report is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb_no_report_is_stored_for_a_host_that_is_deleted_meanwhile() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let (mut refused, mut stored) = (0, 0);
    for round in 0..30 {
        let (segment, host) = one_host(&db.pool).await;
        let (pool, new) = (db.pool.clone(), stopped(host, segment, NOON));
        let post = tokio::spawn(async move { said(&pool, &new, 1, NOON).await });
        let pool = db.pool.clone();
        let delete = tokio::spawn(async move {
            if round % 2 == 0 {
                host_delete(&pool, host, NOON).await
            } else {
                segment_delete(&pool, segment, NOON).await
            }
        });
        match (post.await.unwrap(), delete.await.unwrap()) {
            (Accepted::Stored(_), Err(StoreError::InUse { .. })) => stored += 1,
            (Accepted::HostGone, Ok(())) => refused += 1,
            other => panic!("round {round}: {other:?}"),
        }
    }
    assert_eq!(stored + refused, 30);
}

/// Either the report is first and name and method stay, or the change is first and the report is stored after it.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn name_and_method_stay_from_the_moment_that_a_report_is_stored(#[case] backend: Backend) {
    let Some(db) = TestDatabase::open(backend).await else {
        return;
    };
    let (segment, host) = one_host(&db.pool).await;
    assert!(matches!(
        said(&db.pool, &stopped(host, segment, NOON), 1, NOON).await,
        Accepted::Stored(_)
    ));
    let name = Some("other".to_owned());
    let renamed = HostChange {
        name: name.clone(),
        ..HostChange::default()
    };
    let refused = host_update(&db.pool, host, renamed, NOON).await;
    assert!(
        matches!(refused, Err(StoreError::InUse { what: "host", .. })),
        "{refused:?}"
    );
    let touching = [
        SegmentChange {
            name,
            ..SegmentChange::default()
        },
        SegmentChange {
            recovery_method: Some(RecoveryMethod::RhPriority),
            ..SegmentChange::default()
        },
    ];
    for change in touching {
        let refused = segment_update(&db.pool, segment, change, NOON).await;
        assert!(
            matches!(refused, Err(StoreError::InUse { what: "segment", .. })),
            "{refused:?}"
        );
    }
    // What a held recovery needs mended may change, also beside the present name and method.
    let mended = HostChange {
        name: Some(host_get(&db.pool, host).await.unwrap().unwrap().name),
        reserved: Some(true),
        ..HostChange::default()
    };
    assert!(host_update(&db.pool, host, mended, NOON).await.unwrap().reserved);
    let same = SegmentChange {
        recovery_method: Some(RecoveryMethod::Auto),
        enabled: Some(false),
        ..SegmentChange::default()
    };
    assert!(!segment_update(&db.pool, segment, same, NOON).await.unwrap().enabled);
}
