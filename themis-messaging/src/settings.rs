//! Everything the bus must know, checked once at start: the sections and the transport URL brought together.

use std::time::Duration;

use secrecy::ExposeSecret;
use themis_config::{ConfigError, Source};

use crate::config::{NotificationSection, RabbitSection, TransportSection, set_option};
use crate::url::{Host, TransportUrl, UrlError};

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A value of the wrong kind.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The transport URL.
    #[error("[DEFAULT] {0}")]
    Url(#[from] UrlError),
    /// Two options that exclude each other.
    #[error("[oslo_messaging_rabbit] {first} and {second} exclude each other; set one of them to false")]
    Exclusive {
        /// One of them.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// An option of oslo that this program does not offer.
    #[error("[oslo_messaging_rabbit] {option} is not supported; {instead}")]
    Unsupported {
        /// The option.
        option: &'static str,
        /// What to set instead.
        instead: &'static str,
    },
    /// A file of keys or certificates that cannot be used.
    #[error("[oslo_messaging_rabbit] {option}: {file}: {what}")]
    Tls {
        /// The option that names it.
        option: &'static str,
        /// The file.
        file: String,
        /// What is wrong with it.
        what: String,
    },
}

/// What decides how queues are declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueOptions {
    /// `amqp_durable_queues`
    pub durable: bool,
    /// `amqp_auto_delete`
    pub auto_delete: bool,
    /// `rabbit_quorum_queue`
    pub quorum: bool,
    /// `rabbit_transient_quorum_queue`
    pub transient_quorum: bool,
    /// `rabbit_quorum_delivery_limit`; 0: none.
    pub delivery_limit: u32,
    /// `rabbit_quorum_max_memory_length`; 0: none.
    pub max_memory_length: u32,
    /// `rabbit_quorum_max_memory_bytes`; 0: none.
    pub max_memory_bytes: u32,
    /// `rabbit_transient_queues_ttl`; zero: none.
    pub transient_ttl: Duration,
    /// `rabbit_ha_queues`
    pub ha: bool,
}

/// The settings of a bus.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the bus is called in the metrics: `rpc`, or `notifications` when those have a broker of their own.
    pub bus: &'static str,
    /// The brokers, at least one.
    pub hosts: Vec<Host>,
    /// Their common virtual host.
    pub vhost: String,
    /// `control_exchange`
    pub exchange: String,
    /// `rpc_ping_enabled`
    pub ping: bool,
    /// How queues are declared.
    pub queues: QueueOptions,
    /// The section, overrides of the URL applied.
    pub rabbit: RabbitSection,
}

impl Settings {
    /// Reads and checks the settings.
    ///
    /// # Errors
    /// The first thing that is wrong, naming section and option; never the password.
    pub fn read(source: &Source) -> Result<Self, SettingsError> {
        let transport: TransportSection = source.section()?;
        Self::with(source, transport, "rpc")
    }

    /// The settings of the broker that notifications go to, when `[oslo_messaging_notifications] transport_url` names
    /// another than the `[DEFAULT]` one.
    ///
    /// # Errors
    /// As [`Settings::read`].
    pub fn of_notifications(source: &Source) -> Result<Option<Self>, SettingsError> {
        let url = source.section::<NotificationSection>()?.transport_url;
        if url.expose_secret().is_empty() {
            return Ok(None);
        }
        let mut transport: TransportSection = source.section()?;
        transport.transport_url = url;
        Self::with(source, transport, "notifications").map(Some)
    }

    fn with(source: &Source, transport: TransportSection, bus: &'static str) -> Result<Self, SettingsError> {
        let mut rabbit: RabbitSection = source.section()?;
        let url = TransportUrl::parse(transport.transport_url.expose_secret())?;
        for (option, value) in &url.options {
            set_option(&mut rabbit, option, value).map_err(|what| UrlError::Option {
                option: option.clone(),
                what,
            })?;
        }
        check(&rabbit)?;
        Ok(Self {
            bus,
            hosts: url.hosts,
            vhost: url.vhost,
            exchange: transport.control_exchange,
            ping: transport.rpc_ping_enabled,
            queues: QueueOptions {
                durable: rabbit.amqp_durable_queues,
                auto_delete: rabbit.amqp_auto_delete,
                quorum: rabbit.rabbit_quorum_queue,
                transient_quorum: rabbit.rabbit_transient_quorum_queue,
                delivery_limit: rabbit.rabbit_quorum_delivery_limit,
                max_memory_length: rabbit.rabbit_quorum_max_memory_length,
                max_memory_bytes: rabbit.rabbit_quorum_max_memory_bytes,
                transient_ttl: rabbit.rabbit_transient_queues_ttl,
                ha: rabbit.rabbit_ha_queues,
            },
            rabbit,
        })
    }

    /// Settings for one URL and otherwise oslo's defaults, for tests and tools.
    ///
    /// # Errors
    /// The URL is wrong.
    pub fn for_url(url: &str) -> Result<Self, SettingsError> {
        Self::read(&Source::from_text(
            "transport_url",
            &format!("[DEFAULT]\ntransport_url = {url}\n"),
        )?)
    }
}

fn check(rabbit: &RabbitSection) -> Result<(), SettingsError> {
    let quorum = [
        ("rabbit_quorum_queue", rabbit.rabbit_quorum_queue),
        ("rabbit_transient_quorum_queue", rabbit.rabbit_transient_quorum_queue),
    ];
    if let Some((first, _)) = quorum.iter().find(|(_, set)| *set && rabbit.rabbit_ha_queues) {
        return Err(SettingsError::Exclusive {
            first,
            second: "rabbit_ha_queues",
        });
    }
    if rabbit.rabbit_stream_fanout {
        return Err(SettingsError::Unsupported {
            option: "rabbit_stream_fanout",
            instead: "set it to false; peers with streams can still be reached by casts and calls",
        });
    }
    if rabbit.ssl_enforce_fips_mode {
        return Err(SettingsError::Unsupported {
            option: "ssl_enforce_fips_mode",
            instead: "set it to false; the TLS library of this program is not the certified one",
        });
    }
    if !matches!(rabbit.kombu_failover_strategy.as_str(), "round-robin" | "shuffle") {
        return Err(SettingsError::Unsupported {
            option: "kombu_failover_strategy",
            instead: "set it to round-robin or shuffle",
        });
    }
    if !matches!(rabbit.rabbit_login_method.as_str(), "PLAIN" | "AMQPLAIN") {
        return Err(SettingsError::Unsupported {
            option: "rabbit_login_method",
            instead: "set it to PLAIN or AMQPLAIN",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(text: &str) -> Result<Settings, SettingsError> {
        Settings::read(&Source::from_text("t.conf", text).unwrap())
    }

    #[test]
    fn defaults_are_oslos() {
        let settings = read("").unwrap();
        assert_eq!(settings.hosts[0].to_string(), "localhost:5672");
        assert_eq!((settings.vhost.as_str(), settings.exchange.as_str()), ("/", "themis"));
        assert_eq!(settings.queues.transient_ttl, Duration::from_secs(1800));
        assert!(!settings.queues.durable && !settings.queues.quorum && !settings.rabbit.ssl);
    }

    #[test]
    fn the_urls_query_overrides_the_section() {
        let text =
            "[DEFAULT]\ntransport_url = rabbit://u:p@h/v?rabbit_quorum_queue=true\n[oslo_messaging_rabbit]\nssl = 1\n";
        let settings = read(text).unwrap();
        assert!(settings.queues.quorum && settings.rabbit.ssl);
    }

    #[test]
    fn notifications_may_have_a_broker_of_their_own() {
        let of = |text: &str| Settings::of_notifications(&Source::from_text("t.conf", text).unwrap()).unwrap();
        assert!(of("[DEFAULT]\ntransport_url = rabbit://u:p@rpc/\n").is_none());
        let settings = of(
            "[DEFAULT]\ntransport_url = rabbit://u:p@rpc/\ncontrol_exchange = masakari\n\
                           [oslo_messaging_notifications]\ntransport_url = rabbit://u:p@events/v\n",
        );
        let settings = settings.unwrap();
        assert_eq!(settings.hosts[0].to_string(), "events:5672");
        assert_eq!((settings.vhost.as_str(), settings.exchange.as_str()), ("v", "masakari"));
        assert_eq!((settings.bus, read("").unwrap().bus), ("notifications", "rpc"));
    }

    #[rstest]
    #[case(
        "[DEFAULT]\ntransport_url = rabbit://u:s3cret@h?rabbit_quorum_que=1\n",
        "rabbit_quorum_que"
    )]
    #[case("[DEFAULT]\ntransport_url = rabbit://u:s3cret@h?ssl=maybe\n", "maybe")]
    #[case(
        "[oslo_messaging_rabbit]\nrabbit_quorum_queue = 1\nrabbit_ha_queues = 1\n",
        "rabbit_ha_queues"
    )]
    #[case(
        "[oslo_messaging_rabbit]\nrabbit_transient_quorum_queue = 1\nrabbit_ha_queues = 1\n",
        "rabbit_transient_quorum_queue"
    )]
    #[case("[oslo_messaging_rabbit]\nssl_enforce_fips_mode = 1\n", "ssl_enforce_fips_mode")]
    #[case(
        "[oslo_messaging_rabbit]\nkombu_failover_strategy = random\n",
        "kombu_failover_strategy"
    )]
    #[case("[oslo_messaging_rabbit]\nrabbit_stream_fanout = 1\n", "rabbit_stream_fanout")]
    #[case("[oslo_messaging_rabbit]\nrabbit_login_method = EXTERNAL\n", "rabbit_login_method")]
    fn bad_settings_are_refused_by_name(#[case] text: &str, #[case] named: &str) {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(named) && !error.contains("s3cret"), "{error}");
    }
}
