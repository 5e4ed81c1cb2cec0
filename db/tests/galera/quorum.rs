//! A node that is cut off from the others, and one that dies.

use std::time::Duration;

use themis_core::{Epoch, SegmentId};
use themis_db::lease::{epoch_transaction, lease_read, lease_renew, lease_take};
use themis_db::schema::ready;
use themis_db::store::incidents::{incident_get, incident_open_in_txn};
use themis_db::store::segments::{segment_create, segment_get};
use themis_db::testing::GaleraCluster;
use themis_db::{Advice, Pool, StoreError};

use crate::rows::{NOON, incident, pools, segment};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_galera_nothing_is_committed_without_quorum_and_the_pool_serves_on_when_it_is_back() {
    let Some(cluster) = GaleraCluster::start() else { return };
    let urls = cluster.database().await;
    let nodes = pools(&urls).await;
    let (whole, lonely) = (&nodes[0], &nodes[2]);
    let epoch = lease_take(lonely, "former", None).await.unwrap().unwrap();
    ready(lonely).await.unwrap();

    what_is_under_way_at_the_cut_is_told_truly(&cluster, &nodes, epoch).await;
    let new = the_leader_of_a_lonely_node_is_replaced(whole, lonely, epoch).await;
    cluster.join(2).await;
    serves(lonely).await;
    let former = lease_renew(lonely, "former", epoch).await;
    assert!(matches!(former, Err(StoreError::LeaseLost { .. })), "{former:?}");
    lease_renew(lonely, "new", new).await.unwrap();

    // The one that a process talks to dies; the others go on.
    let (dying, left) = (&nodes[1], &nodes[0]);
    cluster.kill(1);
    for _ in 0..3 {
        assert!(ready(dying).await.unwrap_err().is_outage());
    }
    serves(left).await;
    let meanwhile = segment_create(left, segment(), NOON).await.unwrap();
    cluster.revive(1);
    serves(dying).await;
    assert!(segment_get(dying, meanwhile.uuid).await.unwrap().is_some());
}

/// Writers by the node that is cut off, all the while: what was said to be stored is there in the end, what may be said
/// again is not, and only of what was being committed may nobody know.
async fn what_is_under_way_at_the_cut_is_told_truly(cluster: &GaleraCluster, nodes: &[Pool], epoch: Epoch) {
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let node = nodes[2].clone();
            tokio::spawn(async move { write_until_away(&node).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    // A leader's, that was begun before.
    let open = incident();
    let begun = epoch_transaction(&nodes[2], "former", epoch, async |txn| {
        incident_open_in_txn(&txn, &open).await?;
        cluster.cut(2).await;
        Ok(())
    });
    let outcome = begun.await;
    assert!(outcome.as_ref().is_err_and(StoreError::is_outage), "{outcome:?}");
    assert_eq!(incident_get(&nodes[0], open.uuid).await.unwrap(), None);
    let (mut stored, mut refused, mut unknown) = (0, 0, 0);
    for writer in writers {
        for (segment, outcome) in writer.await.unwrap() {
            let there = segment_get(&nodes[0], segment).await.unwrap().is_some();
            match outcome {
                Ok(()) => {
                    assert!(there, "it was said to be stored");
                    stored += 1;
                }
                Err(error) if error.advice() == Advice::Retry => {
                    assert!(!there, "it was said not to be stored: {error}");
                    refused += 1;
                }
                Err(error) => {
                    assert_eq!(error.advice(), Advice::Unknown, "{error:?}");
                    unknown += 1;
                }
            }
        }
    }
    println!("{stored} stored, {refused} refused, of {unknown} nobody knows");
    assert!(
        stored > 10 && refused > 4 && unknown > 0,
        "{stored} {refused} {unknown}"
    );
}

async fn write_until_away(node: &Pool) -> Vec<(SegmentId, Result<(), StoreError>)> {
    let mut written: Vec<(_, Result<_, _>)> = vec![];
    while written.iter().filter(|(_, outcome)| outcome.is_err()).count() < 3 {
        let new = segment();
        let uuid = new.uuid;
        written.push((uuid, segment_create(node, new, NOON).await.map(drop)));
    }
    written
}

async fn the_leader_of_a_lonely_node_is_replaced(whole: &Pool, lonely: &Pool, epoch: Epoch) -> Epoch {
    // A statement that the connection has prepared before waits for the cluster, in vain (1205); a new one is refused.
    let away = ready(lonely).await.unwrap_err();
    assert!(away.is_outage() && away.advice() == Advice::Retry, "{away:?}");
    let away = lonely.transaction(async |_| Ok(())).await.unwrap_err();
    assert!(matches!(&away, StoreError::Unreachable { .. }), "{away:?}");
    assert!(away.to_string().contains("1047"), "{away}");
    let seen = lease_read(whole).await.unwrap();
    let new = lease_take(whole, "new", seen.as_ref()).await.unwrap().unwrap();
    for _ in 0..3 {
        assert!(lease_renew(lonely, "former", epoch).await.unwrap_err().is_outage());
        assert!(
            lease_take(lonely, "former", seen.as_ref())
                .await
                .unwrap_err()
                .is_outage()
        );
        let opened = incident();
        let write = epoch_transaction(lonely, "former", epoch, async |txn| {
            incident_open_in_txn(&txn, &opened).await
        });
        assert!(write.await.unwrap_err().is_outage());
        assert_eq!(incident_get(whole, opened.uuid).await.unwrap(), None);
    }
    new
}

async fn serves(node: &Pool) {
    let healed = tokio::time::timeout(Duration::from_secs(30), async {
        while ready(node).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    healed.await.unwrap();
}
