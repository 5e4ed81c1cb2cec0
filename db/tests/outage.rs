//! The database's bad days: wrong settings, a server that is away, answers that are lost on the way.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement};
use themis_core::{HostId, NotificationId, SegmentId};
use themis_db::lease::{epoch_transaction, lease_read, lease_renew, lease_take};
use themis_db::store::corroborations::Reporter;
use themis_db::store::hosts::{NewHost, host_create};
use themis_db::store::incidents::{NewIncident, incident_get, incident_open_in_txn};
use themis_db::store::intake::{Accepted, notification_accept};
use themis_db::store::notifications::NewNotification;
use themis_db::store::segments::{NewSegment, segment_create};
use themis_db::testing::{Backend, TestDatabase};
use themis_db::{Advice, NotificationKind, NotificationStatus, Pool, RecoveryMethod, StoreError, connect_url};
use time::macros::datetime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PASS: u8 = 0;
/// The next commit reaches the server, its answer does not come back.
const CUT_AFTER_COMMIT: u8 = 1;
/// Nothing is carried, nothing is closed: a network that drops packets.
const SILENT: u8 = 2;
/// New and old connections are closed.
const REFUSE: u8 = 3;
/// A connection brings one more answer and then carries nothing any more, whatever comes later.
const DIE_AFTER_ANSWER: u8 = 4;

/// A relay between a pool and the real server.
struct Relay {
    url: String,
    wire: Arc<Wire>,
}

#[derive(Default)]
struct Wire {
    mode: AtomicU8,
    accepted: AtomicU64,
    /// Connections up to this number carry nothing any more.
    dead: AtomicU64,
}

impl Relay {
    async fn before(database_url: &str) -> Self {
        let (account, place) = database_url.split_once('@').unwrap();
        let (server, name) = place.split_once('/').unwrap();
        let server = server.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // It reads what it carries; MySQL would have TLS.
        let url = format!("{account}@{}/{name}?ssl_disabled=true", listener.local_addr().unwrap());
        let wire = Arc::new(Wire::default());
        let shared = wire.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = shared.accepted.fetch_add(1, Ordering::SeqCst) + 1;
                if shared.mode.load(Ordering::SeqCst) != REFUSE {
                    let upstream = TcpStream::connect(&server).await.unwrap();
                    tokio::spawn(carry(client, upstream, shared.clone(), number));
                }
            }
        });
        Self { url, wire }
    }

    fn set(&self, mode: u8) {
        self.wire.mode.store(mode, Ordering::SeqCst);
    }

    /// Silences all connections so far, for good. Answers how many there were.
    fn kill_old(&self) -> u64 {
        let accepted = self.wire.accepted.load(Ordering::SeqCst);
        self.wire.dead.store(accepted, Ordering::SeqCst);
        accepted
    }

    async fn pool(&self) -> Pool {
        connect_url(self.url.clone()).await.unwrap()
    }
}

impl Wire {
    /// Waits while the wire is silent. `false`: the connection is to be closed.
    async fn carries(&self, number: u64) -> bool {
        while self.mode.load(Ordering::SeqCst) == SILENT || number <= self.dead.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.mode.load(Ordering::SeqCst) != REFUSE
    }

    /// Whether this is the commit that is to be cut.
    fn cuts(&self, bytes: &[u8]) -> bool {
        let (seen, next) = (Ordering::SeqCst, Ordering::SeqCst);
        bytes.windows(6).any(|text| text == b"COMMIT")
            && self.mode.compare_exchange(CUT_AFTER_COMMIT, PASS, seen, next).is_ok()
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, wire: Arc<Wire>, number: u64) {
    let (mut down, mut up) = (vec![0; 65536], vec![0; 65536]);
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                if !wire.carries(number).await {
                    return;
                }
                if server.write_all(&up[..length]).await.is_err() {
                    return;
                }
                if wire.cuts(&up[..length]) {
                    // The server's answer shows that it has committed; it goes no further.
                    drop(server.read(&mut down).await);
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                if !wire.carries(number).await {
                    return;
                }
                if client.write_all(&down[..length]).await.is_err() {
                    return;
                }
                if wire.mode.load(Ordering::SeqCst) == DIE_AFTER_ANSWER {
                    std::future::pending::<()>().await;
                }
            }
            _ = tick.tick() => if wire.mode.load(Ordering::SeqCst) == REFUSE { return },
        }
    }
}

fn incident() -> NewIncident {
    NewIncident {
        uuid: themis_core::IncidentId(uuid::Uuid::new_v4()),
        host_uuid: themis_core::HostId(uuid::Uuid::new_v4()),
        host_name: "compute-1".to_owned(),
        segment_uuid: themis_core::SegmentId(uuid::Uuid::new_v4()),
        notification_uuid: None,
        summary: None,
        opened_at: datetime!(2026-11-20 12:00 UTC),
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_named_with_the_fix_and_without_the_password() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = connect_url(format!("mysql+pymysql://u:geheim@{closed}/themis"))
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(&format!("{closed}/themis")) && text.contains("Connection refused"),
        "{text}"
    );
    assert!(error.may_heal() && !format!("{error:?}").contains("geheim"));
    let error = connect_url("postgresql://u:geheim@h/themis").await.unwrap_err();
    assert!(
        !error.may_heal() && error.to_string().contains("MariaDB or MySQL"),
        "{error}"
    );

    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let (account, place) = db.url.split_once('@').unwrap();
    let (server, _) = place.split_once('/').unwrap();
    let user = account.trim_start_matches("mysql://").split(':').next().unwrap();
    for (url, wanted) in [
        (format!("mysql://{user}:geheim@{place}"), "check user and password"),
        (format!("{account}@{server}/no_such_database"), "themis-manage db sync"),
    ] {
        let error = connect_url(url).await.unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(wanted) && text.contains(server) && text.contains(user),
            "{text}"
        );
        assert!(error.may_heal() && !format!("{error:?} {error}").contains("geheim"));
    }
}

#[tokio::test]
async fn on_mariadb_sessions_are_utc_strict_and_wait_for_what_others_committed() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let ask = "SELECT @@SESSION.time_zone AS a, @@SESSION.sql_mode AS b, @@SESSION.character_set_connection AS c";
    let row = db
        .pool
        .query_one_raw(Statement::from_string(sea_orm::DbBackend::MySql, ask))
        .await
        .unwrap()
        .unwrap();
    let text = |column| row.try_get::<String>("", column).unwrap();
    assert_eq!((text("a").as_str(), text("c").as_str()), ("+00:00", "utf8mb4"));
    assert!(text("b").contains("STRICT_ALL_TABLES"), "{}", text("b"));
    let ask = "SHOW SESSION VARIABLES LIKE 'wsrep_sync_wait'";
    let row = db
        .pool
        .query_one_raw(Statement::from_string(sea_orm::DbBackend::MySql, ask))
        .await
        .unwrap();
    if let Some(row) = row {
        assert_eq!(row.try_get::<String>("", "Value").unwrap(), "1");
    }
}

#[tokio::test]
async fn on_mariadb_a_commit_whose_answer_is_lost_is_unknown_and_may_hold() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let relay = Relay::before(&db.url).await;
    let pool = relay.pool().await;
    let epoch = lease_take(&pool, "a", None).await.unwrap().unwrap();
    let opened = incident();
    relay.set(CUT_AFTER_COMMIT);
    let error = epoch_transaction(&pool, "a", epoch, async |txn| incident_open_in_txn(&txn, &opened).await)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Unknown { .. }) && error.advice() == Advice::Unknown,
        "{error}"
    );
    assert!(
        incident_get(&db.pool, opened.uuid).await.unwrap().is_some(),
        "this one did hold"
    );
    lease_renew(&pool, "a", epoch).await.unwrap();
}

/// The monitor gets its 202: whether the row is there says whether the commit holds.
#[tokio::test]
async fn on_mariadb_a_report_whose_commit_went_unanswered_is_found_again() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let relay = Relay::before(&db.url).await;
    let pool = relay.pool().await;
    let at = datetime!(2026-11-20 12:00 UTC);
    let segment = NewSegment {
        uuid: SegmentId(uuid::Uuid::new_v4()),
        name: "s".to_owned(),
        service_type: "COMPUTE".to_owned(),
        enabled: true,
        description: None,
        recovery_method: RecoveryMethod::Auto,
    };
    let segment_uuid = segment_create(&pool, segment, at).await.unwrap().uuid;
    let host = NewHost {
        uuid: HostId(uuid::Uuid::new_v4()),
        name: "compute-1".to_owned(),
        segment_uuid,
        host_type: "COMPUTE".to_owned(),
        reserved: false,
        control_attributes: "SSH".to_owned(),
        on_maintenance: false,
    };
    let report = NewNotification {
        uuid: NotificationId(uuid::Uuid::new_v4()),
        generated_time: at,
        source_host_uuid: host_create(&pool, host, at).await.unwrap().uuid,
        kind: NotificationKind::ComputeHost,
        payload: serde_json::json!({"event": "STOPPED"}),
        status: NotificationStatus::New,
        segment_uuid,
        message: None,
    };
    let by = Reporter {
        user_id: "u".to_owned(),
        user_name: "n".to_owned(),
        address: [127, 0, 0, 1].into(),
    };
    relay.set(CUT_AFTER_COMMIT);
    let accepted = notification_accept(&pool, &report, &by, Duration::from_secs(180), at)
        .await
        .unwrap();
    assert!(matches!(accepted, Accepted::Stored(row) if row.uuid == report.uuid));
}

#[tokio::test]
async fn on_mariadb_a_transaction_that_breaks_before_its_commit_wrote_nothing() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let relay = Relay::before(&db.url).await;
    let pool = relay.pool().await;
    let epoch = lease_take(&pool, "a", None).await.unwrap().unwrap();
    let opened = incident();
    let error = epoch_transaction(&pool, "a", epoch, async |txn| {
        incident_open_in_txn(&txn, &opened).await?;
        relay.set(REFUSE);
        lease_renew(txn.txn(), "a", epoch).await
    })
    .await
    .unwrap_err();
    assert_eq!(error.advice(), Advice::Retry, "{error}");
    assert_eq!(incident_get(&db.pool, opened.uuid).await.unwrap(), None);
    assert!(lease_read(&pool).await.unwrap_err().is_outage());
    relay.set(PASS);
    lease_renew(&pool, "a", epoch).await.unwrap();
}

#[tokio::test]
async fn on_mariadb_a_server_that_went_away_is_named_and_nothing_was_sent() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let relay = Relay::before(&db.url).await;
    let pool = relay.pool().await;
    relay.set(REFUSE);
    let error = lease_read(&pool).await.unwrap_err();
    let (_, place) = relay.url.split_once('@').unwrap();
    let (place, _) = place.split_once('?').unwrap();
    assert!(
        matches!(error, StoreError::Unreachable { .. }) && error.to_string().contains(place),
        "{error}"
    );
    assert_eq!(error.advice(), Advice::Retry);
    relay.set(PASS);
    assert_eq!(lease_read(&pool).await.unwrap(), None);
}

#[tokio::test]
async fn on_mariadb_a_silent_server_costs_one_deadline_and_no_place_in_the_pool() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let relay = Relay::before(&db.url).await;
    let pool = relay.pool().await.with_deadline(Duration::from_millis(300));
    let epoch = lease_take(&pool, "a", None).await.unwrap().unwrap();
    relay.set(SILENT);
    let before = tokio::time::Instant::now();
    let error = lease_renew(&pool, "a", epoch).await.unwrap_err();
    assert_eq!(error.advice(), Advice::Unknown, "{error}");
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
    // More callers than the pool has places.
    let callers = (0..12).map(|_| {
        let pool = pool.clone();
        async move { lease_read(&pool).await.unwrap_err().is_outage() }
    });
    assert!(
        futures::future::join_all(callers)
            .await
            .into_iter()
            .all(|outage| outage)
    );
    relay.set(PASS);
    let healed = tokio::time::timeout(Duration::from_secs(15), async {
        while lease_read(&pool).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    healed.await.unwrap();
}

/// A dead server behind a virtual address: the old connections never answer again, new ones reach its successor.
#[tokio::test]
async fn on_mariadb_connections_to_a_dead_server_give_way_to_new_ones() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let relay = Relay::before(&db.url).await;
    // Long enough for a new connection on a busy machine: it is made within the statement's deadline.
    let pool = relay.pool().await.with_deadline(Duration::from_secs(1));
    let all_places = (0..5).map(|_| pool.execute_unprepared("DO SLEEP(0.1)"));
    assert!(
        futures::future::join_all(all_places)
            .await
            .into_iter()
            .all(|outcome| outcome.is_ok())
    );
    let old = relay.kill_old();
    assert_eq!(old, 6, "the five places of the pool, and the first look");
    let stuck = (0..5).map(|_| lease_read(&pool));
    assert!(
        futures::future::join_all(stuck)
            .await
            .into_iter()
            .all(|outcome| outcome.is_err())
    );
    tokio::time::timeout(Duration::from_secs(20), async {
        while lease_read(&pool).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
}

/// The driver asks a connection for life when it is given back, and waits for the answer without a deadline.
#[tokio::test]
async fn on_mariadb_connections_that_die_while_given_back_do_not_keep_their_places() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let relay = Relay::before(&db.url).await;
    let pool = relay.pool().await.with_deadline(Duration::from_secs(1));
    let all_places = || futures::future::join_all((0..5).map(|_| pool.execute_unprepared("DO SLEEP(0.1)")));
    assert!(all_places().await.into_iter().all(|outcome| outcome.is_ok()));
    // Until these were given back too: their last answer must not be the one that is let through.
    tokio::time::sleep(Duration::from_millis(300)).await;
    relay.set(DIE_AFTER_ANSWER);
    assert!(all_places().await.into_iter().all(|outcome| outcome.is_ok()));
    relay.set(PASS);
    assert!(
        lease_read(&pool).await.unwrap_err().is_outage(),
        "every place is held by a dead connection"
    );
    tokio::time::timeout(Duration::from_secs(20), async {
        while lease_read(&pool).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
}
