//! Which exchanges and queues are declared, and exactly how: another oslo service refuses to start when one of them
//! exists otherwise. Pure; the broker is spoken to in [`crate::rabbit`]. Observed with oslo.messaging 14.0.3 and 18.3.1.
//!
//! | configuration | control exchange | `T`, `T.S`, notifications | `T_fanout` exchange | fanout and reply queues |
//! |---|---|---|---|---|
//! | default | - | - | auto-delete | `x-expires` |
//! | `amqp_durable_queues` | durable | durable | auto-delete | `x-expires` |
//! | `amqp_auto_delete` | auto-delete | auto-delete | auto-delete | `x-expires` |
//! | `rabbit_quorum_queue` | durable | durable, quorum | auto-delete | `x-expires` |
//! | `rabbit_transient_quorum_queue`, by itself or with it | | | durable, auto-delete | durable, quorum, `x-expires` |
//! | `rabbit_transient_queues_ttl = 0` | | | | no `x-expires` |
//! | `rabbit_ha_queues` | | `x-ha-policy` all | | `x-ha-policy` all |

use crate::settings::QueueOptions;

/// How an exchange passes messages on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExchangeKind {
    /// By routing key.
    Topic,
    /// To every queue that is bound.
    Fanout,
}

/// An exchange as it is to be declared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Exchange {
    /// Its name.
    pub name: String,
    /// How it passes messages on.
    pub kind: ExchangeKind,
    /// Whether it survives the broker's restart.
    pub durable: bool,
    /// Whether it goes when its last queue is gone.
    pub auto_delete: bool,
}

/// Value of a queue's argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// A number; brokers compare by value, whatever the width on the wire.
    Number(u64),
    /// A word.
    Text(&'static str),
}

/// A queue as it is to be declared. Never exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Whether it survives the broker's restart.
    pub durable: bool,
    /// Whether it goes when its last consumer is gone.
    pub auto_delete: bool,
    /// Its arguments.
    pub arguments: Vec<(&'static str, Argument)>,
}

impl QueueOptions {
    /// The exchange of topics and notifications.
    #[must_use]
    pub fn control_exchange(&self, name: &str) -> Exchange {
        Exchange {
            name: name.to_owned(),
            kind: ExchangeKind::Topic,
            durable: self.durable || self.quorum,
            auto_delete: self.auto_delete,
        }
    }

    /// The exchange of a topic's fanouts.
    #[must_use]
    pub fn fanout_exchange(&self, topic: &str) -> Exchange {
        Exchange {
            name: format!("{topic}_fanout"),
            kind: ExchangeKind::Fanout,
            durable: self.transient_quorum,
            auto_delete: true,
        }
    }

    /// A queue that several may consume and that outlives them: of a topic, a server, a notification's priority.
    #[must_use]
    pub fn shared_queue(&self, name: impl Into<String>) -> Queue {
        let mut arguments = self.ha_argument();
        if self.quorum {
            arguments.extend(self.quorum_arguments());
        }
        Queue {
            name: name.into(),
            durable: self.durable || self.quorum,
            auto_delete: self.auto_delete,
            arguments,
        }
    }

    /// A queue of one process, for fanouts or replies, which expires when it is not used.
    #[must_use]
    pub fn transient_queue(&self, name: impl Into<String>) -> Queue {
        let quorum = self.transient_quorum;
        let mut arguments = self.ha_argument();
        if quorum {
            arguments.extend(self.quorum_arguments());
        }
        let expires_ms = u64::try_from(self.transient_ttl.as_millis()).unwrap_or(u64::MAX);
        if expires_ms > 0 {
            arguments.push(("x-expires", Argument::Number(expires_ms)));
        }
        Queue {
            name: name.into(),
            durable: quorum,
            auto_delete: false,
            arguments,
        }
    }

    fn ha_argument(&self) -> Vec<(&'static str, Argument)> {
        if self.ha {
            vec![("x-ha-policy", Argument::Text("all"))]
        } else {
            Vec::new()
        }
    }

    fn quorum_arguments(&self) -> impl Iterator<Item = (&'static str, Argument)> + use<> {
        let limits = [
            ("x-delivery-limit", self.delivery_limit),
            ("x-max-in-memory-length", self.max_memory_length),
            ("x-max-in-memory-bytes", self.max_memory_bytes),
        ];
        let limits = limits.into_iter().filter(|(_, limit)| *limit != 0);
        std::iter::once(("x-queue-type", Argument::Text("quorum")))
            .chain(limits.map(|(name, limit)| (name, Argument::Number(u64::from(limit)))))
    }
}

/// The broker's "this exists otherwise" (406), with what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the broker refuses {kind} '{name}' for its '{argument}': {advice} (the broker's words: {text})")]
pub struct DeclareError {
    /// `queue` or `exchange`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The property or argument that differs; `declaration` when the broker does not say.
    pub argument: String,
    /// The option to change.
    pub advice: String,
    /// The broker's own words.
    pub text: String,
}

impl DeclareError {
    /// Reads the broker's words for a refused declaration.
    #[must_use]
    pub fn read(kind: &'static str, name: &str, transient: bool, text: &str) -> Self {
        let argument = text
            .split_once("inequivalent arg '")
            .and_then(|(_, rest)| rest.split_once('\''))
            .map_or("declaration", |(argument, _)| argument);
        Self {
            kind,
            name: name.to_owned(),
            argument: argument.to_owned(),
            advice: advice(kind, argument, transient),
            text: text.to_owned(),
        }
    }
}

fn advice(kind: &str, argument: &str, transient: bool) -> String {
    let option = match argument {
        "durable" if transient => "rabbit_transient_quorum_queue",
        "durable" => "amqp_durable_queues and rabbit_quorum_queue",
        "auto_delete" => "amqp_auto_delete",
        "x-queue-type" if transient => "rabbit_transient_quorum_queue",
        "x-queue-type" => "rabbit_quorum_queue",
        "x-expires" => "rabbit_transient_queues_ttl",
        "x-delivery-limit" => "rabbit_quorum_delivery_limit",
        "x-max-in-memory-length" => "rabbit_quorum_max_memory_length",
        "x-max-in-memory-bytes" => "rabbit_quorum_max_memory_bytes",
        "x-ha-policy" => "rabbit_ha_queues",
        "type" => return "another service uses this name; choose another control_exchange in [DEFAULT]".to_owned(),
        _ => "rabbit_quorum_queue and rabbit_transient_quorum_queue",
    };
    format!(
        "set {option} of [oslo_messaging_rabbit] as the other services on this virtual host have it, \
         or delete the {kind} when nobody else uses it"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;

    use super::*;

    const DEFAULT: QueueOptions = QueueOptions {
        durable: false,
        auto_delete: false,
        quorum: false,
        transient_quorum: false,
        delivery_limit: 0,
        max_memory_length: 0,
        max_memory_bytes: 0,
        transient_ttl: Duration::from_secs(1800),
        ha: false,
    };
    const DURABLE: QueueOptions = QueueOptions {
        durable: true,
        ..DEFAULT
    };
    const AUTO: QueueOptions = QueueOptions {
        auto_delete: true,
        ..DEFAULT
    };
    const QUORUM: QueueOptions = QueueOptions {
        quorum: true,
        ..DEFAULT
    };
    const BOTH: QueueOptions = QueueOptions {
        transient_quorum: true,
        ..QUORUM
    };
    const TRANSIENT_ALONE: QueueOptions = QueueOptions {
        transient_quorum: true,
        ..DEFAULT
    };
    const FOREVER: QueueOptions = QueueOptions {
        transient_ttl: Duration::ZERO,
        ..DEFAULT
    };
    const HA: QueueOptions = QueueOptions { ha: true, ..DEFAULT };
    const LIMITS: QueueOptions = QueueOptions {
        delivery_limit: 3,
        max_memory_length: 5,
        max_memory_bytes: 7,
        ..BOTH
    };

    fn flags(durable: bool, auto_delete: bool) -> String {
        format!(
            "{}{}",
            if durable { "D" } else { "" },
            if auto_delete { "A" } else { "" }
        )
    }

    fn shown(queue: &Queue) -> String {
        let arguments = queue.arguments.iter().map(|(name, value)| match value {
            Argument::Number(number) => format!(" {name}={number}"),
            Argument::Text(text) => format!(" {name}={text}"),
        });
        flags(queue.durable, queue.auto_delete) + &arguments.collect::<String>()
    }

    #[rstest]
    #[case::default(DEFAULT, ["", "", "A", " x-expires=1800000"])]
    #[case::durable(DURABLE, ["D", "D", "A", " x-expires=1800000"])]
    #[case::auto_delete(AUTO, ["A", "A", "A", " x-expires=1800000"])]
    #[case::quorum(QUORUM, ["D", "D x-queue-type=quorum", "A", " x-expires=1800000"])]
    #[case::transient_quorum(BOTH, ["D", "D x-queue-type=quorum", "DA", "D x-queue-type=quorum x-expires=1800000"])]
    #[case::transient_quorum_alone(TRANSIENT_ALONE, ["", "", "DA", "D x-queue-type=quorum x-expires=1800000"])]
    #[case::no_ttl(FOREVER, ["", "", "A", ""])]
    #[case::ha(HA, ["", " x-ha-policy=all", "A", " x-ha-policy=all x-expires=1800000"])]
    #[case::limits(LIMITS, [
        "D",
        "D x-queue-type=quorum x-delivery-limit=3 x-max-in-memory-length=5 x-max-in-memory-bytes=7",
        "DA",
        "D x-queue-type=quorum x-delivery-limit=3 x-max-in-memory-length=5 x-max-in-memory-bytes=7 x-expires=1800000",
    ])]
    fn declarations_follow_the_table(#[case] options: QueueOptions, #[case] expected: [&str; 4]) {
        let control = options.control_exchange("themis");
        let fanout = options.fanout_exchange("t");
        assert_eq!((control.kind, fanout.kind), (ExchangeKind::Topic, ExchangeKind::Fanout));
        assert_eq!(fanout.name, "t_fanout");
        let seen = [
            flags(control.durable, control.auto_delete),
            shown(&options.shared_queue("t")),
            flags(fanout.durable, fanout.auto_delete),
            shown(&options.transient_queue("t_fanout_1")),
        ];
        assert_eq!(seen, expected);
    }

    #[rstest]
    #[case("durable", false, "amqp_durable_queues and rabbit_quorum_queue")]
    #[case("durable", true, "rabbit_transient_quorum_queue")]
    #[case("auto_delete", false, "amqp_auto_delete")]
    #[case("x-queue-type", true, "rabbit_transient_quorum_queue")]
    #[case("x-expires", true, "rabbit_transient_queues_ttl")]
    #[case("x-delivery-limit", false, "rabbit_quorum_delivery_limit")]
    #[case("x-max-in-memory-length", false, "rabbit_quorum_max_memory_length")]
    #[case("x-max-in-memory-bytes", false, "rabbit_quorum_max_memory_bytes")]
    #[case("x-ha-policy", false, "rabbit_ha_queues")]
    #[case("type", false, "control_exchange")]
    fn every_argument_that_clashes_has_its_option(
        #[case] argument: &str,
        #[case] transient: bool,
        #[case] option: &str,
    ) {
        let text = format!("PRECONDITION_FAILED - inequivalent arg '{argument}' for queue 'q' in vhost '/': ...");
        let error = DeclareError::read("queue", "q", transient, &text);
        assert_eq!(error.argument, argument);
        assert!(error.advice.contains(option), "{error}");
        assert!(
            !error.advice.starts_with("set ") || error.advice.starts_with(&format!("set {option} of")),
            "{error}"
        );
    }

    #[test]
    fn a_clash_names_queue_argument_and_option() {
        let text = "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 't' in vhost '/': \
                    received none but current is the value 'quorum' of type 'longstr'";
        let error = DeclareError::read("queue", "t", false, text).to_string();
        for word in [
            "queue 't'",
            "'x-queue-type'",
            "set rabbit_quorum_queue of [oslo_messaging_rabbit]",
        ] {
            assert!(error.contains(word), "{error}");
        }
    }
}
