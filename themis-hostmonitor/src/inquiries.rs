//! Answers what engines ask of monitors: `resend`, `probe`, `life`, `census`, fanned out on one topic to all monitors.
//! What is not addressed to this one is ignored; what exceeds the bound is left unanswered, which the asker must be
//! prepared for anyway.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde_json::{Value, json};
use themis_core::inquiry::{CensusAnswer, CensusInquiry, LifeInquiry, ProbeInquiry, ResendInquiry};
use themis_messaging::{Bus, Context, Handler, Keep, RpcError, Target, argument};
use tokio::sync::{Semaphore, mpsc};

use crate::census;
use crate::probe::Prober;
use crate::report::Request;

/// Probes at one time.
const PROBES_MAX: usize = 32;
/// Censuses at one time: more would only burden the hypervisor.
const CENSUSES_MAX: usize = 2;
/// An answer that nobody took for this long is stale.
const ANSWER_GOOD_FOR: Duration = Duration::from_secs(5);

/// The monitor's side of the topic.
#[derive(Debug)]
pub struct Inquiries {
    host: String,
    bus: Arc<dyn Bus>,
    observations: Target,
    requests: mpsc::Sender<Request>,
    prober: Prober,
    census_command: Option<String>,
    probes: Semaphore,
    censuses: Semaphore,
}

impl Inquiries {
    /// The side of the monitor of `host`; answers go to `observations`, reports are asked of `requests`.
    #[must_use]
    pub fn new(
        host: &str,
        bus: Arc<dyn Bus>,
        observations: Target,
        requests: mpsc::Sender<Request>,
        prober: Prober,
        census_command: Option<String>,
    ) -> Self {
        Self {
            host: host.to_owned(),
            bus,
            observations,
            requests,
            prober,
            census_command,
            probes: Semaphore::new(PROBES_MAX),
            censuses: Semaphore::new(CENSUSES_MAX),
        }
    }

    async fn probe(&self, inquiry: ProbeInquiry) {
        if !inquiry.observers.contains(&self.host) || inquiry.target == self.host {
            return;
        }
        let Ok(_permit) = self.probes.try_acquire() else {
            tracing::warn!(
                "probe of {} on {} left out: {PROBES_MAX} are under way",
                inquiry.target,
                inquiry.network
            );
            return;
        };
        let answer = self.prober.probe(&inquiry).await;
        self.answer("probe_answer", &answer);
    }

    async fn census(&self, inquiry: CensusInquiry) {
        if inquiry.target != self.host {
            return;
        }
        let Ok(_permit) = self.censuses.try_acquire() else {
            tracing::warn!("census left out: {CENSUSES_MAX} are under way");
            return;
        };
        let running = match census::take(self.census_command.as_deref(), census::DEADLINE).await {
            Ok(running) => Some(running),
            Err(error) => {
                tracing::warn!("no census: {error}");
                None
            }
        };
        self.answer(
            "census_answer",
            &CensusAnswer {
                nonce: inquiry.nonce,
                observer: self.host.clone(),
                running,
            },
        );
    }

    fn request(&self, request: Request) {
        if self.requests.try_send(request).is_err() {
            tracing::warn!("a request for a report is left out: too many are waiting");
        }
    }

    fn answer(&self, method: &str, answer: &impl Serialize) {
        let args = json!({ "answer": answer });
        let sent = self.bus.fanout(
            &Context::empty(),
            &self.observations,
            method,
            args,
            Keep::All,
            ANSWER_GOOD_FOR,
        );
        if let Err(error) = sent {
            tracing::warn!("{method} not sent: {error}");
        }
    }
}

#[async_trait]
impl Handler for Inquiries {
    async fn handle(&self, _context: Context, method: &str, args: Value) -> Result<Value, RpcError> {
        match method {
            "resend" => {
                let inquiry: ResendInquiry = argument(&args, "inquiry")?;
                tracing::debug!("{} asks for a report", inquiry.engine);
                self.request(Request::Resend);
            }
            "life" => {
                let inquiry: LifeInquiry = argument(&args, "inquiry")?;
                if inquiry.target == self.host {
                    self.request(Request::Life(inquiry.nonce));
                }
            }
            "probe" => self.probe(argument(&args, "inquiry")?).await,
            "census" => self.census(argument(&args, "inquiry")?).await,
            unknown => return Err(RpcError::no_such_method(unknown)),
        }
        Ok(Value::Null)
    }
}
