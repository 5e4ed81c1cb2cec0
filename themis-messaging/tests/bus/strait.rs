//! A way to the broker on which what the broker says can be held back, and which can be cut: a real network's worst moment,
//! in which a message arrives and its confirmation does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// The way; it closes with this value.
pub(crate) struct Strait {
    /// The broker's URL by this way.
    pub(crate) url: String,
    silent: Arc<AtomicBool>,
    cut: Arc<Notify>,
    _serving: JoinSet<()>,
}

impl Strait {
    /// Opens one to the broker of this URL.
    pub(crate) async fn open(url: &str) -> Self {
        let (user, place) = url.trim_end_matches('/').split_once('@').unwrap();
        let place = place.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{user}@{}/", listener.local_addr().unwrap());
        let (silent, cut) = (Arc::<AtomicBool>::default(), Arc::<Notify>::default());
        let mut serving = JoinSet::new();
        serving.spawn({
            let (silent, cut) = (silent.clone(), cut.clone());
            async move {
                loop {
                    let (near, _) = listener.accept().await.unwrap();
                    let far = TcpStream::connect(&place).await.unwrap();
                    tokio::spawn(carry(near, far, silent.clone(), cut.clone()));
                }
            }
        });
        Self {
            url,
            silent,
            cut,
            _serving: serving,
        }
    }

    /// From now on nothing that the broker says arrives; what is said to it does.
    pub(crate) fn hold_back(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    /// Cuts all connections, with what was held back; new ones are whole.
    pub(crate) fn cut(&self) {
        self.silent.store(false, Ordering::Relaxed);
        self.cut.notify_waiters();
    }
}

async fn carry(near: TcpStream, far: TcpStream, silent: Arc<AtomicBool>, cut: Arc<Notify>) {
    let (cut, never) = (cut.notified(), AtomicBool::new(false));
    let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
    tokio::select! {
        () = cut => {}
        () = pour(from_near, to_far, &never) => {}
        () = pour(from_far, to_near, &silent) => {}
    }
}

async fn pour(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, silent: &AtomicBool) {
    let mut held = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut held).await {
        if !silent.load(Ordering::Relaxed) && to.write_all(&held[..length]).await.is_err() {
            return;
        }
    }
}
