//! Sends reports to the engines: at once on a change, whole every interval, and when asked. One unconfirmed report at a
//! time; each is made from the board at the moment of its sending, so nothing old is ever sent. While the broker is
//! away a report waits only seconds before it is made anew: the first one that gets through is whole and fresh.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use themis_core::report::{GOOD_FOR, Report};
use themis_messaging::{Bus, BusError, Context, Keep, Receipt, Sent, Target};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use crate::board::Board;
use crate::identity::{Identity, clock_ms};

/// Changes are sent within this time, at random, so that a whole pool does not speak in one instant.
pub const SPREAD: Duration = Duration::from_millis(500);
const RETRY_PAUSE: Duration = Duration::from_millis(500);
const FAREWELL_DEADLINE: Duration = Duration::from_secs(2);
/// Requests for reports that may wait.
pub const REQUESTS_MAX: usize = 16;

/// A request for a report.
#[derive(Debug)]
pub enum Request {
    /// A whole report, within [`SPREAD`].
    Resend,
    /// A whole report with this nonce, at once.
    Life(String),
    /// The last report, which says that the host is being shut down; answered when it is sent or cannot be.
    Farewell(oneshot::Sender<()>),
}

type InFlight = Pin<Box<dyn Future<Output = Result<Sent, BusError>> + Send>>;

/// The one sender of this monitor's reports.
#[derive(Debug)]
pub struct Publisher {
    identity: Identity,
    board: Board,
    bus: Arc<dyn Bus>,
    target: Target,
    interval: Duration,
    requests: mpsc::Receiver<Request>,
    sequence: u64,
    failing: bool,
}

impl Publisher {
    /// A publisher, and the way to ask it for reports.
    #[must_use]
    pub fn new(
        identity: Identity,
        board: Board,
        bus: Arc<dyn Bus>,
        target: Target,
        interval: Duration,
    ) -> (Self, mpsc::Sender<Request>) {
        let (sender, requests) = mpsc::channel(REQUESTS_MAX);
        (
            Self {
                identity,
                board,
                bus,
                target,
                interval,
                requests,
                sequence: 0,
                failing: false,
            },
            sender,
        )
    }

    /// Sends until nobody can ask any more, or a farewell is asked for.
    pub async fn run(mut self) {
        let mut changes = self.board.changes();
        let mut due = soon();
        let mut in_flight: Option<InFlight> = None;
        loop {
            tokio::select! {
                () = changes.next() => due = due.min(soon()),
                request = self.requests.recv() => match request {
                    None => return,
                    Some(Request::Resend) => due = due.min(soon()),
                    Some(Request::Life(nonce)) => self.answer_life(nonce),
                    Some(Request::Farewell(done)) => {
                        self.farewell().await;
                        let _ = done.send(());
                        return;
                    }
                },
                outcome = landed(&mut in_flight) => {
                    in_flight = None;
                    if !self.note(&outcome) {
                        due = due.min(Instant::now() + RETRY_PAUSE);
                    }
                }
                () = sleep_until(due), if in_flight.is_none() => {
                    due = Instant::now() + self.interval;
                    match self.send(None, false, Keep::Newest("report".to_owned())) {
                        Ok(receipt) => in_flight = Some(Box::pin(receipt.outcome())),
                        Err(error) => {
                            self.note(&Err(error));
                            due = due.min(Instant::now() + GOOD_FOR);
                        }
                    }
                }
            }
        }
    }

    fn answer_life(&mut self, nonce: String) {
        // Its outcome is the asker's affair: it asks again.
        if let Err(error) = self.send(Some(nonce), false, Keep::All) {
            self.note(&Err(error));
        }
    }

    async fn farewell(&mut self) {
        if let Ok(receipt) = self.send(None, true, Keep::Newest("report".to_owned())) {
            drop(timeout(FAREWELL_DEADLINE, receipt.outcome()).await);
        }
    }

    fn send(&mut self, nonce: Option<String>, shutting_down: bool, keep: Keep) -> Result<Receipt, BusError> {
        self.sequence += 1;
        let Identity {
            host,
            witness,
            boot_id,
            system_uuid,
            monitor_start,
            generation,
        } = &self.identity;
        let report = Report {
            observer: host.clone(),
            witness: *witness,
            boot_id: boot_id.clone(),
            system_uuid: *system_uuid,
            monitor_start: *monitor_start,
            sequence: self.sequence,
            clock_ms: clock_ms(),
            generation: generation.clone(),
            shutting_down,
            nonce,
            networks: self.board.reports(),
        };
        metrics::counter!("themis_hostmonitor_reports_total").increment(1);
        let args = json!({ "report": report });
        self.bus
            .fanout(&Context::empty(), &self.target, "report", args, keep, GOOD_FOR)
    }

    /// Tells of a failure and of its end, once each. Says whether the report got through.
    fn note(&mut self, outcome: &Result<Sent, BusError>) -> bool {
        match outcome {
            Ok(_) if self.failing => tracing::info!("reports reach the broker again"),
            Ok(_) => {}
            Err(error) if !self.failing => {
                tracing::warn!("reports do not reach the broker: {error}; observing goes on, trying again");
            }
            Err(error) => tracing::debug!("report not sent: {error}"),
        }
        self.failing = outcome.is_err();
        if self.failing {
            metrics::counter!("themis_hostmonitor_unsent_reports_total").increment(1);
        }
        !self.failing
    }
}

fn soon() -> Instant {
    Instant::now() + SPREAD.mul_f64(rand::random())
}

async fn landed(in_flight: &mut Option<InFlight>) -> Result<Sent, BusError> {
    match in_flight {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
