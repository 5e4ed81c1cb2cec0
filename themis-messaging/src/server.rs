//! The loop that runs a server's methods: in order of arrival, so many at a time, drained at the end.

use std::future::Future;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;

use crate::dispatch::CONCURRENT;

/// Requests that may wait for their handler beside those that run.
pub(crate) const INBOX: usize = 64;

/// Runs `handle` for everything that comes until every sender is gone, then lets the last ones end.
pub(crate) async fn run<W, F, Running>(mut inbox: mpsc::Receiver<W>, handle: F)
where
    F: Fn(W) -> Running,
    Running: Future<Output = ()>,
{
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            Some(()) = running.next(), if !running.is_empty() => {}
            work = inbox.recv(), if running.len() < CONCURRENT => match work {
                Some(work) => running.push(handle(work)),
                None => break,
            },
        }
    }
    while running.next().await.is_some() {}
}
