//! Declarations on a channel, and what the broker's refusals mean.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ErrorKind};

use super::supervisor::Ended;
use crate::config::RabbitSection;
use crate::declare::{Argument, DeclareError, Exchange, ExchangeKind, Queue};

/// The longest name that AMQP knows, in bytes.
pub(crate) const LONGEST: usize = 255;

/// What every consumer is told besides its queue.
pub(crate) fn consume_arguments(rabbit: &RabbitSection) -> FieldTable {
    let mut arguments = FieldTable::default();
    if rabbit.enable_cancel_on_failover {
        arguments.insert("x-cancel-on-ha-failover".into(), AMQPValue::Boolean(true));
    }
    arguments
}

/// A name for the wire.
pub(crate) fn short(name: &str) -> Result<ShortString, Ended> {
    ShortString::try_new(name).map_err(|_| {
        let text = format!("names have at most {LONGEST} bytes");
        Ended::Refused(DeclareError::read(
            "name",
            &name.chars().take(40).collect::<String>(),
            false,
            &text,
        ))
    })
}

/// Declares an exchange.
pub(crate) async fn declare_exchange(channel: &Channel, exchange: &Exchange) -> Result<(), Ended> {
    let kind = match exchange.kind {
        ExchangeKind::Topic => lapin::ExchangeKind::Topic,
        ExchangeKind::Fanout => lapin::ExchangeKind::Fanout,
    };
    let options = ExchangeDeclareOptions {
        durable: exchange.durable,
        auto_delete: exchange.auto_delete,
        ..ExchangeDeclareOptions::default()
    };
    let transient = exchange.kind == ExchangeKind::Fanout;
    channel
        .exchange_declare(short(&exchange.name)?, kind, options, FieldTable::default())
        .await
        .map_err(|error| ended("exchange", &exchange.name, transient, &error))
}

/// Declares a queue; `transient` for those of fanouts and replies.
pub(crate) async fn declare_queue(channel: &Channel, queue: &Queue, transient: bool) -> Result<(), Ended> {
    let options = QueueDeclareOptions {
        durable: queue.durable,
        auto_delete: queue.auto_delete,
        ..QueueDeclareOptions::default()
    };
    let mut arguments = FieldTable::default();
    for (name, value) in &queue.arguments {
        arguments.insert(short(name)?, field(*value));
    }
    channel
        .queue_declare(short(&queue.name)?, options, arguments)
        .await
        .map(drop)
        .map_err(|error| ended("queue", &queue.name, transient, &error))
}

/// Binds a queue.
pub(crate) async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Result<(), Ended> {
    let options = QueueBindOptions::default();
    channel
        .queue_bind(
            short(queue)?,
            short(exchange)?,
            short(key)?,
            options,
            FieldTable::default(),
        )
        .await
        .map_err(|error| Ended::Lost(format!("binding '{queue}' to '{exchange}': {error}")))
}

fn field(argument: Argument) -> AMQPValue {
    match argument {
        Argument::Text(text) => AMQPValue::LongString(text.into()),
        Argument::Number(number) => match i32::try_from(number) {
            Ok(small) => AMQPValue::LongInt(small),
            Err(_) => AMQPValue::LongLongInt(i64::try_from(number).unwrap_or(i64::MAX)),
        },
    }
}

fn ended(kind: &'static str, name: &str, transient: bool, error: &lapin::Error) -> Ended {
    match refusal(error) {
        Some(text) => Ended::Refused(DeclareError::read(kind, name, transient, &text)),
        None => Ended::Lost(format!("declaring {kind} '{name}': {error}")),
    }
}

/// The broker's words when it refuses for good: exists otherwise, no permission, a feature switched off.
fn refusal(error: &lapin::Error) -> Option<String> {
    let ErrorKind::ProtocolError(error) = error.kind() else {
        return None;
    };
    let for_good = match error.kind() {
        AMQPErrorKind::Soft(soft) => matches!(soft, AMQPSoftError::PRECONDITIONFAILED | AMQPSoftError::ACCESSREFUSED),
        // A broker that no longer offers a kind of queue answers with one of these.
        AMQPErrorKind::Hard(_) => {
            let text = error.get_message().as_str();
            text.contains("deprecated") || text.contains("not permitted") || text.contains("inequivalent")
        }
    };
    for_good.then(|| error.get_message().to_string())
}
