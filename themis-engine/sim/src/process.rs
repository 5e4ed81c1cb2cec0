//! An engine's process, so that it can be killed. A killed process runs no further line: whatever it awaits from its
//! ports never returns. What it had sent before has its effect all the same; that is the point.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// A process that can be killed.
#[derive(Debug, Clone)]
pub struct Process(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    dead: AtomicBool,
    end: CancellationToken,
}

impl Process {
    /// A living process.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::new(Inner {
            name: name.to_owned(),
            dead: AtomicBool::new(false),
            end: CancellationToken::new(),
        }))
    }

    /// Its engine's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Ends it between two lines of its code.
    pub fn kill(&self) {
        self.0.dead.store(true, Ordering::Release);
        self.0.end.cancel();
    }

    /// Whether it was killed.
    #[must_use]
    pub fn dead(&self) -> bool {
        self.0.dead.load(Ordering::Acquire)
    }

    /// Returns when it is killed.
    pub async fn killed(&self) {
        self.0.end.cancelled().await;
    }

    /// Lets the living pass. A dead process never gets beyond this.
    pub async fn gate(&self) {
        if self.dead() {
            pending::<()>().await;
        }
    }
}
