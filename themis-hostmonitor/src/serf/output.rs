//! Reads what an agent prints, so that it never blocks on a full pipe, and keeps its last line for the log.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

const LINE_MAX: usize = 400;
const GRACE: Duration = Duration::from_secs(1);

/// The readers of one agent's output.
#[derive(Debug)]
pub struct LastWords {
    line: watch::Receiver<Option<String>>,
    readers: JoinSet<()>,
}

impl LastWords {
    /// The last line, after the output has ended.
    pub async fn last(mut self) -> Option<String> {
        let ended = async { while self.readers.join_next().await.is_some() {} };
        drop(timeout(GRACE, ended).await);
        self.line.borrow().clone()
    }
}

/// Begins to read the child's output; each line goes to the debug log.
pub fn listen(child: &mut Child, network: String) -> LastWords {
    let (sender, line) = watch::channel(None);
    let mut readers = JoinSet::new();
    if let Some(stdout) = child.stdout.take() {
        readers.spawn(read(stdout, sender.clone(), network.clone()));
    }
    if let Some(stderr) = child.stderr.take() {
        readers.spawn(read(stderr, sender, network));
    }
    LastWords { line, readers }
}

async fn read(mut pipe: impl AsyncRead + Unpin, lines: watch::Sender<Option<String>>, network: String) {
    let mut line = Vec::new();
    let mut chunk = [0_u8; 512];
    while let Ok(length) = pipe.read(&mut chunk).await {
        if length == 0 {
            break;
        }
        for byte in &chunk[..length] {
            if *byte != b'\n' {
                if line.len() < LINE_MAX {
                    line.push(*byte);
                }
                continue;
            }
            let text = String::from_utf8_lossy(&line).trim().to_owned();
            line.clear();
            if !text.is_empty() {
                tracing::debug!("serf {network}: {text}");
                lines.send_replace(Some(text));
            }
        }
    }
}
