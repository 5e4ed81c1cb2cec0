//! The bus as one engine's process has it. A killed process sends nothing more, hears nothing more, and leaves whoever called
//! it without an answer; what it had sent before is on its way all the same.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use themis_messaging::local::LocalBus;
use themis_messaging::{
    Bus, BusError, CallError, Context, Endpoint, Form, Handler, Heard, Keep, Listener, Notification, Patience, Receipt,
    RpcError, Serving, Subscription, Target, Topic,
};

use crate::process::Process;

/// A process's end of the in-process bus.
#[derive(Debug, Clone)]
pub struct ProcessBus {
    bus: LocalBus,
    process: Process,
}

impl ProcessBus {
    /// The bus for a process.
    #[must_use]
    pub const fn new(bus: LocalBus, process: Process) -> Self {
        Self { bus, process }
    }

    /// For what returns at once and so cannot be held up: the dead are refused, and no line of theirs runs to read it.
    fn alive(&self) -> Result<&LocalBus, BusError> {
        if self.process.dead() {
            return Err(BusError::Stopping);
        }
        Ok(&self.bus)
    }
}

#[async_trait]
impl Bus for ProcessBus {
    async fn cast(
        &self,
        context: &Context,
        target: &Target,
        method: &str,
        args: Value,
        within: Duration,
    ) -> Result<(), BusError> {
        self.process.gate().await;
        let sent = self.bus.cast(context, target, method, args, within).await;
        self.process.gate().await;
        sent
    }

    async fn call_patiently(
        &self,
        context: &Context,
        target: &Target,
        method: &str,
        args: Value,
        patience: Patience,
    ) -> Result<Value, CallError> {
        self.process.gate().await;
        let answer = self.bus.call_patiently(context, target, method, args, patience).await;
        self.process.gate().await;
        answer
    }

    fn fanout(
        &self,
        context: &Context,
        target: &Target,
        method: &str,
        args: Value,
        keep: Keep,
        expires: Duration,
    ) -> Result<Receipt, BusError> {
        self.alive()?.fanout(context, target, method, args, keep, expires)
    }

    fn serve(&self, endpoint: Endpoint, handler: Arc<dyn Handler>) -> Result<Serving, BusError> {
        let process = self.process.clone();
        self.alive()?.serve(endpoint, Arc::new(Mortal { handler, process }))
    }

    fn notify(
        &self,
        topic: &Topic,
        notification: &Notification,
        form: Form,
        expires: Duration,
    ) -> Result<Receipt, BusError> {
        self.alive()?.notify(topic, notification, form, expires)
    }

    fn listen(&self, subscription: Subscription, listener: Arc<dyn Listener>) -> Result<Serving, BusError> {
        let process = self.process.clone();
        self.alive()?
            .listen(subscription, Arc::new(MortalEar { listener, process }))
    }

    async fn stop(&self, _: Duration) {
        // The broker is not this process's to stop; what it serves ends with its guards.
    }
}

/// Methods of a process that may be killed while they run.
struct Mortal {
    handler: Arc<dyn Handler>,
    process: Process,
}

#[async_trait]
impl Handler for Mortal {
    async fn handle(&self, context: Context, method: &str, args: Value) -> Result<Value, RpcError> {
        self.process.gate().await;
        let answer = self.handler.handle(context, method, args).await;
        self.process.gate().await;
        answer
    }
}

/// The same for notifications: one that a killed process was hearing is never handled by it.
struct MortalEar {
    listener: Arc<dyn Listener>,
    process: Process,
}

#[async_trait]
impl Listener for MortalEar {
    async fn hear(&self, notification: Notification) -> Heard {
        self.process.gate().await;
        let heard = self.listener.hear(notification).await;
        self.process.gate().await;
        heard
    }
}
