//! Whether the interfaces have carrier, told by the kernel over rtnetlink. Its messages of change may come a second late
//! (Linux sends most of them in one burst per second; measured on a veth pair) or be lost when the socket's buffer is
//! full, while an answer is always of this moment: so it is also asked, twice a second.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use tokio::net::UdpSocket;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::netlink::{self, GROUP_LINK, Word};

const REREAD_INTERVAL: Duration = Duration::from_millis(500);
/// The kernel answers within microseconds.
const ANSWER_DEADLINE: Duration = Duration::from_millis(500);
const RETRY_PAUSE: Duration = Duration::from_secs(5);
/// The kernel's messages about one link are under 2 KiB; it sends none larger than this.
const DATAGRAM_MAX: usize = 32 * 1024;

/// A carrier as it became known: the interface, and whether it is up with carrier.
pub type Tell<'a> = &'a mut (dyn FnMut(&str, Option<bool>) + Send);

/// The kernel cannot be asked for links.
#[derive(Debug, thiserror::Error)]
#[error("cannot ask the kernel for interfaces (rtnetlink)")]
pub struct CarrierError(#[source] std::io::Error);

/// The present carrier of `interface`; `None` when there is no such interface.
///
/// # Errors
/// The kernel cannot be asked.
pub async fn read_once(interface: &str) -> Result<Option<bool>, CarrierError> {
    let mut seen = None;
    let ask = async {
        let mut watcher = Watcher::open([interface.to_owned()])?;
        watcher.ask_all().await?;
        while watcher.unanswered > 0 {
            watcher.hear(&mut |_, carrier| seen = carrier).await?;
        }
        Ok(())
    };
    timeout(ANSWER_DEADLINE, ask)
        .await
        .map_err(|late| CarrierError(late.into()))??;
    Ok(seen)
}

/// Tells the carrier of each interface whenever it may have changed, for ever.
pub async fn watch(interfaces: Vec<String>, tell: Tell<'_>) {
    if interfaces.is_empty() {
        return std::future::pending().await;
    }
    let mut complained = false;
    loop {
        let Err(error) = follow(&interfaces, tell).await;
        if !complained {
            tracing::warn!("carrier unknown: {error}: {}; trying again", error.0);
            complained = true;
        }
        for interface in &interfaces {
            tell(interface, None);
        }
        sleep(RETRY_PAUSE).await;
    }
}

async fn follow(interfaces: &[String], tell: Tell<'_>) -> Result<std::convert::Infallible, CarrierError> {
    let mut watcher = Watcher::open(interfaces.iter().cloned())?;
    let mut reread = interval(REREAD_INTERVAL);
    reread.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = reread.tick() => watcher.ask_all().await?,
            heard = watcher.hear(tell) => heard?,
        }
    }
}

struct Watcher {
    socket: UdpSocket,
    /// Each interface, and whether it was ever seen: one that vanishes has lost its carrier, one that never was is a
    /// mistake in the configuration and says nothing.
    interfaces: BTreeMap<String, bool>,
    unanswered: usize,
    buffer: Vec<u8>,
}

impl Watcher {
    fn open(interfaces: impl IntoIterator<Item = String>) -> Result<Self, CarrierError> {
        let open = || -> std::io::Result<UdpSocket> {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
            bind(&socket, &SocketAddrNetlink::new(0, GROUP_LINK))?;
            // Tokio only sends, receives and polls, which a netlink socket answers like any other datagram socket.
            UdpSocket::from_std(socket.into())
        };
        let interfaces = interfaces.into_iter().map(|name| (name, false)).collect();
        Ok(Self {
            socket: open().map_err(CarrierError)?,
            interfaces,
            unanswered: 0,
            buffer: vec![0; DATAGRAM_MAX],
        })
    }

    async fn ask_all(&mut self) -> Result<(), CarrierError> {
        for (sequence, name) in (0_u32..).zip(self.interfaces.keys()) {
            let request = netlink::link_request(name, sequence);
            self.socket.send(&request).await.map_err(CarrierError)?;
        }
        self.unanswered = self.interfaces.len();
        Ok(())
    }

    /// Waits for one datagram and tells what it says of our interfaces.
    async fn hear(&mut self, tell: Tell<'_>) -> Result<(), CarrierError> {
        let length = match self.socket.recv(&mut self.buffer).await {
            Ok(length) => length,
            // Messages were dropped: what is true now must be asked for.
            Err(error) if error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error()) => return self.ask_all().await,
            Err(error) => return Err(CarrierError(error)),
        };
        for word in netlink::read(self.buffer.get(..length).unwrap_or_default()) {
            self.note(word, tell);
        }
        Ok(())
    }

    fn note(&mut self, word: Word, tell: Tell<'_>) {
        match word {
            Word::Link { name, carrier } => {
                if let Some(seen) = self.interfaces.get_mut(&name) {
                    *seen = true;
                    self.unanswered = self.unanswered.saturating_sub(1);
                    tell(&name, Some(carrier));
                }
            }
            Word::Gone { name } => {
                if self.interfaces.contains_key(&name) {
                    tell(&name, Some(false));
                }
            }
            Word::Failed { sequence } => {
                let index = usize::try_from(sequence).unwrap_or(usize::MAX);
                self.unanswered = self.unanswered.saturating_sub(1);
                if let Some((name, seen)) = self.interfaces.iter().nth(index) {
                    tell(name, seen.then_some(false));
                }
            }
        }
    }
}
