//! What only the engine writes: always under an epoch, never over somebody else's word.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may")]

use std::collections::BTreeMap;

use rstest::rstest;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use themis_core::network::Importance;
use themis_core::{
    Epoch, HostId, HostState, IncidentId, InstanceId, Mode, NetworkName, NotificationId, PowerDeviceId, Reason,
    RequestId, SegmentId, VmoveId,
};
use themis_db::lease::{epoch_transaction, lease_read, lease_take};
use themis_db::store::Page;
use themis_db::store::host_states::{HostStateRow, host_state_get, host_state_put_in_txn};
use themis_db::store::hosts::{NewHost, host_create};
use themis_db::store::incident_events::{NewEvent, event_append_in_txn, event_list};
use themis_db::store::incidents::{
    IncidentChange, IncidentFilter, NewIncident, incident_close_in_txn, incident_get, incident_list,
    incident_open_in_txn, incident_update_in_txn,
};
use themis_db::store::modes::{ModeRow, ModeScope, mode_put_in_txn, mode_read};
use themis_db::store::power_devices::{
    Acceptance, PowerDevice, power_device_accept, power_device_create, power_device_delete, power_device_list,
};
use themis_db::store::requests::{Request, request_create, request_done_in_txn, request_get};
use themis_db::store::segment_networks::{segment_network_list, segment_network_replace};
use themis_db::store::segments::{NewSegment, segment_create};
use themis_db::store::snapshot::snapshot_load;
use themis_db::store::vmoves::{Vmove, VmoveFilter, vmove_get, vmove_list, vmove_put_in_txn};
use themis_db::store::workflow_steps::{NewStep, step_append_in_txn, step_list};
use themis_db::testing::{Backend, TestDatabase};
use themis_db::{Advice, RecoveryMethod, RequestKind, RequestStatus, StepEvent, StoreError, VmoveKind, VmoveStatus};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

const NOON: OffsetDateTime = datetime!(2026-11-20 12:00:00.654321 UTC);
const ENGINE: &str = "engine-a";

async fn leader(backend: Backend) -> Option<(TestDatabase, Epoch)> {
    let database = TestDatabase::open(backend).await?;
    let epoch = lease_take(&database.pool, ENGINE, None).await.unwrap().unwrap();
    Some((database, epoch))
}

fn state(host: HostId, generation: i64) -> HostStateRow {
    HostStateRow {
        host_uuid: host,
        state: HostState::Checking,
        since: NOON,
        reason: Reason::new("network_bad", "storage is bad").with(json!({"accusers": 3})),
        generation,
        incident_uuid: Some(IncidentId(Uuid::new_v4())),
        detail: json!({"timers": [1, 2]}),
        view: json!({"protected": true, "protected_reasons": []}),
        updated_at: NOON,
    }
}

async fn host(db: &TestDatabase, name: &str) -> HostId {
    let segment = NewSegment {
        uuid: SegmentId(Uuid::new_v4()),
        name: name.to_owned(),
        service_type: "COMPUTE".to_owned(),
        enabled: true,
        description: None,
        recovery_method: RecoveryMethod::Auto,
    };
    let host = NewHost {
        uuid: HostId(Uuid::new_v4()),
        name: name.to_owned(),
        segment_uuid: segment_create(&db.pool, segment, NOON).await.unwrap().uuid,
        host_type: "COMPUTE".to_owned(),
        reserved: false,
        control_attributes: "SSH".to_owned(),
        on_maintenance: false,
    };
    host_create(&db.pool, host, NOON).await.unwrap().uuid
}

fn incident() -> NewIncident {
    NewIncident {
        uuid: IncidentId(Uuid::new_v4()),
        host_uuid: HostId(Uuid::new_v4()),
        host_name: "compute-1".to_owned(),
        segment_uuid: SegmentId(Uuid::new_v4()),
        notification_uuid: None,
        summary: None,
        opened_at: NOON,
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn a_host_state_replaces_only_the_generation_that_was_read(#[case] backend: Backend) {
    let Some((db, epoch)) = leader(backend).await else {
        return;
    };
    let host = HostId(Uuid::new_v4());
    let put = |row: HostStateRow, expected| {
        let pool = db.pool.clone();
        async move {
            epoch_transaction(&pool, ENGINE, epoch, async |txn| {
                host_state_put_in_txn(&txn, &row, expected).await
            })
            .await
        }
    };
    put(state(host, 1), None).await.unwrap();
    assert_eq!(
        host_state_get(&db.pool, host).await.unwrap().unwrap().since,
        NOON,
        "to the microsecond"
    );
    assert!(matches!(put(state(host, 1), None).await, Err(StoreError::Stale { .. })));
    let second = HostStateRow {
        state: HostState::Failed,
        ..state(host, 2)
    };
    put(second.clone(), Some(1)).await.unwrap();
    let late = put(state(host, 3), Some(1)).await.unwrap_err();
    assert!(
        matches!(&late, StoreError::Stale { .. }) && late.advice() == Advice::GiveUp,
        "{late}"
    );
    assert_eq!(host_state_get(&db.pool, host).await.unwrap(), Some(second));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn nothing_of_a_former_leaders_transaction_remains(#[case] backend: Backend) {
    let Some((db, old)) = leader(backend).await else { return };
    let seen = lease_read(&db.pool).await.unwrap().unwrap();
    let new = lease_take(&db.pool, "engine-b", Some(&seen)).await.unwrap().unwrap();
    assert!(new > old);

    let opened = incident();
    let write = |holder: &'static str, epoch: Epoch, opened: NewIncident| {
        let pool = db.pool.clone();
        async move {
            epoch_transaction(&pool, holder, epoch, async |txn| {
                incident_open_in_txn(&txn, &opened).await
            })
            .await
        }
    };
    for (holder, epoch) in [(ENGINE, old), (ENGINE, new), ("engine-b", old)] {
        let error = write(holder, epoch, opened.clone()).await.unwrap_err();
        assert!(
            matches!(error, StoreError::LeaseLost { .. }),
            "{holder} {epoch}: {error}"
        );
    }
    assert_eq!(incident_get(&db.pool, opened.uuid).await.unwrap(), None);
    let beat = lease_read(&db.pool).await.unwrap().unwrap().beat;
    write("engine-b", new, opened.clone()).await.unwrap();
    assert!(incident_get(&db.pool, opened.uuid).await.unwrap().is_some());
    assert_eq!(
        lease_read(&db.pool).await.unwrap().unwrap().beat,
        beat + 1,
        "a commit is a renewal"
    );
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn a_failing_transaction_leaves_nothing_behind(#[case] backend: Backend) {
    let Some((db, epoch)) = leader(backend).await else {
        return;
    };
    let opened = incident();
    let beat = lease_read(&db.pool).await.unwrap().unwrap().beat;
    let outcome: Result<(), StoreError> = epoch_transaction(&db.pool, ENGINE, epoch, async |txn| {
        incident_open_in_txn(&txn, &opened).await?;
        incident_open_in_txn(&txn, &opened).await
    })
    .await;
    assert!(matches!(outcome, Err(StoreError::AlreadyExists { what: "incident" })));
    assert_eq!(incident_get(&db.pool, opened.uuid).await.unwrap(), None);
    assert_eq!(lease_read(&db.pool).await.unwrap().unwrap().beat, beat);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn an_incident_is_told_from_its_events_and_steps_in_order(#[case] backend: Backend) {
    let Some((db, epoch)) = leader(backend).await else {
        return;
    };
    let new = incident();
    let (uuid, host) = (new.uuid, new.host_uuid);
    let events: Vec<NewEvent> = (0..5)
        .map(|n| NewEvent {
            incident_uuid: uuid,
            host_uuid: host,
            at: NOON,
            kind: format!("kind_{n}"),
            reason: Reason::new("why", "because").with(json!({"n": n})),
        })
        .collect();
    let step = |event, attempt| NewStep {
        owner: uuid.into(),
        step: "evacuate".to_owned(),
        subject: "instance".to_owned(),
        attempt,
        event,
        payload: json!({"dest": null}),
        at: NOON,
    };
    let steps = [step(StepEvent::Started, 1), step(StepEvent::Indeterminate, 1)];
    epoch_transaction(&db.pool, ENGINE, epoch, async |txn| {
        incident_open_in_txn(&txn, &new).await?;
        event_append_in_txn(&txn, &events).await?;
        event_append_in_txn(&txn, &[]).await?;
        step_append_in_txn(&txn, &steps).await
    })
    .await
    .unwrap();

    let all = event_list(&db.pool, uuid, 0, 1000).await.unwrap();
    let kinds: Vec<_> = all.iter().map(|e| e.kind.clone()).collect();
    assert_eq!(kinds, ["kind_0", "kind_1", "kind_2", "kind_3", "kind_4"]);
    assert_eq!((all[0].engine.as_str(), all[0].epoch, all[0].at), (ENGINE, epoch, NOON));
    assert_eq!(event_list(&db.pool, uuid, all[2].id, 1).await.unwrap(), all[3..4]);
    let log = step_list(&db.pool, uuid).await.unwrap();
    assert_eq!(log.iter().map(|row| row.entry.clone()).collect::<Vec<_>>(), steps);

    let snapshot = snapshot_load(&db.pool).await.unwrap();
    assert_eq!((snapshot.incidents.len(), snapshot.steps), (1, log));
    let ended = Reason::new("recovered", "all instances are back");
    let close = async || {
        epoch_transaction(&db.pool, ENGINE, epoch, async |txn| {
            incident_close_in_txn(&txn, uuid, "recovered", &ended, NOON).await
        })
        .await
    };
    close().await.unwrap();
    assert!(
        matches!(close().await, Err(StoreError::NotFound { .. })),
        "an incident ends once"
    );
    let closed = incident_get(&db.pool, uuid).await.unwrap().unwrap();
    assert_eq!(
        (closed.outcome.as_deref(), closed.closed_at, closed.summary),
        (Some("recovered"), Some(NOON), Some(ended.clone()))
    );
    let snapshot = snapshot_load(&db.pool).await.unwrap();
    assert!(snapshot.incidents.is_empty() && snapshot.steps.is_empty());
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn incidents_are_listed_by_host_and_status_and_changed_while_open(#[case] backend: Backend) {
    let Some((db, epoch)) = leader(backend).await else {
        return;
    };
    let (first, second) = (
        incident(),
        NewIncident {
            host_name: "compute-2".to_owned(),
            ..incident()
        },
    );
    let notification = NotificationId(Uuid::new_v4());
    let change = IncidentChange {
        notification_uuid: Some(notification),
        summary: None,
    };
    epoch_transaction(&db.pool, ENGINE, epoch, async |txn| {
        incident_open_in_txn(&txn, &first).await?;
        incident_open_in_txn(&txn, &second).await?;
        incident_update_in_txn(&txn, first.uuid, &change).await?;
        incident_update_in_txn(&txn, first.uuid, &IncidentChange::default()).await?;
        incident_close_in_txn(&txn, second.uuid, "withdrawn", &Reason::new("w", "w"), NOON).await
    })
    .await
    .unwrap();
    let list = |filter: IncidentFilter| {
        let pool = db.pool.clone();
        async move {
            incident_list(&pool, &filter, 10)
                .await
                .unwrap()
                .into_iter()
                .map(|i| i.uuid)
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(
        list(IncidentFilter::default()).await,
        [second.uuid, first.uuid],
        "newest first"
    );
    let open = IncidentFilter {
        status: Some(themis_db::IncidentStatus::Open),
        ..IncidentFilter::default()
    };
    assert_eq!(list(open).await, [first.uuid]);
    let named = IncidentFilter {
        host_name: Some("compute-2".to_owned()),
        ..IncidentFilter::default()
    };
    assert_eq!(list(named).await, [second.uuid]);
    assert_eq!(
        incident_get(&db.pool, first.uuid)
            .await
            .unwrap()
            .unwrap()
            .notification_uuid,
        Some(notification)
    );
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn a_vmove_is_written_again_over_itself(#[case] backend: Backend) {
    let Some((db, epoch)) = leader(backend).await else {
        return;
    };
    let notification = NotificationId(Uuid::new_v4());
    let mut vmove = Vmove {
        uuid: VmoveId(Uuid::new_v4()),
        notification_uuid: notification,
        instance_uuid: InstanceId(Uuid::new_v4()),
        instance_name: "web".to_owned(),
        source_host: Some("compute-1".to_owned()),
        dest_host: None,
        start_time: Some(NOON),
        end_time: None,
        kind: VmoveKind::Evacuation,
        status: VmoveStatus::Ongoing,
        message: None,
    };
    let put = async |vmove: &Vmove| {
        epoch_transaction(&db.pool, ENGINE, epoch, async |txn| {
            vmove_put_in_txn(&txn, vmove, NOON).await
        })
        .await
        .unwrap();
    };
    put(&vmove).await;
    vmove.status = VmoveStatus::Succeeded;
    vmove.dest_host = Some("compute-2".to_owned());
    put(&vmove).await;
    let rows = vmove_list(&db.pool, notification, &VmoveFilter::default(), &Page::default())
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].vmove.status, rows[0].vmove.dest_host.as_deref()),
        (VmoveStatus::Succeeded, Some("compute-2"))
    );
    assert!(rows[0].updated_at.is_some());
    assert_eq!(vmove_get(&db.pool, vmove.uuid).await.unwrap().unwrap(), rows[0]);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn a_power_device_is_registered_once(#[case] backend: Backend) {
    let Some((db, _)) = leader(backend).await else { return };
    let device = |host: HostId, system: &str| PowerDevice {
        uuid: PowerDeviceId(Uuid::new_v4()),
        host_uuid: host,
        driver: "ipmi".to_owned(),
        address: "10.0.0.7".to_owned(),
        port: 623,
        system: system.to_owned(),
        level: 1,
        username: "admin".to_owned(),
        secret: SecretString::from("sealed"),
        accepted: None,
    };
    let (one, two) = (host(&db, "compute-1").await, host(&db, "compute-2").await);
    let gone = power_device_create(&db.pool, &device(HostId(Uuid::new_v4()), ""), NOON).await;
    assert!(matches!(gone, Err(StoreError::NotFound { what: "host", .. })));
    let made = power_device_create(&db.pool, &device(one, ""), NOON).await.unwrap();
    assert!(!format!("{made:?}").contains("sealed"));
    let again = power_device_create(&db.pool, &device(two, ""), NOON).await;
    assert!(matches!(again, Err(StoreError::AlreadyExists { what: "power device" })));
    power_device_create(&db.pool, &device(two, "outlet-a"), NOON)
        .await
        .unwrap();
    power_device_create(&db.pool, &device(two, "outlet-A"), NOON)
        .await
        .unwrap();

    let acceptance = Acceptance {
        user: "anna".to_owned(),
        reason: "old board".to_owned(),
        at: NOON,
    };
    assert_eq!(power_device_accept(&db.pool, two, &acceptance).await.unwrap(), 2);
    let listed = power_device_list(&db.pool, two).await.unwrap();
    assert_eq!(listed[1].device.accepted, Some(acceptance));
    assert_eq!(listed[1].device.secret.expose_secret(), "sealed");
    assert!(
        power_device_list(&db.pool, one).await.unwrap()[0]
            .device
            .accepted
            .is_none()
    );

    let wrong_host = power_device_delete(&db.pool, two, made.device.uuid).await;
    assert!(matches!(
        wrong_host,
        Err(StoreError::NotFound {
            what: "power device",
            ..
        })
    ));
    power_device_delete(&db.pool, one, made.device.uuid).await.unwrap();
    power_device_create(&db.pool, &device(two, ""), NOON).await.unwrap();
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn a_request_is_settled_once(#[case] backend: Backend) {
    let Some((db, epoch)) = leader(backend).await else {
        return;
    };
    let request = Request {
        uuid: RequestId(Uuid::new_v4()),
        kind: RequestKind::ConfirmDead,
        host_uuid: Some(HostId(Uuid::new_v4())),
        args: json!({}),
        reason: "I stand before it".to_owned(),
        user_id: "u1".to_owned(),
        user_name: "anna".to_owned(),
    };
    let made = request_create(&db.pool, &request, NOON).await.unwrap();
    assert_eq!(
        (made.status, &made.request, made.created_at),
        (RequestStatus::New, &request, NOON)
    );
    assert_eq!(snapshot_load(&db.pool).await.unwrap().requests, [made]);
    let answer = Reason::new("refused", "it still reports");
    let settle = async || {
        epoch_transaction(&db.pool, ENGINE, epoch, async |txn| {
            request_done_in_txn(&txn, request.uuid, RequestStatus::Refused, &answer, NOON).await
        })
        .await
    };
    settle().await.unwrap();
    assert!(matches!(settle().await, Err(StoreError::Stale { what: "request", .. })));
    let settled = request_get(&db.pool, request.uuid).await.unwrap().unwrap();
    assert_eq!(
        (settled.status, settled.answer, settled.handled_at),
        (RequestStatus::Refused, Some(answer.clone()), Some(NOON))
    );
    assert!(snapshot_load(&db.pool).await.unwrap().requests.is_empty());
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn an_installation_observes_until_somebody_arms_it(#[case] backend: Backend) {
    let Some((db, epoch)) = leader(backend).await else {
        return;
    };
    let segment = SegmentId(Uuid::new_v4());
    assert_eq!(mode_read(&db.pool).await.unwrap().of(segment), Mode::Observe);
    let put = async |scope, mode| {
        let row = ModeRow {
            scope,
            mode,
            since: NOON,
            changed_by: "anna".to_owned(),
        };
        epoch_transaction(&db.pool, ENGINE, epoch, async |txn| mode_put_in_txn(&txn, &row).await)
            .await
            .unwrap();
    };
    put(ModeScope::Global, Mode::Armed).await;
    put(ModeScope::Segment(segment), Mode::Armed).await;
    put(ModeScope::Segment(segment), Mode::Observe).await;
    let modes = mode_read(&db.pool).await.unwrap();
    assert_eq!(
        (modes.of(segment), modes.of(SegmentId(Uuid::new_v4()))),
        (Mode::Observe, Mode::Armed)
    );
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::MySql)]
#[tokio::test]
async fn a_segments_network_table_is_replaced_as_a_whole(#[case] backend: Backend) {
    let Some((db, _)) = leader(backend).await else { return };
    let segment = SegmentId(Uuid::new_v4());
    let table = |names: &[(&str, Importance)]| -> BTreeMap<NetworkName, Importance> {
        names
            .iter()
            .map(|(name, importance)| (NetworkName::new(*name), *importance))
            .collect()
    };
    let first = table(&[("storage", Importance::Critical), ("management", Importance::Tolerated)]);
    segment_network_replace(&db.pool, segment, &first).await.unwrap();
    assert_eq!(segment_network_list(&db.pool, segment).await.unwrap(), first);
    let second = table(&[("tenant", Importance::Critical)]);
    segment_network_replace(&db.pool, segment, &second).await.unwrap();
    assert_eq!(segment_network_list(&db.pool, segment).await.unwrap(), second);
    assert_eq!(
        snapshot_load(&db.pool).await.unwrap().segment_networks.get(&segment),
        Some(&second)
    );
    segment_network_replace(&db.pool, segment, &BTreeMap::new())
        .await
        .unwrap();
    assert!(segment_network_list(&db.pool, segment).await.unwrap().is_empty());
}
