//! What is counted and measured, by name. Labels are few by construction: topics and queues that this process serves, and
//! its own roles; nothing that a sender can invent. The page `docs/operators/bus.md` says how to read them.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Messages written to a broker, repetitions counted each time.
pub const PUBLISHED: &str = "themis_bus_published_total";
/// Messages that the broker confirmed.
pub const CONFIRMED: &str = "themis_bus_confirmed_total";
/// Messages that no queue took.
pub const RETURNED: &str = "themis_bus_returned_total";
/// Messages whose time was over before they were confirmed.
pub const EXPIRED: &str = "themis_bus_expired_total";
/// Messages given to a handler or listener.
pub const RECEIVED: &str = "themis_bus_received_total";
/// Deliveries that the broker says it made before.
pub const REDELIVERED: &str = "themis_bus_redelivered_total";
/// Messages dropped because their id was among the last sixteen.
pub const DUPLICATES: &str = "themis_bus_duplicates_total";
/// Messages dropped because they cannot be read.
pub const UNREADABLE: &str = "themis_bus_unreadable_total";
/// Connections made.
pub const CONNECTIONS: &str = "themis_bus_connections_total";
/// Connections made in place of a lost one; label `role`.
pub const RECONNECTS: &str = "themis_bus_reconnects_total";
/// 0 while a role has no connection or is refused its queues, else 1; label `bus`.
pub const UP: &str = "themis_bus_up";
/// Messages of ours that the broker has not confirmed yet; label `bus`.
pub const WAITING: &str = "themis_bus_waiting_messages";
/// Messages that lie in a queue that we consume, as last seen; label `queue`.
pub const DEPTH: &str = "themis_bus_queue_depth_messages";
/// From the sender's bus taking a message in until its handler starts here, by the clocks of both; label `topic`.
pub const HANDLING_DELAY: &str = "themis_bus_handling_delay_seconds";

/// All of them.
pub const ALL: [&str; 14] = [
    PUBLISHED,
    CONFIRMED,
    RETURNED,
    EXPIRED,
    RECEIVED,
    REDELIVERED,
    DUPLICATES,
    UNREADABLE,
    CONNECTIONS,
    RECONNECTS,
    UP,
    WAITING,
    DEPTH,
    HANDLING_DELAY,
];

/// Tells the recorder of this process what they mean.
pub(crate) fn describe() {
    describe_counter!(PUBLISHED, "messages written to a broker, repetitions included");
    describe_counter!(CONFIRMED, "messages that the broker confirmed");
    describe_counter!(RETURNED, "messages that no queue took");
    describe_counter!(EXPIRED, "messages whose time was over before they were confirmed");
    describe_counter!(RECEIVED, "messages given to a handler or listener");
    describe_counter!(REDELIVERED, "deliveries that the broker says it made before");
    describe_counter!(DUPLICATES, "messages dropped because their id was seen a moment ago");
    describe_counter!(UNREADABLE, "messages dropped because they cannot be read");
    describe_counter!(CONNECTIONS, "connections made");
    describe_counter!(RECONNECTS, "connections made in place of a lost one");
    describe_gauge!(UP, "0 while a connection is missing or of no use, else 1");
    describe_gauge!(WAITING, "our messages that the broker has not confirmed yet");
    describe_gauge!(DEPTH, "messages that lie in a queue that we consume, as last seen");
    describe_histogram!(
        HANDLING_DELAY,
        Unit::Seconds,
        "from the sending of a message to the start of its handler"
    );
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_operators_page_lists_every_measure() {
        let page = include_str!("../../docs/operators/bus.md");
        for name in super::ALL {
            assert!(
                page.contains(&format!("`{name}`")),
                "docs/operators/bus.md lacks {name}"
            );
        }
    }
}
