//! The configured host list of a network: who should be there, at which address. What serf says is compared with it
//! ([`crate::view`]), so that a peer the agent has never met is missed too. No I/O here.

use std::net::IpAddr;

use sha2::{Digest, Sha256};

/// A monitor on a network, as the operator lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer {
    /// Host name as Nova's service host names it; the serf node name.
    pub name: String,
    /// Its address on this network.
    pub address: IpAddr,
    /// A monitor on a controller: it observes and is never a target.
    pub witness: bool,
}

/// An entry of `peers` that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PeerError {
    /// Neither `NAME=ADDRESS` nor `witness:NAME=ADDRESS`.
    #[error("'{0}' is not NAME=ADDRESS or witness:NAME=ADDRESS, with a numeric address")]
    Shape(String),
    /// The name is there twice.
    #[error("'{0}' is listed twice; each monitor has one entry")]
    NameTwice(String),
    /// Two names share an address.
    #[error("address {0} is listed twice; each monitor has its own")]
    AddressTwice(IpAddr),
}

impl std::str::FromStr for Peer {
    type Err = PeerError;

    fn from_str(text: &str) -> Result<Self, PeerError> {
        let shape = || PeerError::Shape(text.to_owned());
        let (witness, rest) = text.strip_prefix("witness:").map_or((false, text), |rest| (true, rest));
        let (name, address) = rest.split_once('=').ok_or_else(shape)?;
        let name = name.trim();
        if name.is_empty() || name.len() > 255 || name.contains(|c: char| c.is_whitespace() || c == ':') {
            return Err(shape());
        }
        let address: IpAddr = address.trim().parse().map_err(|_| shape())?;
        if address.is_unspecified() {
            return Err(shape());
        }
        Ok(Self {
            name: name.to_owned(),
            address,
            witness,
        })
    }
}

/// Reads the entries of one network, sorted by name.
///
/// # Errors
/// The first entry that cannot be used.
pub fn read(entries: &[String]) -> Result<Vec<Peer>, PeerError> {
    let mut peers: Vec<Peer> = Vec::with_capacity(entries.len());
    for entry in entries {
        let peer: Peer = entry.parse()?;
        if peers.iter().any(|known| known.name == peer.name) {
            return Err(PeerError::NameTwice(peer.name));
        }
        if peers.iter().any(|known| known.address == peer.address) {
            return Err(PeerError::AddressTwice(peer.address));
        }
        peers.push(peer);
    }
    peers.sort();
    Ok(peers)
}

/// A short hash of the host lists of all networks, equal on all monitors with equal lists in whatever order.
#[must_use]
pub fn generation<'a>(networks: impl IntoIterator<Item = (&'a str, &'a [Peer])>) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (network, peers) in networks {
        lines.extend(
            peers
                .iter()
                .map(|p| format!("{network} {} {} {}\n", p.name, p.address, p.witness)),
        );
    }
    lines.sort();
    let hash = Sha256::digest(lines.concat());
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<Vec<Peer>, PeerError> {
        read(&text.split(',').map(|entry| entry.trim().to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn witnesses_are_told_from_hosts() {
        let peers = list("witness:ctl-1=10.0.0.250, compute-1=10.0.0.1, compute-6=fd00::6").unwrap();
        let seen: Vec<_> = peers.iter().map(|p| (p.name.as_str(), p.witness)).collect();
        assert_eq!(seen, [("compute-1", false), ("compute-6", false), ("ctl-1", true)]);
    }

    #[test]
    fn bad_entries_are_named() {
        for bad in [
            "compute-1",
            "=10.0.0.1",
            "compute-1=host.example",
            "a b=10.0.0.1",
            "observer:x=10.0.0.1",
            "x=0.0.0.0",
        ] {
            assert_eq!(list(bad).unwrap_err(), PeerError::Shape(bad.to_owned()));
        }
        assert_eq!(
            list("a=10.0.0.1,a=10.0.0.2").unwrap_err(),
            PeerError::NameTwice("a".into())
        );
        assert!(
            list("a=10.0.0.1,b=10.0.0.1")
                .unwrap_err()
                .to_string()
                .contains("10.0.0.1 is listed twice")
        );
    }

    #[test]
    fn generation_depends_on_the_list_and_not_on_its_order() {
        let hash = |text: &str| generation([("storage", list(text).unwrap().as_slice())]);
        assert_eq!(hash("a=10.0.0.1,b=10.0.0.2"), hash("b=10.0.0.2,a=10.0.0.1"));
        assert_ne!(hash("a=10.0.0.1,b=10.0.0.2"), hash("a=10.0.0.1,b=10.0.0.3"));
        assert_ne!(hash("a=10.0.0.1"), hash("witness:a=10.0.0.1"));
        assert_eq!(hash("a=10.0.0.1").len(), 12);
    }
}
