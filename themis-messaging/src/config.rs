//! The sections that this crate reads, under oslo's option names. Options that are oslo's but do nothing here
//! ([`themis_config::oslo`] knows them) are accepted in the shared sections and in the transport URL.

use std::time::Duration;

use secrecy::SecretString;
use themis_config::KnownSection;

themis_config::section! {
    /// What of `[DEFAULT]` concerns the bus.
    pub struct TransportSection("default", strict) {
        /// Where the broker is: rabbit://USER:PASSWORD@HOST:PORT[,USER:PASSWORD@HOST:PORT...]/VHOST
        pub transport_url: SecretString = "rabbit://",
        /// The exchange of our topics.
        pub control_exchange: String = "themis",
        /// Accepted, without effect: every call of Themis has a deadline of its own.
        pub rpc_response_timeout: Duration = "60",
        /// Whether a server answers oslo_rpc_server_ping.
        pub rpc_ping_enabled: bool = "false",
    }
}

themis_config::section! {
    /// How RabbitMQ is used.
    pub struct RabbitSection("oslo_messaging_rabbit", shared) {
        /// Connect with TLS.
        pub ssl: bool = "false",
        /// The authorities that the broker's certificate is checked against; the system's when empty.
        pub ssl_ca_file: String = "",
        /// Our own certificate, when the broker asks for one.
        pub ssl_cert_file: String = "",
        /// The key of our own certificate.
        pub ssl_key_file: String = "",
        /// Make the queues of topics and notifications durable.
        pub amqp_durable_queues: bool = "false",
        /// Delete the queues of topics when nobody consumes them any more.
        pub amqp_auto_delete: bool = "false",
        /// Make the queues of topics and notifications quorum queues.
        pub rabbit_quorum_queue: bool = "false",
        /// Make the queues of fanouts and replies quorum queues.
        pub rabbit_transient_quorum_queue: bool = "false",
        /// Deliveries of one message before a quorum queue drops it; 0: no limit.
        pub rabbit_quorum_delivery_limit: u32 = "0",
        /// Messages that a quorum queue holds in memory; 0: no limit.
        pub rabbit_quorum_max_memory_length: u32 = "0",
        /// Bytes that a quorum queue holds in memory; 0: no limit.
        pub rabbit_quorum_max_memory_bytes: u32 = "0",
        /// Seconds after which an unused queue of fanouts or replies is deleted; 0: never.
        pub rabbit_transient_queues_ttl: Duration = "1800",
        /// Old mirrored queues; gone in RabbitMQ 4.
        pub rabbit_ha_queues: bool = "false",
        /// Give the consumers of fanouts streams instead of queues; not supported.
        pub rabbit_stream_fanout: bool = "false",
        /// Give queues of fanouts and replies names that stay the same over restarts.
        pub use_queue_manager: bool = "false",
        /// The host's part of those names; the kernel's host name when empty.
        pub hostname: String = "",
        /// The program's part of those names; the program's name when empty.
        pub processname: String = "",
        /// Messages taken ahead of handling; 0: 256.
        pub rabbit_qos_prefetch_count: u16 = "0",
        /// Seconds before the second attempt to connect.
        pub rabbit_retry_interval: Duration = "1",
        /// Seconds by which each further attempt waits longer.
        pub rabbit_retry_backoff: Duration = "2",
        /// The longest wait between attempts, in seconds.
        pub rabbit_interval_max: Duration = "30",
        /// Seconds, at random, by which a wait between attempts may be longer.
        pub kombu_reconnect_splay: Duration = "0",
        /// Which of several hosts is tried next: round-robin or shuffle.
        pub kombu_failover_strategy: String = "round-robin",
        /// Ask the broker to cancel consumers when a mirrored queue moves.
        pub enable_cancel_on_failover: bool = "false",
        /// TLS by a FIPS-certified library only; not supported.
        pub ssl_enforce_fips_mode: bool = "false",
        /// Seconds without a sign of the broker after which the connection is given up; 0: never.
        pub heartbeat_timeout_threshold: u16 = "60",
        /// Seconds for which a reply to a vanished caller is tried again.
        pub kombu_missing_consumer_retry_timeout: Duration = "60",
        /// PLAIN or AMQPLAIN.
        pub rabbit_login_method: String = "AMQPLAIN",
    }
}

themis_config::section! {
    /// Where notifications go.
    pub struct NotificationSection("oslo_messaging_notifications", shared) {
        /// messagingv2, messaging or noop; nothing is sent when empty.
        pub driver: Vec<String> = "",
        /// Broker of the notifications; that of [DEFAULT] when empty.
        pub transport_url: SecretString = "",
        /// Topics that each notification is sent to; consumers of Masakari's listen on the default.
        pub topics: Vec<String> = "versioned_notifications",
    }
}

/// The sections of this crate.
#[must_use]
pub fn sections() -> Vec<KnownSection> {
    vec![
        KnownSection::of::<TransportSection>(),
        KnownSection::of::<RabbitSection>(),
        KnownSection::of::<NotificationSection>(),
    ]
}

/// Sets one option of the section by its name, as a query of the transport URL does.
///
/// # Errors
/// The name is unknown, or the value is of the wrong kind.
pub(crate) fn set_option(section: &mut RabbitSection, key: &str, text: &str) -> Result<(), String> {
    macro_rules! options {
        ($($name:ident),+ $(,)?) => {
            match key {
                $(stringify!($name) => section.$name = themis_config::Value::read(text)?,)+
                other if themis_config::oslo::knows("oslo_messaging_rabbit", other) => {}
                _ => return Err("no such option of [oslo_messaging_rabbit]".to_owned()),
            }
        };
    }
    options!(
        ssl,
        ssl_ca_file,
        ssl_cert_file,
        ssl_key_file,
        amqp_durable_queues,
        amqp_auto_delete,
        rabbit_quorum_queue,
        rabbit_transient_quorum_queue,
        rabbit_quorum_delivery_limit,
        rabbit_quorum_max_memory_length,
        rabbit_quorum_max_memory_bytes,
        rabbit_transient_queues_ttl,
        rabbit_ha_queues,
        rabbit_stream_fanout,
        use_queue_manager,
        hostname,
        processname,
        rabbit_qos_prefetch_count,
        rabbit_retry_interval,
        rabbit_retry_backoff,
        rabbit_interval_max,
        heartbeat_timeout_threshold,
        kombu_missing_consumer_retry_timeout,
        kombu_reconnect_splay,
        kombu_failover_strategy,
        enable_cancel_on_failover,
        ssl_enforce_fips_mode,
        rabbit_login_method,
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use themis_config::{Section, Source};

    use super::*;

    #[test]
    fn every_option_can_be_overridden_by_the_url() {
        let mut section: RabbitSection = Source::default().section().unwrap();
        for key in RabbitSection::keys() {
            let value = key.default.unwrap();
            set_option(&mut section, key.name, &value).unwrap_or_else(|error| panic!("{}: {error}", key.name));
        }
        for key in themis_config::oslo::options("oslo_messaging_rabbit").unwrap() {
            if !RabbitSection::keys().iter().any(|ours| ours.name == key) {
                set_option(&mut section, key, "of no effect").unwrap_or_else(|error| panic!("{key}: {error}"));
            }
        }
        assert!(set_option(&mut section, "rabbit_quorum_que", "1").is_err());
        assert!(
            set_option(&mut section, "ssl", "perhaps")
                .unwrap_err()
                .contains("perhaps")
        );
    }

    #[test]
    fn an_option_without_effect_says_so_here_and_on_the_operators_page() {
        let mut keys = TransportSection::keys().into_iter();
        let timeout = keys.find(|key| key.name == "rpc_response_timeout").unwrap();
        assert!(timeout.help.contains("without effect"), "{}", timeout.help);
        let page = include_str!("../../docs/operators/bus.md");
        let told = page
            .lines()
            .any(|line| line.contains("`rpc_response_timeout`") && line.contains("without effect"));
        assert!(told, "docs/operators/bus.md");
    }

    #[test]
    fn the_password_is_not_shown() {
        let text = "[DEFAULT]\ntransport_url = rabbit://u:hidden@h/\n";
        let section: TransportSection = Source::from_text("t.conf", text).unwrap().section().unwrap();
        assert!(!format!("{section:?}").contains("hidden"));
    }
}
