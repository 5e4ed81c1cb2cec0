//! What the README promises for a broker's bad days, counted in and counted out under a stream of casts.

use std::time::Duration;

use crate::broker::Broker;
use crate::tally::{RECOVERY, Stream};
use crate::world::eventually;
use themis_messaging::Readiness;

const QUORUM: &str = "?rabbit_quorum_queue=true";

async fn away(stream: &Stream) {
    eventually("the loss is seen", || {
        !matches!(stream.serving.readiness(), Readiness::Ready)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_lives_loses_nothing_when_connections_are_cut_or_it_stands_still() {
    let Some(broker) = Broker::start().await else { return };
    let stream = Stream::start(&broker.url, &broker.url, RECOVERY).await;
    broker.ctl(&["close_all_connections", "on purpose"]).await;
    stream.flows().await;
    broker.act("rabbit-pause").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    broker.act("rabbit-resume").await;
    stream.flows().await;
    stream.count().await.assert_nothing_lost();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_deleted_queue_only_what_lay_in_it_is_lost_and_who_sends_meanwhile_is_told() {
    let Some(broker) = Broker::start().await else { return };
    let stream = Stream::start(&broker.url, &broker.url, RECOVERY).await;
    broker.ctl(&["delete_queue", stream.topic.as_str()]).await;
    stream.flows().await;
    let tally = stream.count().await;
    tally.assert_little_lost();
    assert!(tally.nobody > 0, "nobody noticed that the queue was gone: {tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_forgets_classic_queues_and_the_moment_only() {
    let Some(broker) = Broker::start().await else { return };
    let stream = Stream::start(&broker.url, &broker.url, RECOVERY).await;
    broker.act("rabbit-kill").await;
    away(&stream).await;
    broker.act("rabbit-start").await;
    stream.flows().await;
    stream.count().await.assert_little_lost();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_keeps_what_quorum_queues_confirmed() {
    let Some(broker) = Broker::start().await else { return };
    let url = format!("{}{QUORUM}", broker.url);
    let stream = Stream::start(&url, &url, RECOVERY).await;
    // RabbitMQ 3.10.8: a quorum queue that was declared a moment before the kill may stay without a leader for good.
    tokio::time::sleep(Duration::from_secs(10)).await;
    broker.act("rabbit-kill").await;
    away(&stream).await;
    broker.act("rabbit-start").await;
    stream.flows().await;
    stream.count().await.assert_nothing_lost();
}

/// Two nodes; a URL that names both.
async fn cluster() -> Option<([Broker; 2], String)> {
    let first = Broker::start().await?;
    let second = first.start_joined().await;
    let place = second.url.strip_prefix("rabbit://").unwrap();
    let url = format!("{},{place}", first.url);
    Some(([first, second], url))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_node_of_a_cluster_stops_everybody_moves_to_the_other_and_only_the_moment_is_lost() {
    let Some(([first, second], url)) = cluster().await else {
        return;
    };
    let stream = Stream::start(&url, &url, RECOVERY).await;
    let queues = second.ctl(&["list_queues", "name", "pid", "--no-table-headers"]).await;
    let at = |broker: &Broker| broker.url.rsplit(':').next().unwrap().to_owned();
    let line = queues
        .lines()
        .find(|line| line.starts_with(&format!("{}\t", stream.topic)))
        .unwrap();
    let (leaves, stays) = if line.contains(&at(&second)) {
        (&second, &first)
    } else {
        (&first, &second)
    };
    // The node takes its time to stop; by then everybody has moved.
    leaves.act("rabbit-stop").await;
    stream.flows().await;
    let connections = stays.ctl(&["list_connections", "port", "--no-table-headers"]).await;
    assert!(
        connections.lines().count() >= 2,
        "everybody is on the node that stays: {connections}"
    );
    stream.count().await.assert_little_lost();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quorum_queue_without_its_majority_confirms_nothing_and_loses_nothing() {
    let Some(([first, second], url)) = cluster().await else {
        return;
    };
    let url = format!("{url}/{QUORUM}");
    // Whoever sends meanwhile is told within this time that it is in doubt.
    let stream = Stream::start(&url, &url, Duration::from_secs(3)).await;
    second.act("rabbit-stop").await;
    // What was on its way is settled; from then on there is one member of two.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let confirmed = stream.confirmed();
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(stream.confirmed(), confirmed, "confirmed without a majority");
    second.act("rabbit-start").await;
    stream.flows().await;
    let tally = stream.count().await;
    tally.assert_nothing_lost();
    assert!(
        tally.doubtful + tally.expired > 0,
        "who sent without a majority was not told: {tally:?}"
    );
    drop(first);
}
