//! The bus: questions out, reports and answers into the inbox, wake-ups from the API, calls to the leader.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use themis_core::inquiry::ResendInquiry;
use themis_core::leader;
use themis_core::report::{ENGINE_TOPIC, HOSTMONITOR_TOPIC, OBSERVATIONS_TOPIC, RPC_VERSION};
use themis_messaging as messaging;
use themis_messaging::{
    Context, Endpoint, Handler, Keep, NameError, RpcError, ServerName, Serving, Target, Topic, argument,
};

use crate::calls::{Callers, Question};
use crate::inbox::{Event, Mailbox};
use crate::ports::bus::{Bus, Inquiry};

/// A question that was not taken by then is worth nothing.
const QUESTION_EXPIRES: Duration = Duration::from_secs(5);

/// Questions over oslo.messaging.
#[derive(Debug, Clone)]
pub struct OsloBus {
    bus: Arc<dyn messaging::Bus>,
    target: Target,
}

impl OsloBus {
    /// Over a running bus.
    ///
    /// # Errors
    /// Never, unless the fixed names are no names.
    pub fn new(bus: Arc<dyn messaging::Bus>) -> Result<Self, NameError> {
        let target = Target::topic(Topic::new(HOSTMONITOR_TOPIC)?, RPC_VERSION.parse()?);
        Ok(Self { bus, target })
    }
}

#[async_trait]
impl Bus for OsloBus {
    async fn ask(&self, inquiry: Inquiry) {
        let (method, args) = match &inquiry {
            Inquiry::Resend(inquiry) => ("resend", json!({"inquiry": inquiry})),
            Inquiry::Probe(inquiry) => ("probe", json!({"inquiry": inquiry})),
            Inquiry::Life(inquiry) => ("life", json!({"inquiry": inquiry})),
            Inquiry::Census(inquiry) => ("census", json!({"inquiry": inquiry})),
        };
        let sent = self.bus.fanout(
            &Context::fresh(),
            &self.target,
            method,
            args,
            Keep::All,
            QUESTION_EXPIRES,
        );
        if let Err(error) = sent {
            tracing::debug!("{method} was not asked: {error}");
        }
    }
}

/// Serves the engine's topics; keep the guards.
///
/// # Errors
/// A name that is no name, or a topic that is served already.
pub fn listen(
    bus: &dyn messaging::Bus,
    server: &str,
    mailbox: &Mailbox,
    callers: &Callers,
) -> anyhow::Result<Vec<Serving>> {
    let version = RPC_VERSION.parse()?;
    let ears: Arc<dyn Handler> = Arc::new(Ears {
        mailbox: mailbox.clone(),
        callers: callers.clone(),
    });
    [OBSERVATIONS_TOPIC, ENGINE_TOPIC]
        .into_iter()
        .map(|topic| {
            let endpoint = Endpoint::new(Topic::new(topic)?, ServerName::new(server)?, version);
            Ok(bus.serve(endpoint, ears.clone())?)
        })
        .collect()
}

/// Asks all monitors for a whole report.
pub async fn ask_all(bus: &OsloBus, engine: &str) {
    bus.ask(Inquiry::Resend(ResendInquiry {
        engine: engine.to_owned(),
    }))
    .await;
}

struct Ears {
    mailbox: Mailbox,
    callers: Callers,
}

#[async_trait]
impl Handler for Ears {
    async fn handle(&self, _: Context, method: &str, args: Value) -> Result<Value, RpcError> {
        let event = match method {
            "report" => Event::Report(Box::new(argument(&args, "report")?)),
            "probe_answer" => Event::Probe(argument(&args, "answer")?),
            "census_answer" => Event::Census(argument(&args, "answer")?),
            "wake" => Event::Wake,
            leader::STATUS => return self.callers.ask(Question::Status).await,
            leader::PREFLIGHT => return self.callers.ask(Question::Preflight).await,
            leader::DEVICE_TEST => {
                let device = argument(&args, "device")?;
                return self.callers.ask(Question::DeviceTest(device)).await;
            }
            other => return Err(RpcError::no_such_method(other)),
        };
        self.mailbox.offer(event);
        Ok(Value::Null)
    }
}
