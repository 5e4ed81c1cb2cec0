//! Writers at the same rows, at the same time, by different nodes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::json;
use themis_core::network::Importance;
use themis_core::{NetworkName, Reason, RequestId};
use themis_db::lease::{epoch_transaction, lease_read, lease_renew, lease_take};
use themis_db::store::corroborations::{Reporter, corroboration_list};
use themis_db::store::hosts::{HostFilter, host_create, host_delete, host_list};
use themis_db::store::incident_events::{NewEvent, event_append_in_txn, event_list};
use themis_db::store::incidents::{incident_get, incident_open_in_txn};
use themis_db::store::intake::{Accepted, notification_accept};
use themis_db::store::notifications::{NotificationFilter, notification_list};
use themis_db::store::requests::{Request, request_create};
use themis_db::store::segment_networks::{segment_network_list, segment_network_replace};
use themis_db::store::segments::{segment_create, segment_delete, segment_get};
use themis_db::store::{Page, segments};
use themis_db::testing::GaleraCluster;
use themis_db::{Pool, RequestKind, StoreError, connect_url};
use tokio::sync::Barrier;
use uuid::Uuid;

use crate::rows::{NOON, WINDOW, host, incident, pools, segment, stopped};

/// One cluster for all of it: to start one takes longer than any of these.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_galera_writers_by_several_nodes_lose_nothing_and_do_nothing_twice() {
    let Some(cluster) = GaleraCluster::start() else { return };
    let urls = cluster.database().await;
    let nodes = pools(&urls).await;
    a_read_waits_for_what_another_node_committed(&nodes, &urls[1]).await;
    exactly_one_engine_wins_each_race(&nodes).await;
    a_former_leader_cannot_commit_what_it_had_begun(&nodes).await;
    renewals_by_all_nodes_are_all_counted(&nodes).await;
    ids_of_events_and_requests_grow_with_time(&nodes).await;
    many_reporters_store_one_notification(&nodes).await;
    a_report_and_a_deletion_are_one_after_the_other(&nodes).await;
    no_host_lives_in_a_deleted_segment(&nodes).await;
    a_network_table_is_one_of_those_that_were_put(&nodes).await;
    let mut met = 0;
    for node in &nodes {
        met += conflicts(node).await;
    }
    assert!(
        met > 50,
        "Galera refused or ended {met} transactions only: nothing was tried"
    );
}

/// How many transactions of this node were refused by certification, or ended for one of another node.
async fn conflicts(node: &Pool) -> u64 {
    let ask = "SHOW STATUS WHERE Variable_name IN ('wsrep_local_cert_failures', 'wsrep_local_bf_aborts')";
    let rows = node.query_all_raw(Statement::from_string(DbBackend::MySql, ask)).await;
    let counts = rows.unwrap().into_iter();
    counts
        .map(|row| row.try_get::<String>("", "Value").unwrap().parse::<u64>().unwrap())
        .sum()
}

/// Both at the same moment.
async fn together<A: Send + 'static, B: Send + 'static>(
    one: impl Future<Output = A> + Send + 'static,
    other: impl Future<Output = B> + Send + 'static,
) -> (A, B) {
    let start = Arc::new(Barrier::new(2));
    let other_start = start.clone();
    let one = tokio::spawn(async move {
        start.wait().await;
        one.await
    });
    let other = tokio::spawn(async move {
        other_start.wait().await;
        other.await
    });
    (one.await.unwrap(), other.await.unwrap())
}

async fn a_read_waits_for_what_another_node_committed(nodes: &[Pool], second: &str) {
    for _ in 0..30 {
        let made = segment_create(&nodes[0], segment(), NOON).await.unwrap();
        assert!(segment_get(&nodes[1], made.uuid).await.unwrap().is_some());
    }
    // A node that is behind for sure: it takes over nothing while its tables are locked.
    let locker = connect_url(second.to_owned()).await.unwrap();
    let behind = locker.transaction(async |txn| {
        txn.execute_unprepared("FLUSH TABLES WITH READ LOCK").await?;
        let made = segment_create(&nodes[0], segment(), NOON).await?;
        let node = nodes[1].clone();
        let read = tokio::spawn(async move { segments::segment_get(&node, made.uuid).await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!read.is_finished(), "it answered from before");
        txn.execute_unprepared("UNLOCK TABLES").await?;
        Ok(read)
    });
    let read = behind.await.unwrap();
    assert!(read.await.unwrap().unwrap().is_some());
}

/// From no row at all, then from a row that all of them saw.
async fn exactly_one_engine_wins_each_race(nodes: &[Pool]) {
    for round in 0..60 {
        let seen = lease_read(&nodes[0]).await.unwrap();
        let start = Arc::new(Barrier::new(2 * nodes.len()));
        let racers: Vec<_> = (0..2 * nodes.len())
            .map(|number| {
                let (node, seen, start) = (nodes[number % nodes.len()].clone(), seen.clone(), start.clone());
                tokio::spawn(async move {
                    start.wait().await;
                    lease_take(&node, &format!("engine-{number}"), seen.as_ref()).await
                })
            })
            .collect();
        let mut winners = Vec::new();
        for (number, racer) in racers.into_iter().enumerate() {
            match racer.await.unwrap() {
                Ok(epoch) => winners.extend(epoch.map(|epoch| (format!("engine-{number}"), epoch))),
                // Did not take it; it would try again after another look.
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => panic!("round {round}: {error}"),
            }
        }
        let now = lease_read(&nodes[2]).await.unwrap().unwrap();
        assert_eq!(winners, [(now.holder, now.epoch)], "round {round}");
    }
}

/// Its transaction is open on one node when another engine takes the lease by another node.
async fn a_former_leader_cannot_commit_what_it_had_begun(nodes: &[Pool]) {
    for _ in 0..5 {
        let seen = lease_read(&nodes[0]).await.unwrap();
        let epoch = lease_take(&nodes[0], "former", seen.as_ref()).await.unwrap().unwrap();
        let (opened, overtaken) = (incident(), AtomicBool::new(false));
        let outcome = epoch_transaction(&nodes[0], "former", epoch, async |txn| {
            incident_open_in_txn(&txn, &opened).await?;
            if !overtaken.swap(true, Ordering::SeqCst) {
                let seen = lease_read(&nodes[1]).await?;
                let taken = lease_take(&nodes[1], "new", seen.as_ref()).await?;
                assert!(taken.is_some(), "a lock on one node holds nobody on another");
            }
            Ok(())
        })
        .await;
        assert!(matches!(outcome, Err(StoreError::LeaseLost { .. })), "{outcome:?}");
        assert_eq!(incident_get(&nodes[0], opened.uuid).await.unwrap(), None);
    }
}

/// Single statements outside of transactions: what is refused is tried again, a bounded number of times, and counted once.
async fn renewals_by_all_nodes_are_all_counted(nodes: &[Pool]) {
    let seen = lease_read(&nodes[0]).await.unwrap().unwrap();
    let epoch = lease_take(&nodes[0], "a", Some(&seen)).await.unwrap().unwrap();
    let renewing: Vec<_> = nodes
        .iter()
        .map(|node| {
            let node = node.clone();
            tokio::spawn(async move {
                let (mut renewed, mut refused) = (0, 0);
                while renewed < 25 {
                    match lease_renew(&node, "a", epoch).await {
                        Ok(()) => renewed += 1,
                        Err(StoreError::Conflict { .. }) => refused += 1,
                        Err(error) => panic!("{error}"),
                    }
                }
                refused
            })
        })
        .collect();
    let mut refused = 0;
    for one in renewing {
        refused += one.await.unwrap();
    }
    assert!(refused < 15, "{refused} of 75 were given up");
    let now = lease_read(&nodes[0]).await.unwrap().unwrap();
    assert_eq!(now.beat, seen.beat + 1 + 25 * 3);
}

/// Each node numbers in steps of its own; who reads on after an id, or goes by ids, must miss nothing.
async fn ids_of_events_and_requests_grow_with_time(nodes: &[Pool]) {
    let seen = lease_read(&nodes[0]).await.unwrap();
    let epoch = lease_take(&nodes[0], "a", seen.as_ref()).await.unwrap().unwrap();
    let story = incident();
    let (mut event, mut request) = (0, 0);
    for turn in 0..45 {
        let node = &nodes[turn % nodes.len()];
        let happened = ["first", "second"].map(|kind| NewEvent {
            incident_uuid: story.uuid,
            host_uuid: story.host_uuid,
            at: NOON,
            kind: kind.to_owned(),
            reason: Reason::new("why", "because"),
        });
        epoch_transaction(node, "a", epoch, async |txn| event_append_in_txn(&txn, &happened).await)
            .await
            .unwrap();
        let read = event_list(&nodes[(turn + 1) % nodes.len()], story.uuid, event, 10)
            .await
            .unwrap();
        let kinds: Vec<_> = read.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["first", "second"], "turn {turn}");
        event = read[1].id;
        let asked = Request {
            uuid: RequestId(Uuid::new_v4()),
            kind: RequestKind::Mode,
            host_uuid: None,
            args: json!({}),
            reason: String::new(),
            user_id: "u".to_owned(),
            user_name: "n".to_owned(),
        };
        let made = request_create(node, &asked, NOON).await.unwrap();
        assert!(made.id > request, "turn {turn}: {} after {request}", made.id);
        request = made.id;
    }
}

async fn many_reporters_store_one_notification(nodes: &[Pool]) {
    let segment = segment_create(&nodes[0], segment(), NOON).await.unwrap().uuid;
    let host = host_create(&nodes[0], host(segment), NOON).await.unwrap().uuid;
    for round in 0..8 {
        let seen = NOON + Duration::from_secs(1000 * round);
        let start = Arc::new(Barrier::new(8));
        let callers: Vec<_> = (0..8_u8)
            .map(|by| {
                let (node, start) = (nodes[usize::from(by) % 2].clone(), start.clone());
                tokio::spawn(async move {
                    start.wait().await;
                    report(&node, host, segment, seen, by).await
                })
            })
            .collect();
        let mut stored = Vec::new();
        for caller in callers {
            if let Accepted::Stored(row) = caller.await.unwrap() {
                stored.push(row.uuid);
            }
        }
        assert_eq!(stored.len(), 1, "round {round}");
        let kept = corroboration_list(&nodes[2], stored[0]).await.unwrap();
        assert_eq!(kept.len(), 8, "round {round}: every reporter is kept");
    }
    let all = notification_list(&nodes[1], &NotificationFilter::default(), &Page::default()).await;
    assert_eq!(all.unwrap().len(), 8);
}

async fn report(
    node: &Pool,
    host: themis_core::HostId,
    segment: themis_core::SegmentId,
    seen: time::OffsetDateTime,
    by: u8,
) -> Accepted {
    let reporter = Reporter {
        user_id: format!("user-{by}"),
        user_name: "masakari".to_owned(),
        address: [192, 0, 2, by].into(),
    };
    let mut outcome = Err(StoreError::TransactionEscaped);
    // A monitor says it again when it gets a 503.
    for _ in 0..5 {
        outcome = notification_accept(node, &stopped(host, segment, seen), &reporter, WINDOW, NOON).await;
        if !matches!(outcome, Err(StoreError::Conflict { .. })) {
            break;
        }
    }
    outcome.unwrap()
}

/// Either the report is first and the host stays, or the host is gone and the report is refused.
async fn a_report_and_a_deletion_are_one_after_the_other(nodes: &[Pool]) {
    for round in 0..20 {
        let segment = segment_create(&nodes[0], segment(), NOON).await.unwrap().uuid;
        let host = host_create(&nodes[0], host(segment), NOON).await.unwrap().uuid;
        let (one, other) = (nodes[round % 3].clone(), nodes[(round + 1) % 3].clone());
        let post = async move { report(&one, host, segment, NOON, 1).await };
        let delete = async move {
            if round % 2 == 0 {
                host_delete(&other, host, NOON).await
            } else {
                segment_delete(&other, segment, NOON).await
            }
        };
        match together(post, delete).await {
            (Accepted::Stored(_), Err(StoreError::InUse { .. })) | (Accepted::HostGone, Ok(())) => {}
            other => panic!("round {round}: {other:?}"),
        }
    }
}

/// Either the host is first and goes with its segment, or the segment is gone and takes no host.
async fn no_host_lives_in_a_deleted_segment(nodes: &[Pool]) {
    for round in 0..30 {
        let segment = segment_create(&nodes[0], segment(), NOON).await.unwrap().uuid;
        let (one, other) = (nodes[1].clone(), nodes[2].clone());
        let create = async move { host_create(&one, host(segment), NOON).await };
        let delete = async move { segment_delete(&other, segment, NOON).await };
        let (created, deleted) = together(create, delete).await;
        deleted.unwrap();
        let refused = matches!(created, Err(StoreError::NotFound { what: "segment", .. }));
        assert!(created.is_ok() || refused, "round {round}: {created:?}");
        let of_segment = HostFilter {
            segment_uuid: Some(segment),
            ..HostFilter::default()
        };
        let left = host_list(&nodes[0], &of_segment, &Page::default()).await.unwrap();
        assert_eq!(left, [], "round {round}");
    }
}

async fn a_network_table_is_one_of_those_that_were_put(nodes: &[Pool]) {
    let table = |network: &str| BTreeMap::from([(NetworkName(network.to_owned()), Importance::Critical)]);
    for round in 0..20 {
        let segment = segment_create(&nodes[0], segment(), NOON).await.unwrap().uuid;
        let (one, other) = (nodes[round % 3].clone(), nodes[(round + 1) % 3].clone());
        let put = move |node: Pool, networks| async move { segment_network_replace(&node, segment, &networks).await };
        let (a, b) = together(put(one, table("storage")), put(other, table("tenant"))).await;
        a.and(b).unwrap();
        let left = segment_network_list(&nodes[2], segment).await.unwrap();
        assert_eq!(left.len(), 1, "round {round}: {left:?}");
    }
}
