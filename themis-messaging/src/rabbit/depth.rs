//! Looks now and then how much lies in the queues that a role consumes: a server that falls behind is seen before its
//! messages expire. On a channel of its own, so that a queue that is gone disturbs no consumer.

use std::convert::Infallible;
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use tokio::time::{sleep, timeout};

use crate::measures::DEPTH;

/// After the subscription, so that the first look finds what consumers leave.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Time for one look at all queues.
const LOOK_WITHIN: Duration = Duration::from_secs(5);

/// A queue, and what it is called in the metrics: not always its name, which may be new with each start.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) queue: String,
    pub(crate) label: String,
}

/// Looks for ever; it is dropped with its connection.
pub(crate) async fn watch(connection: &Connection, queues: Vec<Watched>) -> Infallible {
    let mut channel = None;
    let mut pause = FIRST_LOOK;
    loop {
        sleep(pause).await;
        pause = LOOK_EVERY;
        match timeout(LOOK_WITHIN, look(connection, channel.take(), &queues)).await {
            Ok(Ok(good)) => channel = Some(good),
            Ok(Err(error)) => tracing::debug!("how full the queues are is unknown: {error}"),
            Err(_) => tracing::debug!("how full the queues are is unknown: no answer within {LOOK_WITHIN:?}"),
        }
    }
}

async fn look(connection: &Connection, channel: Option<Channel>, queues: &[Watched]) -> lapin::Result<Channel> {
    let channel = match channel {
        Some(channel) => channel,
        None => connection.create_channel().await?,
    };
    for watched in queues {
        // Passive: the broker compares nothing and makes nothing.
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let seen = channel
            .queue_declare(watched.queue.as_str().into(), options, FieldTable::default())
            .await?;
        metrics::gauge!(DEPTH, "queue" => watched.label.clone()).set(f64::from(seen.message_count()));
    }
    Ok(channel)
}
