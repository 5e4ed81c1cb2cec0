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
use themis_service::logging::RequestContext;

use super::senders::Senders;
use crate::calls::{Callers, Question};
use crate::inbox::{Event, Mailbox};
use crate::ports::bus::{Bus, Inquiry};
use uuid::Uuid;

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
    senders: Senders,
) -> anyhow::Result<Vec<Serving>> {
    let version = RPC_VERSION.parse()?;
    let ears: Arc<dyn Handler> = Arc::new(Ears {
        mailbox: mailbox.clone(),
        callers: callers.clone(),
        senders,
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
    senders: Senders,
}

#[async_trait]
impl Handler for Ears {
    async fn handle(&self, context: Context, method: &str, args: Value) -> Result<Value, RpcError> {
        let event = match method {
            "report" => Event::Report(Box::new(argument(&args, "report")?)),
            "probe_answer" => Event::Probe(argument(&args, "answer")?),
            "census_answer" => Event::Census(argument(&args, "answer")?),
            "wake" => Event::Wake(request_of(&context)),
            leader::STATUS => return self.callers.ask(Question::Status, request_of(&context)).await,
            leader::PREFLIGHT => return self.callers.ask(Question::Preflight, request_of(&context)).await,
            leader::OBSERVERS => return self.callers.ask(Question::Observers, request_of(&context)).await,
            leader::BRAKES => return self.callers.ask(Question::Brakes, request_of(&context)).await,
            leader::DECISION_MATRIX => {
                let asked = Question::DecisionMatrix(argument(&args, "segment")?);
                return self.callers.ask(asked, request_of(&context)).await;
            }
            leader::DEVICE_TEST => {
                let device = argument(&args, "device")?;
                return self
                    .callers
                    .ask(Question::DeviceTest(device), request_of(&context))
                    .await;
            }
            other => return Err(RpcError::no_such_method(other)),
        };
        let observer = match &event {
            Event::Report(report) => Some(&report.observer),
            Event::Probe(answer) => Some(&answer.observer),
            Event::Census(answer) => Some(&answer.observer),
            _ => None,
        };
        if observer.is_none_or(|observer| self.senders.admit(observer, context.sender())) {
            self.mailbox.offer(event);
        }
        Ok(Value::Null)
    }
}

/// The request that a message belongs to, for the log: only what looks like ids, for anybody may write a message.
fn request_of(context: &Context) -> Option<Box<RequestContext>> {
    let id = |text: Option<&str>| text.filter(|text| is_request_id(text)).map(str::to_owned);
    Some(Box::new(RequestContext {
        request_id: id(context.request_id())?,
        global_request_id: id(context.global_request_id()),
        ..RequestContext::default()
    }))
}

fn is_request_id(text: &str) -> bool {
    text.strip_prefix("req-")
        .is_some_and(|id| id.len() == 36 && Uuid::try_parse(id).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_requests_get_into_the_log() {
        let id = "req-0e8cd1cf-2f0e-4bb9-8c09-2b1b3f3f1c4b";
        let of = |local: &str, global: Option<&str>| request_of(&Context::of_request(local, global));
        assert_eq!(of(id, Some(id)).unwrap().global_request_id.as_deref(), Some(id));
        assert_eq!(of(id, Some("req-1\nforged line")).unwrap().global_request_id, None);
        assert!(of("forged", None).is_none() && request_of(&Context::empty()).is_none());
    }
}
