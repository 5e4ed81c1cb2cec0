//! Every sort of refusal and breakdown of a real server, and what the caller is told to do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sea_orm::ConnectionTrait;
use themis_db::lease::{lease_read, lease_take};
use themis_db::schema::{ready, schema_sync};
use themis_db::testing::{Backend, OwnServer, TestDatabase};
use themis_db::{Advice, StoreError, connect_url};

/// What MariaDB sends under a number, whatever brought it about: Galera's numbers come from servers without Galera too.
async fn answer(db: &TestDatabase, number: u16) -> StoreError {
    let sql = format!("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'as if'");
    StoreError::from(db.pool.execute_unprepared(&sql).await.unwrap_err())
}

#[tokio::test]
async fn on_mariadb_each_number_is_sorted_by_what_is_to_be_done() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    // 1213 deadlock, and Galera's certification; 1205 lock wait; 1020 and 1412 changed since the snapshot; 3101 certification
    // of MySQL's group replication.
    for number in [1213, 1205, 1020, 1412, 3101] {
        let error = answer(&db, number).await;
        assert!(matches!(error, StoreError::Conflict { .. }), "{number}: {error}");
        assert_eq!((error.advice(), error.is_outage()), (Advice::Retry, true), "{number}");
    }
    // 1047 Galera without quorum; 1290 and 1836 read-only; 1040, 1203, 1226 too many connections.
    for number in [1047, 1290, 1836, 1040, 1203, 1226] {
        let error = answer(&db, number).await;
        assert!(matches!(error, StoreError::Unreachable { .. }), "{number}: {error}");
        assert_eq!((error.advice(), error.is_outage()), (Advice::Retry, true), "{number}");
    }
    // 1053 shutdown; 1317 and 1927 killed; 1180 during a commit.
    for number in [1053, 1317, 1927, 1180] {
        let error = answer(&db, number).await;
        assert!(matches!(error, StoreError::Interrupted { .. }), "{number}: {error}");
        assert_eq!((error.advice(), error.is_outage()), (Advice::Unknown, true), "{number}");
    }
    // 1142 not granted; 1146 no such table.
    for number in [1142, 1146] {
        let error = answer(&db, number).await;
        assert!(matches!(error, StoreError::Refused { .. }), "{number}: {error}");
        assert_eq!((error.advice(), error.is_outage()), (Advice::GiveUp, false), "{number}");
    }
    // 1406 too long; 1366 not in the character set; 1264 out of range.
    for number in [1406, 1366, 1264] {
        let error = answer(&db, number).await;
        assert!(matches!(error, StoreError::ValueRefused { .. }), "{number}: {error}");
        assert_eq!((error.advice(), error.is_outage()), (Advice::GiveUp, false), "{number}");
    }
}

#[tokio::test]
async fn on_mariadb_only_conflicts_run_the_transaction_again() {
    let Some(db) = TestDatabase::open(Backend::MySql).await else {
        return;
    };
    for (number, wanted_runs) in [(1213, 3), (1205, 3), (1047, 1), (1290, 1), (1406, 1)] {
        let runs = AtomicU32::new(0);
        let outcome = db
            .pool
            .transaction(async |txn| {
                if runs.fetch_add(1, Ordering::SeqCst) == 2 {
                    return Ok(());
                }
                let sql = format!("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'as if'");
                Ok(txn.execute_unprepared(&sql).await.map(drop)?)
            })
            .await;
        assert_eq!(runs.load(Ordering::SeqCst), wanted_runs, "{number}");
        assert_eq!(outcome.is_ok(), wanted_runs == 3, "{number}");
    }
}

#[tokio::test]
async fn a_read_only_server_is_an_outage_that_ends_by_itself() {
    let Some(server) = OwnServer::start() else { return };
    let pool = connect_url(server.url()).await.unwrap();
    schema_sync(&pool).await.unwrap();
    server.admin("SET GLOBAL read_only = 1");
    let error = lease_take(&pool, "a", None).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    ready(&pool).await.unwrap();
    server.admin("SET GLOBAL read_only = 0");
    assert!(lease_take(&pool, "a", None).await.unwrap().is_some());
}

/// OpenStack's databases are often set to show each statement what was just committed.
#[tokio::test]
async fn a_transaction_reads_one_moment_whatever_the_server_is_set_to() {
    let Some(server) = OwnServer::start_with(&["--transaction-isolation=READ-COMMITTED".to_owned()]) else {
        return;
    };
    let (reader, writer) = (
        connect_url(server.url()).await.unwrap(),
        connect_url(server.url()).await.unwrap(),
    );
    schema_sync(&writer).await.unwrap();
    let seen = reader.transaction(async |txn| {
        let before = lease_read(&txn).await?;
        let taken = lease_take(&writer, "a", None).await?;
        Ok((before, taken.is_some(), lease_read(&txn).await?))
    });
    assert_eq!(seen.await.unwrap(), (None, true, None));
    assert!(lease_read(&reader).await.unwrap().is_some());
}

/// The same pool serves on after the server came back; nobody starts us again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_or_a_crash_of_the_server_the_pool_serves_on() {
    let Some(mut server) = OwnServer::start() else { return };
    let pool = connect_url(server.url()).await.unwrap();
    schema_sync(&pool).await.unwrap();
    let epoch = lease_take(&pool, "a", None).await.unwrap();
    for round in 0..2 {
        if round == 0 {
            server.stop();
        } else {
            server.kill();
        }
        for _ in 0..3 {
            let error = ready(&pool).await.unwrap_err();
            assert!(error.is_outage(), "{error}");
        }
        server.resume();
        let healed = tokio::time::timeout(Duration::from_secs(15), async {
            while ready(&pool).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        healed.await.unwrap();
        let lease = lease_read(&pool).await.unwrap().unwrap();
        assert_eq!(Some(lease.epoch), epoch, "what was committed is there");
    }
}
