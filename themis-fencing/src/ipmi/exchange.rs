//! One UDP socket to one BMC, and one exchange on it: send, listen, send again, until an acceptable answer or the end.
//!
//! Every packet that the [`Dialogue`] does not accept is dropped and listening goes on; a flood of them cannot move the
//! end. The socket is connected, so packets from elsewhere never arrive.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout_at;

use super::error::IpmiError;
use crate::DeviceAddress;
use crate::deadline::Deadline;

/// Longer than any packet of ours or of a BMC; what is longer is cut and fails its checks.
const PACKET_LIMIT: usize = 1024;

/// One question to a BMC.
pub(super) trait Dialogue {
    /// What an acceptable packet says.
    type Answer;
    /// For errors.
    fn name(&self) -> &'static str;
    /// The packet to send, made anew for every sending.
    fn request(&mut self) -> Result<Vec<u8>, IpmiError>;
    /// What a received packet says, if it is the answer.
    fn answer(&mut self, packet: &[u8]) -> Option<Self::Answer>;
}

/// How long an exchange waits, and whether it sends again meanwhile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    wait: Duration,
    repeat: Option<Duration>,
}

impl Pace {
    /// Sends once. For what must not be done twice without a look in between.
    pub(super) const fn once(try_time: Duration) -> Self {
        Self {
            wait: try_time,
            repeat: None,
        }
    }

    /// Sends `times` times, spread over the try time: UDP loses packets.
    pub(super) fn repeated(try_time: Duration, times: u32) -> Self {
        Self {
            wait: try_time,
            repeat: try_time.checked_div(times),
        }
    }
}

/// A socket to one BMC.
pub(super) struct Wire {
    socket: UdpSocket,
}

impl Wire {
    /// A new socket. A name with several addresses is tried at another one with each `attempt`.
    pub(super) async fn connect(
        address: &DeviceAddress,
        attempt: usize,
        deadline: Deadline,
    ) -> Result<Self, IpmiError> {
        let lookup = timeout_at(deadline.instant(), lookup_host((address.host(), address.port())));
        let found: Vec<SocketAddr> = match lookup.await {
            Ok(found) => found.map_err(IpmiError::Resolve)?.collect(),
            Err(_) => return Err(IpmiError::TooLate("its name was resolved")),
        };
        let count = found.len().max(1);
        let peer = found.get(attempt % count).ok_or(IpmiError::NoAddress)?;
        let local: SocketAddr = match peer {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(local).await.map_err(IpmiError::Socket)?;
        socket.connect(peer).await.map_err(IpmiError::Socket)?;
        Ok(Self { socket })
    }

    /// Asks until the answer comes.
    ///
    /// # Errors
    /// No acceptable answer within the pace and the deadline; the socket's own errors; what the dialogue cannot make.
    pub(super) async fn ask<D: Dialogue>(
        &self,
        dialogue: &mut D,
        pace: Pace,
        deadline: Deadline,
    ) -> Result<D::Answer, IpmiError> {
        if deadline.passed() {
            return Err(IpmiError::TooLate(dialogue.name()));
        }
        let end = deadline.sooner(pace.wait);
        while !end.passed() {
            let packet = dialogue.request()?;
            match timeout_at(end.instant(), self.socket.send(&packet)).await {
                Ok(sent) => sent.map_err(IpmiError::Socket)?,
                Err(_) => break,
            };
            let until = pace.repeat.map_or(end, |repeat| end.sooner(repeat));
            if let Some(answer) = self.listen(dialogue, until).await? {
                return Ok(answer);
            }
        }
        Err(IpmiError::NoAnswer(dialogue.name()))
    }

    /// Sends without waiting, and without caring whether it works.
    pub(super) fn tell(&self, packet: &[u8]) {
        if let Err(error) = self.socket.try_send(packet) {
            tracing::debug!(%error, "farewell to a BMC not sent");
        }
    }

    async fn listen<D: Dialogue>(&self, dialogue: &mut D, until: Deadline) -> Result<Option<D::Answer>, IpmiError> {
        let mut packet = [0; PACKET_LIMIT];
        // While packets keep coming, the timer gets its turn only now and then; the look at the clock keeps the end exact.
        while !until.passed() {
            let length = match timeout_at(until.instant(), self.socket.recv(&mut packet)).await {
                Ok(received) => received.map_err(IpmiError::Socket)?,
                Err(_) => return Ok(None),
            };
            if let Some(answer) = packet.get(..length).and_then(|bytes| dialogue.answer(bytes)) {
                return Ok(Some(answer));
            }
            tracing::trace!(length, question = dialogue.name(), "packet from a BMC dropped");
        }
        Ok(None)
    }
}
