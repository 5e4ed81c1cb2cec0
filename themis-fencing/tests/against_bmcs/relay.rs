//! A UDP relay between a device and its BMC that does to packets what networks do, by rule: loses them, repeats old ones,
//! alters them, floods.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// What becomes of the BMC's n-th reply (from 0) since the relay began: the packets that arrive instead. Gets all
/// replies so far, this one last.
pub(crate) trait Rule: FnMut(usize, &[Vec<u8>]) -> Vec<Vec<u8>> + Send + 'static {}
impl<F: FnMut(usize, &[Vec<u8>]) -> Vec<Vec<u8>> + Send + 'static> Rule for F {}

pub(crate) struct Relay {
    pub(crate) port: u16,
    requests: Arc<AtomicUsize>,
    pump: JoinHandle<()>,
}

impl Relay {
    pub(crate) async fn start(bmc: u16, rule: impl Rule) -> Self {
        let (front, back) = (
            UdpSocket::bind("127.0.0.1:0").await.unwrap(),
            UdpSocket::bind("127.0.0.1:0").await.unwrap(),
        );
        back.connect(("127.0.0.1", bmc)).await.unwrap();
        let port = front.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let pump = tokio::spawn(pump(front, back, rule, requests.clone()));
        Self { port, requests, pump }
    }

    /// How many packets the device has sent.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

async fn pump(front: UdpSocket, back: UdpSocket, mut rule: impl Rule, requests: Arc<AtomicUsize>) {
    let (mut up, mut down) = ([0; 2048], [0; 2048]);
    let mut client: Option<SocketAddr> = None;
    let mut replies: Vec<Vec<u8>> = Vec::new();
    loop {
        tokio::select! {
            Ok((length, from)) = front.recv_from(&mut up) => {
                client = Some(from);
                requests.fetch_add(1, SeqCst);
                back.send(&up[..length]).await.unwrap();
            }
            Ok(length) = back.recv(&mut down) => {
                replies.push(down[..length].to_vec());
                for packet in rule(replies.len() - 1, &replies) {
                    if let Some(client) = client {
                        front.send_to(&packet, client).await.unwrap();
                    }
                }
            }
        }
    }
}
