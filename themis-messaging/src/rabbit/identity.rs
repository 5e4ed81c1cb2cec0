//! Which reply queue is ours. With `use_queue_manager` its name, `reply_HOST:PROCESS:N`, is the same at the next start,
//! and never that of another process of this host: oslo counts N in a file under a lock, here each N is a name in the
//! kernel (an abstract Unix socket, see unix(7)) that one process holds, and that ends with it.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use crate::envelope::new_id;

/// Processes of one name on one host. Whoever comes after them has a new name at each start.
const MOST: u32 = 256;

/// A reply queue's name, and the hold on it.
#[derive(Debug)]
pub(crate) struct Identity {
    reply_queue: String,
    _hold: Option<UnixListener>,
}

impl Identity {
    /// A name that nobody else has. `stable`: `HOST:PROCESS`, when it is to stay.
    pub(crate) fn draw(stable: Option<&str>) -> Self {
        let held = stable.and_then(|stable| {
            (1..=MOST).find_map(|number| {
                let name = format!("reply_{stable}:{number}");
                hold(&name).map(|hold| (name, hold))
            })
        });
        if let Some((reply_queue, hold)) = held {
            return Self {
                reply_queue,
                _hold: Some(hold),
            };
        }
        if let Some(stable) = stable {
            tracing::warn!("no number of reply_{stable} is free: the reply queue has a new name at each start");
        }
        Self {
            reply_queue: format!("reply_{}", new_id()),
            _hold: None,
        }
    }

    /// The queue's name.
    pub(crate) fn reply_queue(&self) -> &str {
        &self.reply_queue
    }
}

/// Nothing when another holds it, or the name is too long for a socket (about a hundred bytes).
fn hold(name: &str) -> Option<UnixListener> {
    let address = SocketAddr::from_abstract_name(format!("themis/{name}")).ok()?;
    UnixListener::bind_addr(&address).ok()
}
