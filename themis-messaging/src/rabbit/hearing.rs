//! The role that hears notifications: acknowledged when the listener has done with them, so each is heard at least
//! once, in the order of its queue.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::stream::{BoxStream, SelectAll, StreamExt, once};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions};
use lapin::types::FieldTable;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::connector::Line;
use super::depth::{Watched, watch};
use super::listener::open;
use super::supervisor::{Ended, Role, in_time};
use super::topology::{bind, declare_exchange, declare_queue, short};
use crate::Topic;
use crate::bus::{Heard, Listener, Subscription};
use crate::declare::DeclareError;
use crate::duplicates::Duplicates;
use crate::envelope::Notification;
use crate::measures::{DUPLICATES, RECEIVED, REDELIVERED, UNREADABLE};
use crate::serving::Readiness;
use crate::settings::QueueOptions;

/// Notifications taken ahead when the operator sets no `rabbit_qos_prefetch_count`.
const PREFETCH: u16 = 64;
/// Before a message goes back to its queue: a listener that cannot take it now is not asked at full speed.
const PAUSE: Duration = Duration::from_millis(500);

type Deliveries = SelectAll<BoxStream<'static, Option<lapin::Result<Delivery>>>>;

/// Hears for one listener.
pub(crate) struct Hearing {
    pub(crate) subscription: Subscription,
    pub(crate) exchange: String,
    pub(crate) queues: QueueOptions,
    pub(crate) listener: Arc<dyn Listener>,
    /// `rabbit_qos_prefetch_count`
    pub(crate) prefetch: u16,
    /// What consumers are told.
    pub(crate) consume: FieldTable,
    pub(crate) duplicates: Duplicates,
    pub(crate) readiness: watch::Sender<Readiness>,
    pub(crate) stop: CancellationToken,
}

#[async_trait]
impl Role for Hearing {
    fn name(&self) -> String {
        let Subscription { topics, pool, .. } = &self.subscription;
        let names: Vec<&str> = pool.as_ref().map_or_else(
            || topics.iter().map(Topic::as_str).collect(),
            |pool| vec![pool.as_str()],
        );
        format!("notifications:{}", names.join(","))
    }

    async fn run(&mut self, line: &Line) -> Ended {
        match self.hear(line).await {
            Ok(never) | Err(never) => never,
        }
    }

    fn away(&mut self) {
        self.readiness.send_replace(Readiness::Away);
    }

    fn refused(&mut self, error: &DeclareError) {
        self.readiness.send_replace(Readiness::Refused(error.clone()));
    }
}

impl Hearing {
    async fn hear(&mut self, line: &Line) -> Result<Ended, Ended> {
        let (queues, deliveries) = in_time(self.subscribe(line)).await?;
        line.works();
        self.readiness.send_replace(Readiness::Ready);
        let watched = queues.into_iter().map(|queue| Watched {
            label: queue.clone(),
            queue,
        });
        // Looked at beside the work, for it is most wanted while a listener is stuck.
        tokio::select! {
            never = watch(&line.connection, watched.collect()) => match never {},
            ended = self.take_all(deliveries) => ended,
        }
    }

    async fn take_all(&mut self, mut deliveries: Deliveries) -> Result<Ended, Ended> {
        let lost = |error: lapin::Error| Ended::Lost(error.to_string());
        let stop = self.stop.clone();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Ended::Stopped),
                delivery = deliveries.next() => match delivery.flatten() {
                    None => return Err(Ended::Lost("a queue of notifications is gone".to_owned())),
                    Some(delivery) => self.take(delivery.map_err(lost)?).await.map_err(lost)?,
                },
            }
        }
    }

    async fn subscribe(&self, line: &Line) -> Result<(BTreeSet<String>, Deliveries), Ended> {
        let lost = |error: lapin::Error| Ended::Lost(error.to_string());
        let channel = line.connection.create_channel().await.map_err(lost)?;
        let prefetch = if self.prefetch == 0 { PREFETCH } else { self.prefetch };
        channel
            .basic_qos(prefetch, BasicQosOptions::default())
            .await
            .map_err(lost)?;
        let control = self
            .queues
            .control_exchange(self.subscription.exchange.as_deref().unwrap_or(&self.exchange));
        declare_exchange(&channel, &control).await?;
        let mut queues = BTreeSet::new();
        for topic in &self.subscription.topics {
            for priority in &self.subscription.priorities {
                let key = format!("{topic}.{priority}");
                let queue = self
                    .subscription
                    .pool
                    .as_ref()
                    .map_or_else(|| key.clone(), ToString::to_string);
                declare_queue(&channel, &self.queues.shared_queue(&queue), false).await?;
                bind(&channel, &queue, &control.name, &key).await?;
                queues.insert(queue);
            }
        }
        let mut deliveries = Deliveries::new();
        for (tag, queue) in queues.iter().enumerate() {
            let (queue, tag) = (short(queue)?, short(&(tag + 1).to_string())?);
            let consumer = channel
                .basic_consume(queue, tag, BasicConsumeOptions::default(), self.consume.clone())
                .await
                .map_err(lost)?;
            deliveries.push(consumer.map(Some).chain(once(async { None })).boxed());
        }
        Ok((queues, deliveries))
    }

    async fn take(&mut self, delivery: Delivery) -> lapin::Result<()> {
        if delivery.redelivered {
            metrics::counter!(REDELIVERED).increment(1);
        }
        let ack = || delivery.acker.ack(BasicAckOptions::default());
        let notification = match open(&delivery).and_then(|body| Notification::decode(&body)) {
            Ok(notification) => notification,
            Err(error) => {
                metrics::counter!(UNREADABLE).increment(1);
                tracing::warn!("notification dropped: {error}");
                return delivery
                    .acker
                    .reject(BasicRejectOptions { requeue: false })
                    .await
                    .map(drop);
            }
        };
        let unique_id = notification.unique_id.clone();
        if unique_id.as_deref().is_some_and(|id| self.duplicates.contains(id)) {
            metrics::counter!(DUPLICATES).increment(1);
            return ack().await.map(drop);
        }
        metrics::counter!(RECEIVED).increment(1);
        // A listener that panics has not heard.
        let heard = AssertUnwindSafe(self.listener.hear(notification)).catch_unwind().await;
        if matches!(heard, Ok(Heard::Handled)) {
            // Remembered before the acknowledgement: should that be lost, the redelivery is known.
            self.duplicates.seen(unique_id.as_deref());
            return ack().await.map(drop);
        }
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
        delivery
            .acker
            .reject(BasicRejectOptions { requeue: true })
            .await
            .map(drop)
    }
}
