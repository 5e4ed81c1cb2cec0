//! What docs/operators/bus.md promises for a broker's bad days, counted in and counted out under streams of messages.

use std::time::Duration;

use themis_messaging::Readiness;

use crate::broker::Broker;
use crate::interop::{DURABLE, QUORUM, TRANSIENT_QUORUM};
use crate::tally::{Kind, RECOVERY, Stream};
use crate::world::eventually;

async fn away(stream: &Stream) {
    eventually("the loss is seen", || {
        let ready = |served: &themis_messaging::Serving| matches!(served.readiness(), Readiness::Ready);
        !stream.serving.iter().any(ready)
    })
    .await;
}

/// A stream of each kind, at the same broker.
struct Streams {
    casts: Stream,
    fanouts: Stream,
    notifications: Stream,
}

impl Streams {
    async fn start(url: &str, within: Duration) -> Self {
        let start = |kind| Stream::start(kind, url, within);
        let (casts, fanouts, notifications) =
            tokio::join!(start(Kind::Casts), start(Kind::Fanouts), start(Kind::Notifications));
        Self {
            casts,
            fanouts,
            notifications,
        }
    }

    async fn flow(&self) {
        tokio::join!(self.casts.flows(), self.fanouts.flows(), self.notifications.flows());
    }

    /// The broker is killed, all notice, it comes back, all go on.
    async fn survive_a_kill(&self, broker: &Broker) {
        broker.act("rabbit-kill").await;
        tokio::join!(away(&self.casts), away(&self.fanouts), away(&self.notifications));
        broker.act("rabbit-start").await;
        self.flow().await;
    }

    /// Counts; of casts and notifications nothing that was confirmed may be lost, and neither of fanouts if so said.
    async fn count(self, fanouts_are_kept: bool) {
        let (casts, fanouts, notifications) =
            tokio::join!(self.casts.count(), self.fanouts.count(), self.notifications.count());
        casts.assert_nothing_lost();
        notifications.assert_at_least_once();
        if fanouts_are_kept {
            fanouts.assert_nothing_lost();
        } else {
            fanouts.assert_sound();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_lives_loses_nothing_when_connections_are_cut_or_it_stands_still() {
    let Some(broker) = Broker::start().await else { return };
    let streams = Streams::start(&broker.url, RECOVERY).await;
    broker.ctl(&["close_all_connections", "on purpose"]).await;
    streams.flow().await;
    broker.act("rabbit-pause").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    broker.act("rabbit-resume").await;
    streams.flow().await;
    // The queue of a listener that is cut off stays, so fanouts wait for him there.
    streams.count(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_deleted_queue_only_what_lay_in_it_is_lost_and_who_sends_meanwhile_is_told() {
    let Some(broker) = Broker::start().await else { return };
    let stream = Stream::start(Kind::Casts, &broker.url, RECOVERY).await;
    broker.ctl(&["delete_queue", stream.topic.as_str()]).await;
    stream.flows().await;
    let tally = stream.count().await;
    tally.assert_little_lost();
    assert!(tally.nobody > 0, "nobody noticed that the queue was gone: {tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_forgets_classic_queues_and_the_moment_only() {
    let Some(broker) = Broker::start().await else { return };
    let stream = Stream::start(Kind::Casts, &broker.url, RECOVERY).await;
    broker.act("rabbit-kill").await;
    away(&stream).await;
    broker.act("rabbit-start").await;
    stream.flows().await;
    stream.count().await.assert_little_lost();
}

/// RabbitMQ 3.10.8: a quorum queue that was declared a moment before the kill may stay without a leader for good.
const SETTLED: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_keeps_the_casts_and_notifications_that_durable_queues_confirmed() {
    let Some(broker) = Broker::start().await else { return };
    let streams = Streams::start(&format!("{}{}", broker.url, DURABLE.ours), RECOVERY).await;
    streams.survive_a_kill(&broker).await;
    streams.count(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_keeps_the_casts_and_notifications_that_quorum_queues_confirmed() {
    let Some(broker) = Broker::start().await else { return };
    let streams = Streams::start(&format!("{}{}", broker.url, QUORUM.ours), RECOVERY).await;
    tokio::time::sleep(SETTLED).await;
    streams.survive_a_kill(&broker).await;
    streams.count(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_keeps_fanouts_too_where_transient_queues_are_quorum_queues() {
    let Some(broker) = Broker::start().await else { return };
    let streams = Streams::start(&format!("{}{}", broker.url, TRANSIENT_QUORUM.ours), RECOVERY).await;
    tokio::time::sleep(SETTLED).await;
    streams.survive_a_kill(&broker).await;
    streams.count(true).await;
}

/// Two nodes; a URL that names both.
async fn cluster() -> Option<([Broker; 2], String)> {
    let first = Broker::start().await?;
    let second = first.start_joined().await;
    let place = second.url.strip_prefix("rabbit://").unwrap();
    let url = format!("{},{place}", first.url);
    Some(([first, second], url))
}

/// The node on which a stream's queue is, and the other.
async fn home<'a>(stream: &Stream, first: &'a Broker, second: &'a Broker) -> (&'a Broker, &'a Broker) {
    let queues = second.ctl(&["list_queues", "name", "pid", "--no-table-headers"]).await;
    let line = queues
        .lines()
        .find(|line| line.starts_with(&format!("{}\t", stream.topic)))
        .unwrap();
    if line.contains(second.url.rsplit(':').next().unwrap()) {
        (second, first)
    } else {
        (first, second)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_node_of_a_cluster_stops_everybody_moves_to_the_other_and_only_the_moment_is_lost() {
    let Some(([first, second], url)) = cluster().await else {
        return;
    };
    let stream = Stream::start(Kind::Casts, &url, RECOVERY).await;
    let (leaves, stays) = home(&stream, &first, &second).await;
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
    let url = format!("{url}/{}", QUORUM.ours);
    // Whoever sends meanwhile is told within this time that it is in doubt.
    let stream = Stream::start(Kind::Casts, &url, Duration::from_secs(3)).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn durable_queues_of_a_node_that_stops_are_whole_when_it_is_back() {
    let Some(([first, second], url)) = cluster().await else {
        return;
    };
    let url = format!("{url}/{}", DURABLE.ours);
    let stream = Stream::start(Kind::Casts, &url, Duration::from_secs(3)).await;
    let (leaves, _stays) = home(&stream, &first, &second).await;
    leaves.act("rabbit-stop").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    leaves.act("rabbit-start").await;
    stream.flows().await;
    let tally = stream.count().await;
    tally.assert_nothing_lost();
    let told = tally.nobody + tally.doubtful + tally.expired;
    assert!(
        told > 0,
        "who sent while the queue was out of reach was not told: {tally:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_of_three_may_stop_without_the_loss_of_anything_where_all_queues_are_quorum_queues() {
    let Some(([first, second], url)) = cluster().await else {
        return;
    };
    let third = first.start_joined().await;
    let place = third.url.strip_prefix("rabbit://").unwrap();
    let url = format!("{url},{place}/{}", TRANSIENT_QUORUM.ours);
    let streams = Streams::start(&url, RECOVERY).await;
    tokio::time::sleep(SETTLED).await;
    second.act("rabbit-stop").await;
    streams.flow().await;
    streams.count(true).await;
}
