//! One suite for every store: the one in memory, and the real one on MariaDB where `THEMIS_TEST_MYSQL_URL` names a server.

use async_trait::async_trait;
use serde_json::json;
use themis_core::{
    Epoch, HostId, HostState, IncidentId, InstanceId, Mode, NotificationId, Reason, RequestId, SegmentId, VmoveId,
};
use themis_db::store::hosts::{NewHost, host_create};
use themis_db::store::notifications::{NewNotification, notification_create};
use themis_db::store::requests::{Request, request_create};
use themis_db::store::segments::{NewSegment, segment_create};
use themis_db::testing::{Backend, TestDatabase};
use themis_db::words::{NotificationKind, NotificationStatus, RecoveryMethod, RequestKind};
use themis_decision::notified;
use themis_decision::recovery::{Step, StepEvent, StepRow};
use themis_engine::adapters::store::DatabaseStore;
use themis_engine::ports::Store;
use themis_engine::ports::store::{
    Snapshot, StoreError, StoredHost, StoredNotification, StoredRequest, StoredSegment, StoredState, VmoveRow, Write,
};
use themis_sim::store::MemoryStore;
use themis_sim::store::tables::NotificationRow;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

const AT: OffsetDateTime = datetime!(2026-03-01 12:00:00.123456 UTC);
/// As Masakari's own tables keep it.
const SECOND: OffsetDateTime = datetime!(2026-03-01 12:00:00 UTC);

/// A store with the API's hand: what the engine never writes.
#[async_trait]
trait Bench {
    fn store(&self) -> &dyn Store;
    async fn segment(&self) -> SegmentId;
    async fn host(&self, segment: SegmentId) -> HostId;
    async fn notify(&self, kind: NotificationKind, host: HostId, segment: SegmentId) -> NotificationId;
    async fn request(&self, host: HostId) -> RequestId;
}

struct Memory(MemoryStore);

#[async_trait]
impl Bench for Memory {
    fn store(&self) -> &dyn Store {
        &self.0
    }
    async fn segment(&self) -> SegmentId {
        let id = SegmentId(Uuid::new_v4());
        let row = StoredSegment {
            id,
            name: "pool".to_owned(),
            enabled: true,
            networks: Vec::new(),
            recovery_method: RecoveryMethod::RhPriority.name().to_owned(),
        };
        self.0.tables(|tables| drop(tables.segments.insert(id, row)));
        id
    }
    async fn host(&self, segment: SegmentId) -> HostId {
        let id = HostId(Uuid::new_v4());
        let row = StoredHost {
            id,
            name: "compute-1".to_owned(),
            segment,
            on_maintenance: false,
            state: None,
            devices: Vec::new(),
        };
        self.0.tables(|tables| drop(tables.hosts.insert(id, row)));
        id
    }
    async fn notify(&self, kind: NotificationKind, host: HostId, _: SegmentId) -> NotificationId {
        let id = NotificationId(Uuid::new_v4());
        let row = StoredNotification {
            id,
            host,
            kind: kind.name().to_owned(),
            payload: json!({"event": "STOPPED"}),
            generated: SECOND,
        };
        let row = NotificationRow {
            row,
            status: "new".to_owned(),
            message: None,
            updated: None,
        };
        self.0.tables(|tables| tables.notifications.push(row));
        id
    }
    async fn request(&self, host: HostId) -> RequestId {
        let id = RequestId(Uuid::new_v4());
        let row = StoredRequest {
            id,
            kind: "retry".to_owned(),
            host: Some(host),
            args: json!({}),
            reason: "why".to_owned(),
            user: "ann".to_owned(),
        };
        self.0.tables(|tables| tables.requests.push((row, None)));
        id
    }
}

struct Database {
    test: TestDatabase,
    store: DatabaseStore,
}

#[async_trait]
impl Bench for Database {
    fn store(&self) -> &dyn Store {
        &self.store
    }
    async fn segment(&self) -> SegmentId {
        let uuid = SegmentId(Uuid::new_v4());
        let new = NewSegment {
            uuid,
            name: "pool".to_owned(),
            service_type: "COMPUTE".to_owned(),
            enabled: true,
            description: None,
            recovery_method: RecoveryMethod::RhPriority,
        };
        segment_create(&self.test.pool, new, AT).await.expect("a segment");
        uuid
    }
    async fn host(&self, segment: SegmentId) -> HostId {
        let uuid = HostId(Uuid::new_v4());
        let new = NewHost {
            uuid,
            name: "compute-1".to_owned(),
            segment_uuid: segment,
            host_type: "COMPUTE".to_owned(),
            reserved: false,
            control_attributes: "none".to_owned(),
            on_maintenance: false,
        };
        host_create(&self.test.pool, new, AT).await.expect("a host");
        uuid
    }
    async fn notify(&self, kind: NotificationKind, host: HostId, segment: SegmentId) -> NotificationId {
        let uuid = NotificationId(Uuid::new_v4());
        let new = NewNotification {
            uuid,
            generated_time: AT,
            source_host_uuid: host,
            kind,
            payload: json!({"event": "STOPPED"}),
            status: NotificationStatus::New,
            segment_uuid: segment,
            message: None,
        };
        notification_create(&self.test.pool, &new, AT)
            .await
            .expect("a notification");
        uuid
    }
    async fn request(&self, host: HostId) -> RequestId {
        let uuid = RequestId(Uuid::new_v4());
        let request = Request {
            uuid,
            kind: RequestKind::Retry,
            host_uuid: Some(host),
            args: json!({}),
            reason: "why".to_owned(),
            user_id: "42".to_owned(),
            user_name: "ann".to_owned(),
        };
        request_create(&self.test.pool, &request, AT).await.expect("a request");
        uuid
    }
}

#[tokio::test]
async fn the_store_in_memory_keeps_the_rules() {
    leases(&Memory(MemoryStore::default())).await;
    rows(&Memory(MemoryStore::default())).await;
    incidents(&Memory(MemoryStore::default())).await;
    workflow_log(&Memory(MemoryStore::default())).await;
    notified(&Memory(MemoryStore::default())).await;
}

#[tokio::test]
async fn the_database_keeps_the_same_rules() {
    for part in 0..5 {
        // Says so itself when there is no server.
        let Some(test) = TestDatabase::open(Backend::MySql).await else {
            return;
        };
        let store = DatabaseStore::new(test.pool.clone());
        let bench = Database { test, store };
        match part {
            0 => leases(&bench).await,
            1 => rows(&bench).await,
            2 => incidents(&bench).await,
            3 => workflow_log(&bench).await,
            _ => notified(&bench).await,
        }
    }
}

async fn leases(bench: &dyn Bench) {
    let store = bench.store();
    assert_eq!(store.lease_read().await, Ok(None));
    let first = store.lease_take("a", None).await.expect("an answer").expect("an epoch");
    assert_eq!(store.lease_take("b", None).await, Ok(None), "it is there already");
    let seen = store.lease_read().await.expect("an answer").expect("a row");
    assert_eq!((seen.holder.as_str(), seen.token), ("a", first.0));
    store.lease_renew("a", first).await.expect("renewed");
    assert_eq!(store.lease_take("b", Some(&seen)).await, Ok(None), "it moved");
    let seen = store.lease_read().await.expect("an answer").expect("a row");
    store.commit("a", first, &[mode(Mode::Armed)]).await.expect("committed");
    assert_eq!(
        store.lease_take("b", Some(&seen)).await,
        Ok(None),
        "a commit is a renewal"
    );
    assert_eq!(store.lease_renew("b", first).await, Err(StoreError::LeaseLost));

    let seen = store.lease_read().await.expect("an answer");
    let second = store
        .lease_take("b", seen.as_ref())
        .await
        .expect("an answer")
        .expect("an epoch");
    assert!(second > first);
    assert_eq!(store.lease_renew("a", first).await, Err(StoreError::LeaseLost));
    assert_eq!(
        store.commit("a", first, &[mode(Mode::Observe)]).await,
        Err(StoreError::LeaseLost)
    );
    assert_eq!(
        store.commit("b", first, &[mode(Mode::Observe)]).await,
        Err(StoreError::LeaseLost)
    );
    assert_eq!(
        mode_of(&store.snapshot().await.expect("a snapshot")),
        Mode::Armed,
        "nothing was written"
    );

    drop(store.lease_release("a", first).await);
    assert_eq!(
        store.lease_read().await.expect("an answer").expect("a row").holder,
        "b",
        "not a's to give up"
    );
    store.lease_release("b", second).await.expect("released");
    let free = store.lease_read().await.expect("an answer").expect("a row");
    assert_eq!(free.holder, "");
    let third = store
        .lease_take("a", Some(&free))
        .await
        .expect("an answer")
        .expect("an epoch");
    assert!(third > second);
}

async fn rows(bench: &dyn Bench) {
    let store = bench.store();
    let host = bench.host(bench.segment().await).await;
    let epoch = lead(store).await;
    let commit = async |writes: &[Write]| store.commit("a", epoch, writes).await;
    let read = async || store.snapshot().await.expect("a snapshot");
    assert_eq!(read().await.segments[0].recovery_method, "rh_priority");

    assert_eq!(read().await.hosts[0].state, None);
    commit(&[Write::View { host, view: json!({}) }])
        .await
        .expect("a view without a state is left out");
    commit(&[written(host, 1)]).await.expect("the first generation");
    assert!(matches!(commit(&[written(host, 1)]).await, Err(StoreError::Stale(_))));
    assert!(matches!(commit(&[written(host, 3)]).await, Err(StoreError::Stale(_))));
    commit(&[written(host, 2)]).await.expect("the next generation");
    assert_eq!(
        read().await.hosts[0].state,
        Some(state(2)),
        "as it was written, to the microsecond"
    );

    let both = [mode(Mode::Armed), written(host, 2)];
    assert!(matches!(commit(&both).await, Err(StoreError::Stale(_))));
    assert_eq!(mode_of(&read().await), Mode::Observe, "all or nothing");

    commit(&[mode(Mode::Armed), Write::Maintenance { host, on: true }])
        .await
        .expect("committed");
    assert_eq!(mode_of(&read().await), Mode::Armed);
    assert!(read().await.hosts[0].on_maintenance);

    let id = bench.request(host).await;
    let asked = read().await.requests;
    assert_eq!(
        (asked.len(), asked[0].id, asked[0].host, asked[0].user.as_str()),
        (1, id, Some(host), "ann")
    );
    let answer = Write::Request {
        id,
        done: true,
        answer: Reason::new("done", "done"),
        at: AT,
    };
    commit(std::slice::from_ref(&answer)).await.expect("settled");
    assert!(read().await.requests.is_empty());
    assert!(
        matches!(commit(&[answer]).await, Err(StoreError::Stale(_))),
        "settled once"
    );
}

async fn incidents(bench: &dyn Bench) {
    let store = bench.store();
    let segment = bench.segment().await;
    let host = bench.host(segment).await;
    let claim = bench.notify(NotificationKind::ComputeHost, host, segment).await;
    let epoch = lead(store).await;
    let commit = async |writes: &[Write]| store.commit("a", epoch, writes).await;
    let incident = IncidentId(Uuid::new_v4());
    let open = |notification, adopted| Write::Opened {
        incident,
        host,
        host_name: "compute-1".to_owned(),
        segment,
        notification,
        adopted,
        at: AT,
    };

    assert_eq!(store.snapshot().await.expect("a snapshot").notifications[0].id, claim);
    let unknown = NotificationId(Uuid::new_v4());
    assert!(
        matches!(commit(&[open(unknown, true)]).await, Err(StoreError::Stale(_))),
        "no such claim"
    );
    commit(&[open(claim, true)]).await.expect("the claim is adopted");
    assert!(store.snapshot().await.expect("a snapshot").notifications.is_empty());
    assert!(
        matches!(commit(&[open(unknown, false)]).await, Err(StoreError::Stale(_))),
        "it is open already"
    );

    let instance = InstanceId(Uuid::new_v4());
    commit(&[vmove(incident, instance, "ongoing"), event(incident, host)])
        .await
        .expect("told");
    commit(&[vmove(IncidentId(Uuid::new_v4()), instance, "ongoing")])
        .await
        .expect("a vmove of no incident is left out");
    let close = Write::Closed {
        incident,
        outcome: "evacuated".to_owned(),
        summary: Reason::new("evacuated", "all are back"),
        status: "finished".to_owned(),
        at: AT,
    };
    commit(std::slice::from_ref(&close)).await.expect("closed");
    assert!(
        matches!(commit(&[close]).await, Err(StoreError::Stale(_))),
        "closed once"
    );
    let late = Write::Message {
        incident,
        message: "too late".to_owned(),
    };
    commit(&[late])
        .await
        .expect("a word about a closed incident is left out");
    assert!(store.snapshot().await.expect("a snapshot").notifications.is_empty());
}

async fn workflow_log(bench: &dyn Bench) {
    let store = bench.store();
    let epoch = lead(store).await;
    let commit = async |writes: &[Write]| store.commit("a", epoch, writes).await;
    let incident = IncidentId(Uuid::new_v4());
    let instance = InstanceId(Uuid::new_v4());
    let step = |event| StepRow::of_instance(Step::Evacuate, instance, 2, event, json!({"before": [7], "ü": null}));
    let steps = [step(StepEvent::Started), step(StepEvent::Indeterminate)];
    let rows = steps.clone().map(|row| Write::Step { incident, row, at: AT });
    commit(&rows).await.expect("two steps");
    commit(&[Write::Step {
        incident,
        row: StepRow::of_host(Step::List, StepEvent::Failed, json!({})),
        at: AT,
    }])
    .await
    .expect("a step");
    let log = store.steps(incident).await.expect("the log");
    assert_eq!(
        log.iter().map(|s| s.row.clone()).take(2).collect::<Vec<_>>(),
        steps,
        "in the order of writing"
    );
    assert_eq!((log.len(), log[2].row.step, log[2].at), (3, Step::List, AT));
    assert!(
        store
            .steps(IncidentId(Uuid::new_v4()))
            .await
            .expect("no log")
            .is_empty()
    );
}

/// Three notifications are new; the one about the instance is returned.
async fn notify_three(bench: &dyn Bench) -> NotificationId {
    let segment = bench.segment().await;
    let host = bench.host(segment).await;
    let instance = bench.notify(NotificationKind::Vm, host, segment).await;
    let process = bench.notify(NotificationKind::Process, host, segment).await;
    let claim = bench.notify(NotificationKind::ComputeHost, host, segment).await;
    let new = bench.store().snapshot().await.expect("a snapshot").notifications;
    let order: Vec<NotificationId> = new.iter().map(|notification| notification.id).collect();
    assert_eq!(
        order,
        [claim, process, instance],
        "a flood about instances delays no host"
    );
    assert_eq!((new[2].kind.as_str(), new[2].generated), ("VM", SECOND));
    instance
}

async fn notified(bench: &dyn Bench) {
    let store = bench.store();
    let instance = notify_three(bench).await;
    let epoch = lead(store).await;
    let commit = async |writes: &[Write]| store.commit("a", epoch, writes).await;
    let taken_up = async || store.taken_up().await.expect("an answer");
    assert!(taken_up().await.is_empty(), "nobody took one up");

    let status = |status: &str| Write::Notification {
        id: instance,
        status: status.to_owned(),
        message: Some("why".to_owned()),
        at: SECOND,
    };
    let row = |event| notified::Row {
        step: notified::Step::StopInstance,
        subject: "u".to_owned(),
        attempt: 1,
        event,
        payload: json!({"run": 1}),
    };
    let step = |event| Write::NotifiedStep {
        notification: instance,
        row: row(event),
        at: AT,
    };
    let begun = [status("running"), step(StepEvent::Started)];
    assert_eq!(
        store.commit("b", epoch, &begun).await,
        Err(StoreError::LeaseLost),
        "only the leader's word counts"
    );
    commit(&begun).await.expect("taken up");
    commit(&[step(StepEvent::Indeterminate)]).await.expect("a row");
    let held = Write::Held {
        id: instance,
        message: Some("held".to_owned()),
        at: AT,
    };
    commit(&[held]).await.expect("held");
    let found = taken_up().await;
    assert_eq!(
        (found.len(), found[0].notification.id, found[0].failed_at),
        (1, instance, None)
    );
    assert_eq!(
        found[0].rows,
        [row(StepEvent::Started), row(StepEvent::Indeterminate)],
        "in the order of writing"
    );
    assert!(
        store
            .steps(IncidentId(Uuid::new_v4()))
            .await
            .expect("no log")
            .is_empty()
    );

    commit(&[status("error")]).await.expect("failed once");
    assert_eq!(taken_up().await[0].failed_at, Some(SECOND));
    commit(&[status("failed")]).await.expect("given up");
    assert!(taken_up().await.is_empty());
}

async fn lead(store: &dyn Store) -> Epoch {
    store.lease_take("a", None).await.expect("an answer").expect("an epoch")
}

fn mode(mode: Mode) -> Write {
    Write::Mode {
        segment: None,
        mode,
        by: "ann".to_owned(),
        at: AT,
    }
}

fn mode_of(snapshot: &Snapshot) -> Mode {
    let global = snapshot.modes.iter().find(|(scope, _)| scope.is_none());
    global.map(|(_, mode)| *mode).unwrap_or_default()
}

fn state(generation: i64) -> StoredState {
    StoredState {
        state: HostState::Checking,
        since: AT,
        reason: Reason::new("suspected", "accused").with(json!({"by": ["compute-2"]})),
        incident: None,
        detail: json!({"returns": 1}),
        generation,
    }
}

fn written(host: HostId, generation: i64) -> Write {
    Write::Host {
        host,
        state: state(generation),
    }
}

fn vmove(incident: IncidentId, instance: InstanceId, status: &str) -> Write {
    Write::Vmove(VmoveRow {
        id: VmoveId(Uuid::new_v4()),
        incident,
        instance,
        instance_name: "vm".to_owned(),
        source: "compute-1".to_owned(),
        dest: None,
        status: status.to_owned(),
        message: None,
        at: AT,
    })
}

fn event(incident: IncidentId, host: HostId) -> Write {
    Write::Event {
        incident,
        host,
        kind: "observed".to_owned(),
        reason: Reason::new("accused", "accused"),
        at: AT,
    }
}
