//! `[hostmonitor]` and the family `[network:NAME]`, read and validated once at start. One file may serve all hosts:
//! each monitor finds itself in `peers` and takes its own address from there.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use themis_config::{ConfigError, KnownSection, Source, section};
use themis_core::NetworkName;
use themis_core::network::Importance;

use crate::peers::{self, Peer, PeerError};

section! {
    /// Options of the host monitor.
    pub struct HostmonitorSection("hostmonitor", strict) {
        /// Name of this host as Nova's service host names it; [DEFAULT] host, then the kernel's host name, when empty.
        pub host: Option<String>,
        /// True on a controller: the monitor observes its networks and is never a target.
        pub witness: bool = "false",
        /// The serf program, a path or a name in PATH.
        pub serf_binary: String = "serf",
        /// Directory for the agents' generated configuration, pid files and snapshots.
        pub runtime_dir: PathBuf = "/run/themis",
        /// Seconds between whole reports; changes are reported at once.
        pub report_interval: Duration = "10",
        /// File with the host's system UUID, which binds power devices to hosts.
        pub system_uuid_file: PathBuf = "/sys/class/dmi/id/product_uuid",
        /// File with the kernel's boot id.
        pub boot_id_file: PathBuf = "/proc/sys/kernel/random/boot_id",
        /// Shell command that prints the UUID of each running guest on a line of its own; without it a census cannot be answered.
        pub census_command: Option<String>,
        /// Shell command that prints 'stopping' while the host is being shut down in order.
        pub shutdown_command: String = "systemctl is-system-running",
        /// Address and port for /metrics, /healthcheck and /readiness; none when empty.
        pub metrics_listen: Option<String>,
    }
}

section! {
    /// One network on which hosts watch each other.
    pub struct NetworkSection("network:", strict) {
        /// What its loss means for a host: critical (the host is fenced) or tolerated.
        pub importance: String = "critical",
        /// Interface that carries this network here; without it, its carrier is not watched.
        pub interface: Option<String>,
        /// Address the agent binds; this host's address in peers when empty.
        pub bind: Option<String>,
        /// Port of the serf agents, UDP and TCP, the same on all hosts.
        pub port: u16 = "7946",
        /// Loopback port of the agent's RPC; 7373 for the first network in alphabetical order, 7374 for the second, and so on, when empty.
        pub rpc_port: Option<u16>,
        /// Key that encrypts the agents' traffic: 16, 24 or 32 bytes in base64, the same on all hosts.
        pub encrypt_key: Option<SecretString>,
        /// All monitors of this network, oneself included: compute-1=10.77.1.1, witness:controller-1=10.77.1.250.
        pub peers: Vec<String> = "",
    }
}

section! {
    struct HostSection("default", shared) {
        /// Name of this host as Nova's service host names it; the kernel's host name when empty.
        host: Option<String>,
    }
}

/// The sections that this crate reads.
#[must_use]
pub fn sections() -> Vec<KnownSection> {
    vec![
        KnownSection::of::<HostmonitorSection>(),
        KnownSection::of::<NetworkSection>(),
        KnownSection::of::<HostSection>(),
    ]
}

/// The validated configuration of one monitor.
#[derive(Debug, Clone)]
pub struct MonitorConfig {
    /// This host's name.
    pub host: String,
    /// `[hostmonitor]` as written.
    pub section: HostmonitorSection,
    /// Where to serve metrics.
    pub metrics_listen: Option<SocketAddr>,
    /// Hash of all networks' host lists.
    pub generation: String,
    /// The networks that this host is on.
    pub networks: Vec<NetworkConfig>,
    /// Networks of the file that name other hosts only (allowed for a witness).
    pub not_here: Vec<NetworkName>,
}

/// One network that this host is on.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// Its name.
    pub name: NetworkName,
    /// What its loss means.
    pub importance: Importance,
    /// The interface that carries it.
    pub interface: Option<String>,
    /// This host's address on it.
    pub address: IpAddr,
    /// Port of the agents.
    pub port: u16,
    /// Where this agent's RPC listens.
    pub rpc: SocketAddr,
    /// The agents' shared key.
    pub encrypt_key: Option<SecretString>,
    /// Everybody on it, sorted by name, this host included.
    pub peers: Vec<Peer>,
}

impl NetworkConfig {
    /// Everybody on it but `host`.
    pub fn others(&self, host: &str) -> impl Iterator<Item = &Peer> {
        self.peers.iter().filter(move |peer| peer.name != host)
    }
}

/// A configuration by which no host can be monitored; each text names the key and the fix.
#[derive(Debug, thiserror::Error)]
pub enum MonitorConfigError {
    /// A value that cannot be read at all.
    #[error(transparent)]
    Section(#[from] ConfigError),
    /// A bad entry in a host list.
    #[error("[network:{network}] peers: {source}")]
    Peers {
        /// The network.
        network: String,
        /// The entry.
        source: PeerError,
    },
    /// A value that is out of range or contradicts another.
    #[error("[{section}] {key}: {what}")]
    Value {
        /// The section.
        section: String,
        /// The key.
        key: &'static str,
        /// What is wrong and what to write instead.
        what: String,
    },
    /// A compute host that a host list forgets.
    #[error(
        "[network:{network}] peers does not name this host '{host}'; add {host}=ADDRESS, or set [hostmonitor] host to the name used there"
    )]
    NotListed {
        /// The network.
        network: String,
        /// This host.
        host: String,
    },
    /// No network to observe.
    #[error("no [network:NAME] section names this host '{host}' in its peers; a monitor needs at least one network")]
    NoNetwork {
        /// This host.
        host: String,
    },
}

impl MonitorConfig {
    /// Reads and validates. `kernel_name` is the host's name when the configuration gives none.
    ///
    /// # Errors
    /// The first thing that cannot be used.
    pub fn read(source: &Source, kernel_name: &str) -> Result<Self, MonitorConfigError> {
        let section: HostmonitorSection = source.section()?;
        let host = section
            .host
            .clone()
            .or(source.section::<HostSection>()?.host)
            .unwrap_or_else(|| kernel_name.to_owned());
        check_range(&section)?;
        let metrics_listen = section.metrics_listen.as_deref().map(listen_address).transpose()?;
        let mut networks = Vec::new();
        let mut not_here = Vec::new();
        let mut lists: Vec<(String, Vec<Peer>)> = Vec::new();
        for (index, (name, network)) in source.family::<NetworkSection>()?.into_iter().enumerate() {
            let peers = peers::read(&network.peers).map_err(|source| MonitorConfigError::Peers {
                network: name.clone(),
                source,
            })?;
            lists.push((name.clone(), peers.clone()));
            match NetworkConfig::of(&name, index, network, peers, &host, section.witness)? {
                Some(network) => networks.push(network),
                None => not_here.push(NetworkName::new(name)),
            }
        }
        if networks.is_empty() {
            return Err(MonitorConfigError::NoNetwork { host });
        }
        check_distinct(&networks)?;
        let generation = peers::generation(lists.iter().map(|(name, peers)| (name.as_str(), peers.as_slice())));
        Ok(Self {
            host,
            section,
            metrics_listen,
            generation,
            networks,
            not_here,
        })
    }
}

impl NetworkConfig {
    fn of(
        name: &str,
        index: usize,
        section: NetworkSection,
        peers: Vec<Peer>,
        host: &str,
        witness: bool,
    ) -> Result<Option<Self>, MonitorConfigError> {
        let bad = |key, what| value(&format!("network:{name}"), key, what);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
            return Err(bad(
                "name",
                "a network's name has 1 to 64 of a-z, 0-9, '-' and '_'".to_owned(),
            ));
        }
        let importance: Importance = section.importance.parse().map_err(|what| bad("importance", what))?;
        if section
            .interface
            .as_ref()
            .is_some_and(|name| name.len() > 15 || name.contains(['/', ' ']))
        {
            return Err(bad(
                "interface",
                "an interface's name has at most 15 characters, no '/' and no space".to_owned(),
            ));
        }
        check_key(section.encrypt_key.as_ref()).map_err(|what| bad("encrypt_key", what))?;
        let Some(own) = peers.iter().find(|peer| peer.name == host) else {
            let missing = MonitorConfigError::NotListed {
                network: name.to_owned(),
                host: host.to_owned(),
            };
            return if witness { Ok(None) } else { Err(missing) };
        };
        if own.witness != witness {
            let (entry, flag) = (
                if own.witness { "a witness" } else { "a host" },
                if witness { "true" } else { "false" },
            );
            return Err(bad(
                "peers",
                format!("'{host}' is listed as {entry}, but [hostmonitor] witness is {flag}; make them agree"),
            ));
        }
        let address = own.address;
        if let Some(bind) = &section.bind
            && bind.parse() != Ok(address)
        {
            return Err(bad(
                "bind",
                format!("'{bind}' is not this host's address in peers, {address}; leave bind out or make them agree"),
            ));
        }
        let default_port = u16::try_from(index).map_or(0, |index| 7373_u16.saturating_add(index));
        let rpc_port = section.rpc_port.unwrap_or(default_port);
        if section.port == 0 || rpc_port == 0 {
            return Err(bad(
                if rpc_port == 0 { "rpc_port" } else { "port" },
                "0 is no port; write 1 to 65535".to_owned(),
            ));
        }
        Ok(Some(Self {
            name: NetworkName::new(name),
            importance,
            interface: section.interface,
            address,
            port: section.port,
            rpc: SocketAddr::from(([127, 0, 0, 1], rpc_port)),
            encrypt_key: section.encrypt_key,
            peers,
        }))
    }
}

fn value(section: &str, key: &'static str, what: String) -> MonitorConfigError {
    MonitorConfigError::Value {
        section: section.to_owned(),
        key,
        what,
    }
}

fn check_range(section: &HostmonitorSection) -> Result<(), MonitorConfigError> {
    let interval = section.report_interval;
    if interval < Duration::from_secs(1) || interval > Duration::from_secs(300) {
        return Err(value(
            "hostmonitor",
            "report_interval",
            format!("{interval:?} is out of range; write 1 to 300 seconds"),
        ));
    }
    if section.serf_binary.is_empty() {
        return Err(value(
            "hostmonitor",
            "serf_binary",
            "is empty; write serf or a path".to_owned(),
        ));
    }
    if !section.runtime_dir.is_absolute() {
        return Err(value(
            "hostmonitor",
            "runtime_dir",
            "is not an absolute path".to_owned(),
        ));
    }
    Ok(())
}

fn listen_address(text: &str) -> Result<SocketAddr, MonitorConfigError> {
    text.parse().map_err(|_| {
        value(
            "hostmonitor",
            "metrics_listen",
            format!("'{text}' is not ADDRESS:PORT, for example 127.0.0.1:9469"),
        )
    })
}

/// The text never shows any part of the key.
fn check_key(key: Option<&SecretString>) -> Result<(), String> {
    let Some(key) = key else { return Ok(()) };
    match STANDARD.decode(key.expose_secret()).map(|bytes| bytes.len()) {
        Ok(16 | 24 | 32) => Ok(()),
        Ok(length) => Err(format!(
            "has {length} bytes; serf wants 16, 24 or 32 (make one with 'serf keygen')"
        )),
        Err(_) => Err("is not base64; make one with 'serf keygen'".to_owned()),
    }
}

fn check_distinct(networks: &[NetworkConfig]) -> Result<(), MonitorConfigError> {
    for (index, network) in networks.iter().enumerate() {
        for earlier in &networks[..index] {
            let clash = |key, what: String| value(&format!("network:{}", network.name), key, what);
            if earlier.rpc == network.rpc {
                let what = format!(
                    "{} is used by [network:{}] too; each agent has its own",
                    network.rpc.port(),
                    earlier.name
                );
                return Err(clash("rpc_port", what));
            }
            if (earlier.address, earlier.port) == (network.address, network.port) {
                let what = format!(
                    "{}:{} is used by [network:{}] too; each agent has its own",
                    network.address, network.port, earlier.name
                );
                return Err(clash("port", what));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
