//! The guard of a served topic.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::BusError;
use crate::declare::DeclareError;

/// Whether a served topic can be reached now.
#[derive(Debug, Clone)]
pub enum Readiness {
    /// The broker is being looked for; nothing arrives.
    Away,
    /// Queues are declared and consumed.
    Ready,
    /// The broker refuses our declarations; it is tried again, but somebody must change something.
    Refused(DeclareError),
    /// The server has ended.
    Stopped,
}

/// A topic being served. Dropping it ends the serving without waiting; [`Serving::stop`] waits.
#[derive(Debug)]
pub struct Serving {
    readiness: watch::Receiver<Readiness>,
    stop: CancellationToken,
}

impl Serving {
    pub(crate) fn new(readiness: watch::Receiver<Readiness>, stop: CancellationToken) -> Self {
        Self { readiness, stop }
    }

    /// How it is now.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.readiness.borrow().clone()
    }

    /// Waits until messages can arrive. A daemon that can start without a broker need not call this.
    ///
    /// # Errors
    /// The broker refuses our declarations, or was not reached in time.
    pub async fn ready(&self, within: Duration) -> Result<(), BusError> {
        let mut readiness = self.readiness.clone();
        let settled = readiness.wait_for(|now| !matches!(now, Readiness::Away));
        match tokio::time::timeout(within, settled).await {
            Err(_) => Err(BusError::Expired { waited: within }),
            Ok(Err(_)) => Err(BusError::Stopping),
            Ok(Ok(now)) => match &*now {
                Readiness::Ready => Ok(()),
                Readiness::Refused(error) => Err(BusError::Declaration(error.clone())),
                Readiness::Away | Readiness::Stopped => Err(BusError::Stopping),
            },
        }
    }

    /// Takes no more messages, lets the methods that run end, and returns when they have or after `within`.
    pub async fn stop(mut self, within: Duration) {
        self.stop.cancel();
        let ended = self.readiness.wait_for(|now| matches!(now, Readiness::Stopped));
        // A dropped sender means that the server's task has ended too.
        let _ = tokio::time::timeout(within, ended).await;
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
