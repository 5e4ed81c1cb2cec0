//! Leadership on a real MariaDB; SQLite cannot prove any of this.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sea_orm::ConnectionTrait;
use themis_core::{Epoch, HostId, IncidentId, SegmentId};
use themis_db::lease::{Lease, epoch_transaction, lease_read, lease_renew, lease_take};
use themis_db::store::incidents::{IncidentFilter, NewIncident, incident_list, incident_open_in_txn};
use themis_db::testing::{Backend, TestDatabase};
use themis_db::{Advice, Pool, StoreError, connect_url};
use time::macros::datetime;
use uuid::Uuid;

fn incident() -> NewIncident {
    NewIncident {
        uuid: IncidentId(Uuid::new_v4()),
        host_uuid: HostId(Uuid::new_v4()),
        host_name: "compute-1".to_owned(),
        segment_uuid: SegmentId(Uuid::new_v4()),
        notification_uuid: None,
        summary: None,
        opened_at: datetime!(2026-11-20 12:00 UTC),
    }
}

/// Four engines with connections of their own, released at the same moment, a hundred times: from no row at all, then
/// from a row that all of them saw.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb_exactly_one_engine_wins_each_race() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let mut engines = Vec::new();
    for _ in 0..4 {
        engines.push(connect_url(db.url.clone()).await.unwrap());
    }
    let mut last = Epoch(0);
    for round in 0..100 {
        let seen = lease_read(&db.pool).await.unwrap();
        let start = std::sync::Arc::new(tokio::sync::Barrier::new(engines.len()));
        let racers: Vec<_> = engines
            .iter()
            .enumerate()
            .map(|(number, pool)| {
                let (pool, seen, start) = (pool.clone(), seen.clone(), start.clone());
                tokio::spawn(async move {
                    start.wait().await;
                    (number, settle(&pool, &format!("engine-{number}"), seen.as_ref()).await)
                })
            })
            .collect();
        let mut winners = Vec::new();
        for racer in racers {
            let (number, epoch) = racer.await.unwrap();
            winners.extend(epoch.map(|epoch| (number, epoch)));
        }
        let [(number, epoch)] = winners[..] else {
            panic!("round {round}: {winners:?}")
        };
        assert!(epoch > last, "round {round}: {epoch} after {last}");
        last = epoch;
        let held = lease_read(&db.pool).await.unwrap().unwrap();
        assert_eq!((held.holder, held.epoch), (format!("engine-{number}"), epoch));
    }
}

/// A conflict is no answer: read again, as the engine does.
async fn settle(pool: &Pool, holder: &str, seen: Option<&Lease>) -> Option<Epoch> {
    match lease_take(pool, holder, seen).await {
        Ok(outcome) => outcome,
        Err(error) => {
            assert_ne!(error.advice(), Advice::GiveUp, "{error}");
            let now = lease_read(pool).await.unwrap().unwrap();
            (now.holder == holder && seen.is_none_or(|seen| now.epoch != seen.epoch)).then_some(now.epoch)
        }
    }
}

#[tokio::test]
async fn on_mariadb_a_lease_that_moved_is_neither_taken_nor_renewed() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let first = lease_take(&db.pool, "a", None).await.unwrap().unwrap();
    assert_eq!(
        lease_take(&db.pool, "b", None).await.unwrap(),
        None,
        "somebody was first"
    );
    let seen = lease_read(&db.pool).await.unwrap().unwrap();
    lease_renew(&db.pool, "a", first).await.unwrap();
    assert_eq!(
        lease_take(&db.pool, "b", Some(&seen)).await.unwrap(),
        None,
        "its beat moved"
    );
    let seen = lease_read(&db.pool).await.unwrap().unwrap();
    let second = lease_take(&db.pool, "b", Some(&seen)).await.unwrap().unwrap();
    assert_eq!(second, Epoch(first.0 + 1));
    let error = lease_renew(&db.pool, "a", first).await.unwrap_err();
    assert!(matches!(error, StoreError::LeaseLost { .. }) && error.advice() == Advice::GiveUp);
}

/// The old leader's transaction is open and has written when the lease is taken: its row lock makes the taker wait, and
/// the taker, whose look is out of date then, does not win.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb_a_lease_cannot_be_taken_under_an_open_transaction() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let epoch = lease_take(&db.pool, "a", None).await.unwrap().unwrap();
    let seen = lease_read(&db.pool).await.unwrap().unwrap();
    let (inside, go_on) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let opened = incident();
    let write = epoch_transaction(&db.pool, "a", epoch, async |txn| {
        incident_open_in_txn(&txn, &opened).await?;
        inside.notify_one();
        go_on.notified().await;
        Ok(())
    });
    let rival = async {
        inside.notified().await;
        let other = connect_url(db.url.clone()).await.unwrap();
        let mut taking = std::pin::pin!(lease_take(&other, "b", Some(&seen)));
        let early = tokio::time::timeout(Duration::from_millis(300), &mut taking).await;
        assert!(early.is_err(), "the taker did not wait: {early:?}");
        go_on.notify_one();
        taking.await.unwrap()
    };
    let (written, taken) = tokio::join!(write, rival);
    written.unwrap();
    assert_eq!(taken, None);
    assert_eq!(
        incident_list(&db.pool, &IncidentFilter::default(), 10)
            .await
            .unwrap()
            .len(),
        1
    );
}

/// Two transactions lock two rows in opposite order; the server kills one with 1213, which runs again as a whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb_a_deadlocked_transaction_runs_again_as_a_whole() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    for name in ["x", "y"] {
        let row = format!("INSERT INTO leases (name, holder, token, beat) VALUES ('{name}', '', 0, 0)");
        db.pool.execute_unprepared(&row).await.unwrap();
    }
    let (runs, meet) = (AtomicUsize::new(0), tokio::sync::Barrier::new(2));
    let transfer = async |first: &str, second: &str| {
        let met = std::sync::atomic::AtomicBool::new(false);
        db.pool
            .transaction(async |txn| {
                runs.fetch_add(1, Ordering::SeqCst);
                let bump = |name: &str| format!("UPDATE leases SET beat = beat + 1 WHERE name = '{name}'");
                txn.execute_unprepared(&bump(first)).await?;
                if !met.swap(true, Ordering::SeqCst) {
                    meet.wait().await;
                }
                txn.execute_unprepared(&bump(second)).await?;
                Ok(())
            })
            .await
    };
    let (one, two) = tokio::join!(transfer("x", "y"), transfer("y", "x"));
    one.unwrap();
    two.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 3, "one of the two ran twice");
    let sum = sea_orm::Statement::from_string(
        sea_orm::DbBackend::MySql,
        "SELECT CAST(SUM(beat) AS SIGNED) AS s FROM leases",
    );
    let row = db.pool.query_one_raw(sum).await.unwrap().unwrap();
    assert_eq!(row.try_get::<i64>("", "s").unwrap(), 4, "each counted once");
}

/// Engines hand transactions to tasks: the future must be one that can be spawned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb_parallel_transactions_of_one_leader_all_commit() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    let epoch = lease_take(&db.pool, "a", None).await.unwrap().unwrap();
    let writers: Vec<_> = (0..10)
        .map(|_| {
            let (pool, new) = (db.pool.clone(), incident());
            tokio::spawn(async move {
                epoch_transaction(&pool, "a", epoch, async |txn| incident_open_in_txn(&txn, &new).await).await
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(
        incident_list(&db.pool, &IncidentFilter::default(), 100)
            .await
            .unwrap()
            .len(),
        10
    );
}
