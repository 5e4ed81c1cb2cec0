//! `--check`: tells what a monitor with this configuration would do on this host, and what it would miss. Starts no
//! agent and sends nothing; never shows a key.

use crate::config::{MonitorConfig, NetworkConfig};
use crate::monitor::Surroundings;
use crate::serf::program;
use crate::{carrier, identity};

/// The effective view of a configuration on this host.
#[derive(Debug, Clone, Default)]
pub struct Outlook {
    /// For people, line by line.
    pub lines: Vec<String>,
    /// Whether something that a monitor cannot do without is missing.
    pub lacking: bool,
}

impl Outlook {
    fn say(&mut self, what: &str, text: impl std::fmt::Display) {
        self.lines.push(format!("{what:<13}{text}"));
    }

    fn lack(&mut self, what: &str, text: impl std::fmt::Display) {
        self.lacking = true;
        self.say(what, format!("MISSING: {text}"));
    }
}

/// Looks at the host as a starting monitor would.
pub async fn outlook(config: &MonitorConfig, surroundings: &Surroundings) -> Outlook {
    let mut out = Outlook::default();
    let section = &config.section;
    out.say(if section.witness { "witness" } else { "host" }, &config.host);
    out.say("host list", &config.generation);
    match identity::boot_id(&section.boot_id_file) {
        Ok(id) => out.say("boot id", id),
        Err(error) => out.lack("boot id", error),
    }
    match identity::system_uuid(&section.system_uuid_file) {
        Some(uuid) => out.say("system uuid", uuid),
        None => out.say(
            "system uuid",
            "unknown: power devices cannot be bound to this host by identity",
        ),
    }
    match program::find(&section.serf_binary, &surroundings.search_path) {
        Ok(path) => {
            let version = program::version(&path).await.unwrap_or_default();
            out.say("serf", format!("{} ({version})", path.display()));
            if let Some(text) = program::distrust(&version) {
                out.say("", text);
            }
        }
        Err(error) => out.lack("serf", error),
    }
    out.say(
        "census",
        section
            .census_command
            .as_deref()
            .unwrap_or("none: a census cannot be answered"),
    );
    for network in &config.networks {
        network_outlook(&mut out, config, network).await;
    }
    for name in &config.not_here {
        out.say("network", format!("{name}: not here"));
    }
    out
}

async fn network_outlook(out: &mut Outlook, config: &MonitorConfig, network: &NetworkConfig) {
    let NetworkConfig {
        name,
        importance,
        address,
        port,
        rpc,
        ..
    } = network;
    let key = if network.encrypt_key.is_some() {
        "encrypted"
    } else {
        "not encrypted"
    };
    out.say(
        "network",
        format!(
            "{name}: {}, agent on {address} port {port}, {key}, rpc {rpc}",
            importance.name()
        ),
    );
    match &network.interface {
        None => out.say("  interface", "none given: its carrier is not watched"),
        Some(interface) => match carrier::read_once(interface).await {
            Ok(Some(true)) => out.say("  interface", format!("{interface}, up with carrier")),
            Ok(Some(false)) => out.say("  interface", format!("{interface}, no carrier or down")),
            Ok(None) => out.lack(
                "  interface",
                format!("there is no {interface}; correct [network:{name}] interface"),
            ),
            Err(error) => out.lack("  interface", error),
        },
    }
    for peer in network.others(&config.host) {
        out.say(
            if peer.witness { "  witness" } else { "  peer" },
            format!("{} at {}", peer.name, peer.address),
        );
    }
}
