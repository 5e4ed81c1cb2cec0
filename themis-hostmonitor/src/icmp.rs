//! One ICMP echo question over one network (RFC 792, RFC 4443): from this network's own address and out of its own
//! interface, so that an answer proves this path and no other.
//!
//! The socket is connected to the target, so that the kernel passes on nobody else's packets; the answer must carry the
//! random token of the question, so that an answer to somebody else's question proves nothing.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

const TOKEN: usize = 16;
const HEADER: usize = 8;

/// A question that could not be asked: nothing is known of the target.
#[derive(Debug, thiserror::Error)]
pub enum EchoError {
    /// The program may not send ICMP at all.
    #[error("not allowed to send icmp; run as root or give the program CAP_NET_RAW")]
    NotAllowed(#[source] std::io::Error),
    /// The interface or the address is not there.
    #[error("cannot send from {from}")]
    From {
        /// Address and interface.
        from: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The network is unreachable from here.
    #[error("cannot send to {target}")]
    Unsendable {
        /// The target.
        target: IpAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// Where questions leave from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// This host's address on the network.
    pub address: IpAddr,
    /// The network's interface; without it the routing table chooses by address.
    pub interface: Option<String>,
}

/// Asks `target` up to `tries` times, spread over `within`; true as soon as one answer comes back.
///
/// # Errors
/// No question could be sent.
pub async fn echo(origin: &Origin, target: IpAddr, tries: u32, within: Duration) -> Result<bool, EchoError> {
    let token: [u8; TOKEN] = rand::random();
    let question = Question::open(origin, target, token)?;
    let begin = Instant::now();
    let pause = within / tries.max(1);
    let mut unsendable = None;
    let mut sent = false;
    for attempt in 0..tries.max(1) {
        match question.send(u16::try_from(attempt).unwrap_or(u16::MAX)).await {
            Ok(()) => sent = true,
            Err(error) => unsendable = Some(error),
        }
        let until = begin + pause * (attempt + 1);
        if matches!(timeout_at(until, question.answered()).await, Ok(true)) {
            return Ok(true);
        }
        tokio::time::sleep_until(until).await;
    }
    match unsendable {
        Some(source) if !sent => Err(EchoError::Unsendable { target, source }),
        _ => Ok(false),
    }
}

struct Question {
    socket: UdpSocket,
    token: [u8; TOKEN],
    version_6: bool,
    /// A raw IPv4 socket passes the IP header too.
    with_ip_header: bool,
}

impl Question {
    fn open(origin: &Origin, target: IpAddr, token: [u8; TOKEN]) -> Result<Self, EchoError> {
        let version_6 = target.is_ipv6();
        let (domain, protocol) = if version_6 {
            (Domain::IPV6, Protocol::ICMPV6)
        } else {
            (Domain::IPV4, Protocol::ICMPV4)
        };
        let (socket, raw) = match Socket::new(domain, Type::RAW, Some(protocol)) {
            Ok(socket) => (socket, true),
            // Without the privilege, the kernel may still offer its own kind of echo socket (ping_group_range).
            Err(_) => (
                Socket::new(domain, Type::DGRAM, Some(protocol)).map_err(EchoError::NotAllowed)?,
                false,
            ),
        };
        let prepare = || -> std::io::Result<()> {
            socket.set_nonblocking(true)?;
            if let Some(interface) = &origin.interface {
                socket.bind_device(Some(interface.as_bytes()))?;
            }
            socket.bind(&SocketAddr::new(origin.address, 0).into())
        };
        let interface = origin.interface.as_deref().unwrap_or("any interface");
        prepare().map_err(|source| EchoError::From {
            from: format!("{} on {interface}", origin.address),
            source,
        })?;
        let unsendable = |source| EchoError::Unsendable { target, source };
        socket.connect(&SocketAddr::new(target, 0).into()).map_err(unsendable)?;
        // Tokio only sends, receives and polls, which an ICMP socket answers like any other datagram socket.
        let socket = UdpSocket::from_std(OwnedFd::from(socket).into()).map_err(unsendable)?;
        Ok(Self {
            socket,
            token,
            version_6,
            with_ip_header: raw && !version_6,
        })
    }

    async fn send(&self, sequence: u16) -> std::io::Result<()> {
        let packet = request(self.version_6, sequence, &self.token);
        self.socket.send(&packet).await.map(drop)
    }

    /// Waits for the answer; false when the kernel says that there will be none on this socket (target unreachable).
    async fn answered(&self) -> bool {
        let mut buffer = [0_u8; 256];
        loop {
            match self.socket.recv(&mut buffer).await {
                Ok(length) => {
                    let packet = buffer.get(..length).unwrap_or_default();
                    if is_answer(packet, self.version_6, self.with_ip_header, &self.token) {
                        return true;
                    }
                }
                Err(_) => return false,
            }
        }
    }
}

/// The identifier stays 0: the kernel sets it on its own kind of socket, and the token tells answers apart.
fn request(version_6: bool, sequence: u16, token: &[u8; TOKEN]) -> Vec<u8> {
    let mut packet = vec![if version_6 { 128 } else { 8 }, 0, 0, 0, 0, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend(token);
    if !version_6 {
        // For version 6 the kernel computes it.
        let sum = checksum(&packet).to_be_bytes();
        packet[2..4].copy_from_slice(&sum);
    }
    packet
}

fn is_answer(packet: &[u8], version_6: bool, with_ip_header: bool, token: &[u8; TOKEN]) -> bool {
    let skip = match (with_ip_header, packet.first()) {
        (true, Some(first)) => usize::from(first & 0x0f) * 4,
        (true, None) => return false,
        (false, _) => 0,
    };
    let Some(message) = packet.get(skip..) else {
        return false;
    };
    message.first() == Some(if version_6 { &129 } else { &0 })
        && message.get(HEADER..HEADER + TOKEN) == Some(&token[..])
}

fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_question_checks_itself() {
        let packet = request(false, 3, &[0xab; TOKEN]);
        assert_eq!(checksum(&packet), 0);
        assert_eq!((packet[0], packet[7], packet.len()), (8, 3, HEADER + TOKEN));
        assert_eq!(request(true, 0, &[0; TOKEN])[..4], [128, 0, 0, 0]);
    }

    #[test]
    fn only_the_answer_to_this_question_counts() {
        let token = [7; TOKEN];
        let mut answer = request(false, 1, &token);
        answer[0] = 0;
        let with_header = [vec![0x45; 20], answer.clone()].concat();
        assert!(is_answer(&with_header, false, true, &token));
        assert!(is_answer(&answer, false, false, &token));
        assert!(!is_answer(&answer, false, false, &[8; TOKEN]), "another token");
        assert!(
            !is_answer(&request(false, 1, &token), false, false, &token),
            "a question"
        );
        assert!(!is_answer(&answer[..20], false, false, &token), "cut off");
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            for (six, header) in [(false, true), (false, false), (true, false)] {
                prop_assert!(!is_answer(&bytes, six, header, &[1; TOKEN]));
            }
        }
    }
}
