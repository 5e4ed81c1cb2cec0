//! The sending role: one connection, one channel with confirms, a window of messages on their way.
//!
//! A message that was not confirmed when its channel went is sent again on the next, under the same id. When the
//! broker closes the channel because of a message, those on their way are sent one by one, so that the guilty one is
//! known and refused while the others get through.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Event};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::connector::Line;
use super::listener::SENT_HEADER;
use super::outbox::{Outbox, Outgoing, Route};
use super::responder::now_ms;
use super::supervisor::{Ended, Role, in_time};
use super::topology::{bind, declare_exchange, declare_queue, short};
use crate::BusError;
use crate::bus::Sent;
use crate::envelope::body::CONTENT_TYPE;
use crate::measures::{CONFIRMED, PUBLISHED, RETURNED};
use crate::waiting::Held;

/// Most messages on their way at once.
const WINDOW: usize = 256;
/// Most bytes on their way at once, for the library holds a copy of each; one message may be larger and goes alone.
const WINDOW_BYTES: usize = 4 * 1024 * 1024;
/// A broker that confirms nothing for so long, though something is on its way, is given up.
const CONFIRM_WITHIN: Duration = Duration::from_secs(15);

/// How long a broker is left alone that could not store a message.
const AFTER_NACK: Duration = Duration::from_millis(250);

/// Sends what is in the outbox.
pub(crate) struct Sender {
    outbox: Arc<Outbox>,
    stop: CancellationToken,
    /// So many are sent one by one after a channel error.
    careful: usize,
}

/// How the work on one channel ended.
enum End {
    /// The connection is good; another channel will do.
    Reopen,
    /// The connection's end, or the role's.
    Connection(Ended),
}

impl Sender {
    pub(crate) fn new(outbox: Arc<Outbox>, stop: CancellationToken) -> Self {
        Self {
            outbox,
            stop,
            careful: 0,
        }
    }
}

#[async_trait]
impl Role for Sender {
    fn name(&self) -> String {
        "sending".to_owned()
    }

    async fn run(&mut self, line: &Line) -> Ended {
        loop {
            let channel = match in_time(open(line)).await {
                Ok(channel) => channel,
                Err(ended) => return ended,
            };
            line.works();
            let mut work = Work::new(self, channel, line);
            let end = work.go(line).await;
            work.recall(&end);
            match end {
                End::Reopen => tracing::debug!("the broker closed the sending channel; opening another"),
                End::Connection(ended) => return ended,
            }
        }
    }
}

async fn open(line: &Line) -> Result<Channel, Ended> {
    let lost = |error: lapin::Error| Ended::Lost(error.to_string());
    let channel = line.connection.create_channel().await.map_err(lost)?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .map_err(lost)?;
    Ok(channel)
}

/// The work on one channel.
struct Work<'a> {
    sender: &'a mut Sender,
    channel: Channel,
    declared: HashSet<String>,
    /// The messages on their way, and the broker's answers to them, both by number.
    held: BTreeMap<u64, Held<Outgoing>>,
    /// Of those on their way.
    bytes: usize,
    answers: FuturesUnordered<BoxFuture<'static, (u64, lapin::Result<Confirmation>)>>,
    number: u64,
    /// Who we are for the broker.
    user: ShortString,
    /// When something was last confirmed, or the first put on its way.
    progress: Instant,
    blocked: bool,
    /// The broker could not take something: it is left alone until then.
    pause_until: Option<Instant>,
}

impl<'a> Work<'a> {
    fn new(sender: &'a mut Sender, channel: Channel, line: &Line) -> Self {
        Self {
            sender,
            channel,
            declared: HashSet::new(),
            held: BTreeMap::new(),
            bytes: 0,
            answers: FuturesUnordered::new(),
            number: 0,
            user: ShortString::try_new(line.user.as_str()).unwrap_or_default(),
            progress: Instant::now(),
            blocked: line.connection.status().blocked(),
            pause_until: None,
        }
    }

    fn window(&self) -> usize {
        if self.blocked || self.pause_until.is_some() {
            0
        } else if self.sender.careful > 0 {
            1
        } else {
            WINDOW
        }
    }

    fn has_room(&self) -> bool {
        self.held.len() < self.window() && self.bytes < WINDOW_BYTES
    }

    async fn go(&mut self, line: &Line) -> End {
        let mut events = Box::pin(line.connection.events_listener());
        let stop = self.sender.stop.clone();
        let outbox = self.sender.outbox.clone();
        loop {
            while self.has_room() {
                let Some(held) = outbox.take() else { break };
                if let Err(end) = self.send(held).await {
                    return end;
                }
            }
            let room = self.has_room();
            let late = self.progress + CONFIRM_WITHIN;
            let pause = self.pause_until.unwrap_or(late);
            tokio::select! {
                biased;
                () = stop.cancelled() => return End::Connection(Ended::Stopped),
                Some((number, answer)) = self.answers.next(), if !self.answers.is_empty() => {
                    if let Err(end) = self.settle(number, answer) {
                        return end;
                    }
                }
                event = events.next() => if let Err(end) = self.heed(event) {
                    return end;
                },
                () = outbox.arrived(), if room => {}
                () = sleep_until(pause), if self.pause_until.is_some() => self.pause_until = None,
                () = sleep_until(late), if !self.blocked && !self.held.is_empty() => {
                    let why = format!("nothing confirmed for {CONFIRM_WITHIN:?}");
                    return End::Connection(Ended::Lost(why));
                }
            }
        }
    }

    fn heed(&mut self, event: Option<Event>) -> Result<(), End> {
        match event {
            Some(Event::ConnectionBlocked(reason)) => {
                tracing::warn!("the broker takes no messages now: {reason}");
                self.blocked = true;
            }
            Some(Event::ConnectionUnblocked) => {
                tracing::info!("the broker takes messages again");
                self.blocked = false;
                self.progress = Instant::now();
            }
            // A channel's error comes to the messages on their way as well, and is judged there.
            Some(Event::Error(error)) if !error.is_amqp_soft_error() => {
                return Err(End::Connection(Ended::Lost(error.to_string())));
            }
            Some(_) => {}
            None => return Err(End::Connection(Ended::Lost("the connection ended".to_owned()))),
        }
        Ok(())
    }

    /// Declares what is not yet declared on this channel, and puts the message on its way.
    async fn send(&mut self, held: Held<Outgoing>) -> Result<(), End> {
        if let Err(ended) = in_time(self.declare(&held.item.route)).await {
            let outbox = &self.sender.outbox;
            return Err(match ended {
                Ended::Refused(error) => {
                    tracing::error!("{error}");
                    outbox.end(held, Err(BusError::Declaration(error)));
                    End::Reopen
                }
                other => {
                    outbox.put_back(held);
                    End::Connection(other)
                }
            });
        }
        if self.held.is_empty() {
            self.progress = Instant::now();
        }
        let number = self.number;
        self.number += 1;
        held.item.attempt();
        metrics::counter!(PUBLISHED).increment(1);
        let answer = publish(self.channel.clone(), &held, self.user.clone());
        self.answers.push(async move { (number, answer.await) }.boxed());
        self.bytes += held.bytes();
        self.held.insert(number, held);
        Ok(())
    }

    async fn declare(&mut self, route: &Route) -> Result<(), Ended> {
        let (exchange, queue) = match route {
            Route::Queue => return Ok(()),
            Route::Topic(exchange) | Route::Fanout(exchange) => (exchange, None),
            Route::Notification(exchange, queue) => (exchange, Some(queue)),
        };
        if !self.declared.contains(&exchange.name) {
            declare_exchange(&self.channel, exchange).await?;
            self.declared.insert(exchange.name.clone());
        }
        if let Some(queue) = queue {
            let mark = format!("{} {}", exchange.name, queue.name);
            if !self.declared.contains(&mark) {
                declare_queue(&self.channel, queue, false).await?;
                bind(&self.channel, &queue.name, &exchange.name, &queue.name).await?;
                self.declared.insert(mark);
            }
        }
        Ok(())
    }

    /// The broker's answer to one message.
    fn settle(&mut self, number: u64, answer: lapin::Result<Confirmation>) -> Result<(), End> {
        let alone = self.held.len() == 1;
        let Some(held) = self.held.remove(&number) else {
            return Ok(());
        };
        self.bytes -= held.bytes();
        let outbox = &self.sender.outbox;
        match answer {
            Ok(Confirmation::Ack(None) | Confirmation::NotRequested) => {
                metrics::counter!(CONFIRMED).increment(1);
                outbox.end(held, Ok(Sent::Confirmed));
            }
            Ok(Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_))) => {
                metrics::counter!(RETURNED).increment(1);
                let topic = held.item.key.clone();
                let error = if held.item.repeated() {
                    BusError::ListenerGone { topic }
                } else {
                    BusError::NoListener { topic }
                };
                outbox.end(held, Err(error));
            }
            // The broker could not store it (a quorum queue without majority, say); the next attempt may fare better.
            Ok(Confirmation::Nack(None)) => {
                outbox.put_back(held);
                self.pause_until = Some(Instant::now() + AFTER_NACK);
            }
            Err(error) if !error.is_amqp_soft_error() => {
                outbox.put_back(held);
                return Err(End::Connection(Ended::Lost(error.to_string())));
            }
            Err(error) => {
                // An exchange that deleted itself (404) is declared again on the next channel.
                let gone = matches!(error.kind(), lapin::ErrorKind::ProtocolError(error) if error.get_id() == 404);
                if alone && !gone {
                    outbox.end(
                        held,
                        Err(BusError::Refused {
                            text: error.to_string(),
                        }),
                    );
                } else {
                    if alone {
                        // There was no exchange that could have taken it anywhere.
                        held.item.unsent();
                    }
                    outbox.put_back(held);
                }
                return Err(End::Reopen);
            }
        }
        self.progress = Instant::now();
        self.sender.careful = self.sender.careful.saturating_sub(1);
        Ok(())
    }

    /// Puts back what was on its way when the channel ended; what was answered by then is done.
    fn recall(mut self, end: &End) {
        while let Some(Some((number, answer))) = self.answers.next().now_or_never() {
            if answer.is_ok() {
                let _ = self.settle(number, answer);
            }
        }
        if matches!(end, End::Reopen) {
            self.sender.careful = self.held.len() + 1;
        }
        for (_, held) in std::mem::take(&mut self.held) {
            self.sender.outbox.put_back(held);
        }
    }
}

/// Requests say when they were sent. Everything else has oslo's empty table.
fn headers(held: &Held<Outgoing>) -> FieldTable {
    let mut headers = FieldTable::default();
    if matches!(held.item.route, Route::Topic(_) | Route::Fanout(_)) {
        let waited_ms = i64::try_from(held.waited(Instant::now()).as_millis()).unwrap_or_default();
        headers.insert(SENT_HEADER.into(), AMQPValue::LongLongInt(now_ms() - waited_ms));
    }
    headers
}

/// Writes a message; resolves with the broker's answer.
fn publish(
    channel: Channel,
    held: &Held<Outgoing>,
    user: ShortString,
) -> impl Future<Output = lapin::Result<Confirmation>> + use<> {
    let message = &held.item;
    let names = (short(message.route.exchange()), short(&message.key));
    let options = BasicPublishOptions {
        mandatory: message.mandatory,
        ..BasicPublishOptions::default()
    };
    let mut properties = BasicProperties::default()
        .with_content_type(CONTENT_TYPE.into())
        .with_content_encoding("utf-8".into())
        .with_headers(headers(held))
        .with_delivery_mode(2)
        .with_priority(0);
    if message.expires {
        // At least one millisecond: with zero the broker drops what no consumer takes in that instant.
        let left_ms = held.left(Instant::now()).as_millis().max(1);
        properties = properties.with_expiration(left_ms.to_string().into());
    }
    if matches!(message.route, Route::Fanout(_)) && !user.as_str().is_empty() {
        // The broker refuses a name that is not the one logged in, so whoever hears a report knows who sent it.
        properties = properties.with_user_id(user);
    }
    let body = message.body.clone();
    async move {
        // The outbox takes no longer names in.
        let (Ok(exchange), Ok(key)) = names else {
            return Err(std::io::Error::from(std::io::ErrorKind::InvalidInput).into());
        };
        channel
            .basic_publish(exchange, key, options, &body, properties)
            .await?
            .await
    }
}
