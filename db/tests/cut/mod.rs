//! A relay before the real server by which a program dies in the middle: it lets so many statements that write through,
//! waits for the server's answer to the last of them, and carries nothing any more. Or by which it waits in the middle.

#![allow(dead_code, reason = "each test program uses a part")]

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use themis_db::{Pool, connect_url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};

/// Commands of MySQL's protocol.
const QUERY: u8 = 0x03;
const PREPARE: u8 = 0x16;
const EXECUTE: u8 = 0x17;
/// The greeting's flag for TLS.
const CLIENT_SSL: u16 = 0x0800;

pub(crate) struct Cut {
    /// Connections of the program that is to die.
    pub(crate) pool: Pool,
    wire: Arc<Wire>,
}

struct Wire {
    counts: fn(&str) -> bool,
    /// Statements that may still be answered; 0 is dead.
    left: AtomicU64,
    /// Statements that may be sent.
    gate: Semaphore,
    reached: Notify,
}

impl Cut {
    /// The program dies when the server has answered to the statement number `writes` (from 1) of those that `counts`
    /// says count.
    pub(crate) async fn after(database_url: &str, writes: u64, counts: fn(&str) -> bool) -> Self {
        Self::new(database_url, writes, Semaphore::MAX_PERMITS, counts).await
    }

    /// The program waits before each statement that counts, until [`Self::let_through`].
    pub(crate) async fn before(database_url: &str, counts: fn(&str) -> bool) -> Self {
        Self::new(database_url, u64::MAX, 0, counts).await
    }

    async fn new(database_url: &str, left: u64, permits: usize, counts: fn(&str) -> bool) -> Self {
        let (account, place) = database_url.split_once('@').unwrap();
        let (server, name) = place.split_once('/').unwrap();
        let server = server.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{account}@{}/{name}", listener.local_addr().unwrap());
        let wire = Arc::new(Wire {
            counts,
            left: AtomicU64::new(left),
            gate: Semaphore::new(permits),
            reached: Notify::new(),
        });
        let shared = wire.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !shared.is_dead() {
                    let upstream = TcpStream::connect(&server).await.unwrap();
                    tokio::spawn(carry(client, upstream, shared.clone()));
                }
            }
        });
        let pool = connect_url(url).await.unwrap();
        Self { pool, wire }
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.wire.is_dead()
    }

    /// Waits until the program waits.
    pub(crate) async fn reached(&self) {
        self.wire.reached.notified().await;
    }

    pub(crate) fn let_through(&self) {
        self.wire.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }
}

impl Wire {
    fn is_dead(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }

    async fn pass(&self) {
        self.reached.notify_one();
        if let Ok(permit) = self.gate.acquire().await {
            permit.forget();
        }
    }
}

/// Statements that change something for good, as the driver sends them.
pub(crate) fn writes(sql: &str) -> bool {
    ["CREATE", "ALTER", "INSERT", "UPDATE", "DELETE", "COMMIT"]
        .iter()
        .any(|word| sql.trim_start().starts_with(word))
}

/// One connection. A client of ours waits for each answer before it speaks again.
async fn carry(mut client: TcpStream, mut server: TcpStream, wire: Arc<Wire>) {
    let (mut down, mut up) = (vec![0; 65536], vec![0; 65536]);
    let mut reader = Reader {
        counts: wire.counts,
        prepared: HashSet::new(),
        preparing: false,
    };
    let mut greeted = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                let counted = reader.counted(&up[..length]);
                if counted {
                    wire.pass().await;
                }
                if wire.is_dead() || server.write_all(&up[..length]).await.is_err() {
                    return;
                }
                if counted && wire.left.fetch_sub(1, Ordering::SeqCst) == 1 {
                    // Its answer shows that the server has done it.
                    drop(server.read(&mut down).await);
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                if !std::mem::replace(&mut greeted, true) {
                    without_tls(&mut down[..length]);
                }
                reader.answered(&down[..length]);
                if wire.is_dead() || client.write_all(&down[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// What goes over the wire must be readable here.
fn without_tls(greeting: &mut [u8]) {
    // Header, version of the protocol, the server's version to its zero, thread id, eight bytes of salt and a filler.
    let end = 5 + greeting[5..].iter().position(|byte| *byte == 0).unwrap();
    let flags = end + 1 + 4 + 8 + 1;
    let low = u16::from_le_bytes([greeting[flags], greeting[flags + 1]]) & !CLIENT_SSL;
    greeting[flags..flags + 2].copy_from_slice(&low.to_le_bytes());
}

struct Reader {
    counts: fn(&str) -> bool,
    /// Ids of prepared statements that count.
    prepared: HashSet<[u8; 4]>,
    preparing: bool,
}

impl Reader {
    /// Whether a statement that counts is in these packets.
    fn counted(&mut self, mut bytes: &[u8]) -> bool {
        let mut counted = false;
        while let [a, b, c, sequence, rest @ ..] = bytes {
            let length = usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16;
            let body = &rest[..length.min(rest.len())];
            bytes = &rest[body.len()..];
            let (0, [command, text @ ..]) = (*sequence, body) else {
                continue;
            };
            let matches = || (self.counts)(&String::from_utf8_lossy(text));
            match *command {
                QUERY => counted |= matches(),
                PREPARE => self.preparing = matches(),
                EXECUTE => counted |= text.get(..4).is_some_and(|id| self.prepared.contains(id)),
                _ => {}
            }
        }
        counted
    }

    /// The id of what was prepared stands behind a zero in the answer.
    fn answered(&mut self, bytes: &[u8]) {
        if !std::mem::take(&mut self.preparing) {
            return;
        }
        if let [_, _, _, _, 0, id @ ..] = bytes
            && let Some(id) = id.first_chunk::<4>()
        {
            self.prepared.insert(*id);
        }
    }
}
