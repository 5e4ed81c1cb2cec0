//! The listening role of one served topic: three queues, acknowledged first and handled then, as oslo does it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{BoxStream, SelectAll, StreamExt, once};
use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::connector::Line;
use super::depth::{Watched, watch};
use super::supervisor::{Ended, Role, in_time};
use super::topology::{bind, declare_exchange, declare_queue, short};
use crate::bus::Endpoint;
use crate::declare::DeclareError;
use crate::duplicates::Duplicates;
use crate::envelope::{DecodeError, Request, body};
use crate::measures::{DUPLICATES, RECEIVED, REDELIVERED, UNREADABLE};
use crate::serving::Readiness;
use crate::settings::QueueOptions;

/// Messages taken ahead when the operator sets no `rabbit_qos_prefetch_count`. Oslo's 0 means all there are; here
/// what is not yet handled stays with the broker, where it expires.
const PREFETCH: u16 = 256;

/// The header in which Themis says when a message was sent: Unix time in milliseconds. AMQP's own timestamp counts whole
/// seconds only. Python peers look at one header alone, `compression`.
pub(crate) const SENT_HEADER: &str = "themis-sent-ms";

/// Before a cancelled consumer declares again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The broker ended a consumer.
struct Cancelled;

/// What the consumers of a server deliver; `None` when one of them has ended.
type Deliveries = SelectAll<BoxStream<'static, Option<lapin::Result<Delivery>>>>;

/// Listens for one server.
pub(crate) struct Listener {
    pub(crate) endpoint: Endpoint,
    /// The control exchange's name.
    pub(crate) exchange: String,
    pub(crate) queues: QueueOptions,
    pub(crate) prefetch: u16,
    /// The server's own queue of fanouts; the same over reconnects.
    pub(crate) fanout_queue: String,
    /// What consumers are told.
    pub(crate) consume: FieldTable,
    /// Whether that queue is left to the server's next start.
    pub(crate) keep_fanout_queue: bool,
    pub(crate) inbox: mpsc::Sender<Request>,
    pub(crate) readiness: Arc<watch::Sender<Readiness>>,
    pub(crate) duplicates: Duplicates,
    pub(crate) stop: CancellationToken,
}

#[async_trait]
impl Role for Listener {
    fn name(&self) -> String {
        format!("listening:{}", self.endpoint.topic)
    }

    async fn run(&mut self, line: &Line) -> Ended {
        loop {
            let (channel, deliveries) = match in_time(self.subscribe(line)).await {
                Ok(subscribed) => subscribed,
                Err(ended) => return ended,
            };
            line.works();
            self.readiness.send_replace(Readiness::Ready);
            // Looked at beside the work, for it is most wanted while the work is stuck.
            let looking = watch(&line.connection, self.watched());
            let listened = tokio::select! {
                never = looking => match never {},
                listened = self.listen(channel, deliveries) => listened,
                // A server that is stuck would not come to see it.
                why = line.lost() => Err(Ended::Lost(why)),
            };
            match listened {
                Err(ended) => return ended,
                // A queue was deleted under us, or moved: the connection is good, so declare again.
                Ok(Cancelled) => {
                    tracing::warn!(topic = %self.endpoint.topic, "the broker cancelled our consumer; declaring again");
                    self.readiness.send_replace(Readiness::Away);
                    tokio::select! {
                        () = self.stop.cancelled() => return Ended::Stopped,
                        () = tokio::time::sleep(AGAIN_AFTER) => {}
                    }
                }
            }
        }
    }

    fn away(&mut self) {
        self.readiness.send_replace(Readiness::Away);
    }

    fn refused(&mut self, error: &DeclareError) {
        self.readiness.send_replace(Readiness::Refused(error.clone()));
    }
}

impl Listener {
    /// Declares and consumes in oslo's order: the topic's queue, the server's, the fanout's.
    async fn subscribe(&self, line: &Line) -> Result<(Channel, Deliveries), Ended> {
        let lost = |error: lapin::Error| Ended::Lost(error.to_string());
        let channel = line.connection.create_channel().await.map_err(lost)?;
        let prefetch = if self.prefetch == 0 { PREFETCH } else { self.prefetch };
        channel
            .basic_qos(prefetch, BasicQosOptions::default())
            .await
            .map_err(lost)?;
        let (topic, server) = (self.endpoint.topic.as_str(), &self.endpoint.server);
        let control = self.queues.control_exchange(&self.exchange);
        declare_exchange(&channel, &control).await?;
        let names = [topic.to_owned(), format!("{topic}.{server}")];
        for name in &names {
            declare_queue(&channel, &self.queues.shared_queue(name), false).await?;
            bind(&channel, name, &control.name, name).await?;
        }
        let fanout = self.queues.fanout_exchange(topic);
        declare_exchange(&channel, &fanout).await?;
        declare_queue(&channel, &self.queues.transient_queue(&self.fanout_queue), true).await?;
        bind(&channel, &self.fanout_queue, &fanout.name, topic).await?;
        let mut deliveries = SelectAll::new();
        for (tag, queue) in names.iter().chain([&self.fanout_queue]).enumerate() {
            let tag = short(&(tag + 1).to_string())?;
            let consumer = channel
                .basic_consume(short(queue)?, tag, BasicConsumeOptions::default(), self.consume.clone())
                .await
                .map_err(lost)?;
            deliveries.push(consumer.map(Some).chain(once(async { None })).boxed());
        }
        Ok((channel, deliveries))
    }

    /// Takes deliveries until the broker ends a consumer, the connection is lost, or the role is stopped.
    async fn listen(&mut self, channel: Channel, mut deliveries: Deliveries) -> Result<Cancelled, Ended> {
        let stop = self.stop.clone();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    self.leave(&channel).await;
                    return Err(Ended::Stopped);
                }
                delivery = deliveries.next() => {
                    let taken = match delivery.flatten() {
                        None => return Ok(Cancelled),
                        Some(Ok(delivery)) => self.take(delivery).await,
                        Some(Err(error)) => Err(error),
                    };
                    match taken {
                        Ok(()) => {}
                        // The channel alone was closed.
                        Err(error) if error.is_amqp_soft_error() => return Ok(Cancelled),
                        Err(error) => return Err(Ended::Lost(error.to_string())),
                    }
                }
            }
        }
    }

    fn watched(&self) -> Vec<Watched> {
        let topic = &self.endpoint.topic;
        let server = format!("{topic}.{}", self.endpoint.server);
        [
            (topic.to_string(), topic.to_string()),
            (server.clone(), server),
            (self.fanout_queue.clone(), format!("{topic}_fanout")),
        ]
        .map(|(queue, label)| Watched { queue, label })
        .into()
    }

    /// Acknowledges and hands over one message; what cannot be read is rejected, as a Python server does.
    async fn take(&mut self, delivery: Delivery) -> lapin::Result<()> {
        if delivery.redelivered {
            metrics::counter!(REDELIVERED).increment(1);
        }
        let request = match read(&delivery) {
            Ok(request) => request,
            Err(error) => {
                metrics::counter!(UNREADABLE).increment(1);
                tracing::warn!(topic = %self.endpoint.topic, "message dropped: {error}");
                return delivery
                    .acker
                    .reject(BasicRejectOptions { requeue: false })
                    .await
                    .map(drop);
            }
        };
        // Room first: a message that is acknowledged is ours alone. Without room it stays the broker's.
        let Some(Ok(room)) = self.stop.run_until_cancelled(self.inbox.reserve()).await else {
            return Ok(());
        };
        delivery.acker.ack(BasicAckOptions::default()).await?;
        if self.duplicates.seen(request.unique_id.as_deref()) {
            metrics::counter!(DUPLICATES).increment(1);
        } else {
            metrics::counter!(RECEIVED).increment(1);
            room.send(request);
        }
        Ok(())
    }

    /// Leaves the topic in order: nothing more is delivered, and the fanout queue does not stay behind.
    async fn leave(&self, channel: &Channel) {
        let goodbye = async {
            for tag in 1..=3 {
                channel
                    .basic_cancel(tag.to_string().into(), BasicCancelOptions::default())
                    .await?;
            }
            if !self.keep_fanout_queue {
                let options = QueueDeleteOptions::default();
                channel.queue_delete(self.fanout_queue.as_str().into(), options).await?;
            }
            channel.close(200, "goodbye".into()).await
        };
        if !matches!(timeout(Duration::from_secs(3), goodbye).await, Ok(Ok(()))) {
            tracing::debug!(topic = %self.endpoint.topic, "left without the broker's goodbye; the queue will expire");
        }
    }
}

fn read(delivery: &Delivery) -> Result<Request, DecodeError> {
    let mut request = Request::decode(&open(delivery)?)?;
    let sender = delivery.properties.user_id().as_ref().map(ToString::to_string);
    let sent_ms = delivery
        .properties
        .headers()
        .as_ref()
        .and_then(|headers| headers.inner().get(SENT_HEADER))
        .and_then(|value| match value {
            AMQPValue::LongLongInt(ms) => Some(*ms),
            _ => None,
        });
    request.context = request.context.sent_by(sender).sent_at(sent_ms);
    Ok(request)
}

/// The body of a delivery, decompressed.
pub(crate) fn open(delivery: &Delivery) -> Result<std::borrow::Cow<'_, [u8]>, DecodeError> {
    let properties = &delivery.properties;
    let compression = properties
        .headers()
        .as_ref()
        .and_then(|headers| headers.inner().get("compression"));
    let compression = match compression {
        Some(AMQPValue::LongString(text)) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        Some(AMQPValue::ShortString(text)) => Some(text.as_str().to_owned()),
        _ => None,
    };
    let content_type = properties.content_type().as_ref().map(|text| text.as_str());
    body::open(content_type, compression.as_deref(), &delivery.data)
}
