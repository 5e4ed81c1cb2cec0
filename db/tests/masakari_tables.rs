//! Segments, hosts, notifications and vmoves: what the API does with them, on both kinds of database.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may")]

use std::time::Duration;

use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::json;
use themis_core::{HostId, NotificationId, SegmentId};
use themis_db::store::hosts::{
    HostChange, HostFilter, NewHost, host_create, host_delete, host_find_by_name, host_get, host_list, host_update,
};
use themis_db::store::notifications::{NewNotification, NotificationFilter, notification_create, notification_list};
use themis_db::store::segments::{
    NewSegment, SegmentChange, SegmentFilter, segment_create, segment_delete, segment_get, segment_in_use,
    segment_list, segment_update,
};
use themis_db::store::{Direction, Page};
use themis_db::testing::{Backend, TestDatabase};
use themis_db::{NotificationKind, NotificationStatus, Pool, RecoveryMethod, StoreError};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

const NOON: OffsetDateTime = datetime!(2026-11-20 12:00:00.654321 UTC);

fn segment(name: &str, method: RecoveryMethod) -> NewSegment {
    NewSegment {
        uuid: SegmentId(Uuid::new_v4()),
        name: name.to_owned(),
        service_type: "COMPUTE".to_owned(),
        enabled: true,
        description: None,
        recovery_method: method,
    }
}

fn host(name: &str, segment: SegmentId) -> NewHost {
    NewHost {
        uuid: HostId(Uuid::new_v4()),
        name: name.to_owned(),
        segment_uuid: segment,
        host_type: "COMPUTE".to_owned(),
        reserved: false,
        control_attributes: "SSH".to_owned(),
        on_maintenance: false,
    }
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

async fn one_host(pool: &Pool) -> (SegmentId, HostId) {
    let segment = segment_create(pool, segment("one", RecoveryMethod::Auto), NOON)
        .await
        .unwrap();
    let host = host_create(pool, host("compute-1", segment.uuid), NOON).await.unwrap();
    (segment.uuid, host.uuid)
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn a_segment_is_stored_changed_and_deleted_with_its_hosts(#[case] backend: Backend) {
    let Some(db) = TestDatabase::open(backend).await else {
        return;
    };
    let (uuid, host_uuid) = one_host(&db.pool).await;
    let made = segment_get(&db.pool, uuid).await.unwrap().unwrap();
    assert_eq!(
        (made.name.as_str(), made.recovery_method),
        ("one", RecoveryMethod::Auto)
    );
    assert_eq!(
        (made.created_at, made.updated_at),
        (Some(datetime!(2026-11-20 12:00:00 UTC)), None)
    );

    let change = SegmentChange {
        description: Some(Some("äußerst 🚀".to_owned())),
        ..SegmentChange::default()
    };
    let later = NOON + Duration::from_secs(5);
    let changed = segment_update(&db.pool, uuid, change, later).await.unwrap();
    assert_eq!(changed.description.as_deref(), Some("äußerst 🚀"));
    assert_eq!(segment_get(&db.pool, uuid).await.unwrap(), Some(changed.clone()));
    assert_eq!(changed.updated_at, Some(datetime!(2026-11-20 12:00:05 UTC)));
    assert_eq!(changed.name, "one");

    segment_delete(&db.pool, uuid, later).await.unwrap();
    assert_eq!(segment_get(&db.pool, uuid).await.unwrap(), None);
    assert_eq!(host_get(&db.pool, host_uuid).await.unwrap(), None);
    assert!(matches!(
        segment_delete(&db.pool, uuid, later).await,
        Err(StoreError::NotFound { what: "segment", .. })
    ));
    one_host(&db.pool).await;
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn names_are_unique_among_the_living_only(#[case] backend: Backend) {
    let Some(db) = TestDatabase::open(backend).await else {
        return;
    };
    let (uuid, host_uuid) = one_host(&db.pool).await;
    let again = segment_create(&db.pool, segment("one", RecoveryMethod::Auto), NOON).await;
    assert!(matches!(again, Err(StoreError::AlreadyExists { what: "segment" })));
    let other = segment_create(&db.pool, segment("two", RecoveryMethod::Auto), NOON)
        .await
        .unwrap();
    let taken = SegmentChange {
        name: Some("one".to_owned()),
        ..SegmentChange::default()
    };
    let renamed = segment_update(&db.pool, other.uuid, taken, NOON).await;
    assert!(matches!(renamed, Err(StoreError::AlreadyExists { what: "segment" })));

    let twice = host_create(&db.pool, host("compute-1", other.uuid), NOON).await;
    assert!(
        matches!(twice, Err(StoreError::AlreadyExists { what: "host" })),
        "a name is taken in every segment"
    );
    host_delete(&db.pool, host_uuid, NOON).await.unwrap();
    host_create(&db.pool, host("compute-1", other.uuid), NOON)
        .await
        .unwrap();
    let gone = host_update(&db.pool, host_uuid, HostChange::default(), NOON).await;
    assert!(matches!(gone, Err(StoreError::NotFound { what: "host", .. })));

    segment_delete(&db.pool, uuid, NOON).await.unwrap();
    let orphan = host_create(&db.pool, host("compute-2", uuid), NOON).await;
    assert!(matches!(orphan, Err(StoreError::NotFound { what: "segment", .. })));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn hosts_are_filtered_changed_and_found_by_their_exact_name(#[case] backend: Backend) {
    let Some(db) = TestDatabase::open(backend).await else {
        return;
    };
    let (segment_uuid, host_uuid) = one_host(&db.pool).await;
    let reserve = NewHost {
        reserved: true,
        ..host("compute-2", segment_uuid)
    };
    host_create(&db.pool, reserve, NOON).await.unwrap();

    let reserved = HostFilter {
        segment_uuid: Some(segment_uuid),
        reserved: Some(true),
        ..HostFilter::default()
    };
    let names: Vec<String> = host_list(&db.pool, &reserved, &Page::default())
        .await
        .unwrap()
        .into_iter()
        .map(|h| h.name)
        .collect();
    assert_eq!(names, ["compute-2"]);

    let change = HostChange {
        on_maintenance: Some(true),
        ..HostChange::default()
    };
    let changed = host_update(&db.pool, host_uuid, change, NOON).await.unwrap();
    assert!(changed.on_maintenance && !changed.reserved && changed.control_attributes == "SSH");
    assert_eq!(host_find_by_name(&db.pool, "compute-1").await.unwrap(), Some(changed));
    for near in ["COMPUTE-1", "compute-1 ", "compute"] {
        assert_eq!(host_find_by_name(&db.pool, near).await.unwrap(), None, "'{near}'");
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn a_segment_is_in_use_while_a_living_host_of_it_has_an_unsettled_notification(#[case] backend: Backend) {
    let Some(db) = TestDatabase::open(backend).await else {
        return;
    };
    let (segment, host) = one_host(&db.pool).await;
    for status in NotificationStatus::ALL {
        let new = NewNotification {
            status: *status,
            ..stopped(host, segment, NOON)
        };
        let stored = notification_create(&db.pool, &new, NOON).await.unwrap();
        let unsettled = matches!(
            status,
            NotificationStatus::New | NotificationStatus::Running | NotificationStatus::Error
        );
        assert_eq!(segment_in_use(&db.pool, segment).await.unwrap(), unsettled, "{status}");
        let hide = format!("UPDATE notifications SET deleted = id WHERE id = {}", stored.id);
        sea_orm::ConnectionTrait::execute_unprepared(&db.pool, &hide)
            .await
            .unwrap();
    }
    notification_create(&db.pool, &stopped(host, segment, NOON), NOON)
        .await
        .unwrap();
    assert!(segment_in_use(&db.pool, segment).await.unwrap());
    assert!(matches!(
        host_delete(&db.pool, host, NOON).await,
        Err(StoreError::InUse { .. })
    ));
    assert!(matches!(
        segment_delete(&db.pool, segment, NOON).await,
        Err(StoreError::InUse { .. })
    ));
    db.pool
        .execute_unprepared("UPDATE notifications SET status = 'finished'")
        .await
        .unwrap();
    host_delete(&db.pool, host, NOON).await.unwrap();
}

/// Walking a list by markers gives what the whole list gives, for every sort key and direction.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn pages_joined_by_markers_are_the_whole_list(#[case] backend: Backend) {
    let Some(db) = TestDatabase::open(backend).await else {
        return;
    };
    for (number, method) in RecoveryMethod::ALL.iter().cycle().take(11).enumerate() {
        let at = NOON + Duration::from_secs(number as u64 / 3);
        let description = (number % 4 > 0).then(|| format!("text {}", number % 3));
        let new = NewSegment {
            description,
            enabled: number % 2 == 0,
            ..segment(&format!("s{number}"), *method)
        };
        let made = segment_create(&db.pool, new, at).await.unwrap();
        if number % 3 == 0 {
            segment_update(&db.pool, made.uuid, SegmentChange::default(), at)
                .await
                .unwrap();
        }
    }
    for key in [
        "id",
        "name",
        "description",
        "recovery_method",
        "enabled",
        "updated_at",
        "created_at",
        "deleted_at",
    ] {
        for direction in [Direction::Asc, Direction::Desc] {
            let sort = vec![(key.to_owned(), direction)];
            let list = |marker, limit| {
                let page = Page {
                    sort: sort.clone(),
                    marker,
                    limit,
                };
                let pool = db.pool.clone();
                async move { segment_list(&pool, &SegmentFilter::default(), &page).await.unwrap() }
            };
            let whole = list(None, 1000).await;
            assert_eq!(whole.len(), 11);
            let mut walked = list(None, 2).await;
            // More steps than a right walk needs, and an end for a wrong one.
            for _ in 0..whole.len() {
                let last = walked.last().map(|row| row.id);
                walked.extend(list(last, 2).await);
            }
            assert_eq!(walked, whole, "{key} {direction:?}");
        }
    }
    let by_method = Page {
        sort: vec![("recovery_method".to_owned(), Direction::Asc)],
        ..Page::default()
    };
    let methods: Vec<_> = segment_list(&db.pool, &SegmentFilter::default(), &by_method)
        .await
        .unwrap();
    assert!(
        methods.is_sorted_by_key(|row| row.recovery_method),
        "in the order of the set, not of the alphabet"
    );
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn bad_sort_keys_and_markers_are_told_apart(#[case] backend: Backend) {
    let Some(db) = TestDatabase::open(backend).await else {
        return;
    };
    one_host(&db.pool).await;
    let none = Page {
        limit: 0,
        ..Page::default()
    };
    assert!(
        segment_list(&db.pool, &SegmentFilter::default(), &none)
            .await
            .unwrap()
            .is_empty()
    );
    for key in ["bogus", "createdAt", "hosts", ""] {
        let page = Page {
            sort: vec![(key.to_owned(), Direction::Asc)],
            ..Page::default()
        };
        let error = segment_list(&db.pool, &SegmentFilter::default(), &page)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, StoreError::UnknownSortKey { key: k } if k == key),
            "{error}"
        );
    }
    for marker in [99, 5_000_000_000, -1] {
        let page = Page {
            marker: Some(marker),
            ..Page::default()
        };
        let error = segment_list(&db.pool, &SegmentFilter::default(), &page)
            .await
            .unwrap_err();
        assert!(
            matches!(error, StoreError::MarkerNotFound { marker: m } if m == marker),
            "{error}"
        );
    }
    let page = Page {
        sort: vec![("uuid".to_owned(), Direction::Asc)],
        ..Page::default()
    };
    assert!(
        notification_list(&db.pool, &NotificationFilter::default(), &page)
            .await
            .is_err()
    );
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn notifications_are_filtered_by_raw_texts(#[case] backend: Backend) {
    let Some(db) = TestDatabase::open(backend).await else {
        return;
    };
    let (segment, host) = one_host(&db.pool).await;
    notification_create(&db.pool, &stopped(host, segment, NOON), NOON)
        .await
        .unwrap();
    let count = |filter: NotificationFilter| {
        let pool = db.pool.clone();
        async move { notification_list(&pool, &filter, &Page::default()).await.unwrap().len() }
    };
    let of = |status: &str, kind: &str, source: String| NotificationFilter {
        status: Some(status.to_owned()),
        kind: Some(kind.to_owned()),
        source_host_uuid: Some(source),
        generated_since: None,
    };
    assert_eq!(count(of("new", "COMPUTE_HOST", host.to_string())).await, 1);
    assert_eq!(count(of("no such status", "COMPUTE_HOST", host.to_string())).await, 0);
    assert_eq!(count(of("new", "VM", host.to_string())).await, 0);
    assert_eq!(count(of("new", "COMPUTE_HOST", "not a uuid".to_owned())).await, 0);
    let since = |at| NotificationFilter {
        generated_since: Some(at),
        ..NotificationFilter::default()
    };
    assert_eq!(count(since(datetime!(2026-11-20 12:00:00 UTC))).await, 1);
    assert_eq!(count(since(datetime!(2026-11-20 12:00:01 UTC))).await, 0);
}
