//! The monitors on the bus: each machine's serves the monitors' topic and answers what the engines ask. What it observes by
//! itself, and when it says so, is [`crate::detection`]'s.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use themis_core::inquiry::{CensusAnswer, CensusInquiry, LifeInquiry, ProbeAnswer, ProbeInquiry};
use themis_core::report::{HOSTMONITOR_TOPIC, RPC_VERSION};
use themis_messaging::{Bus, Context, Endpoint, Handler, RpcError, ServerName, Serving, Topic, argument};
use tokio::time::sleep;

use crate::world::World;

/// From a question's sending to its being heard, and the same for the way back of a probe's answer.
const BUS_TAKES: Duration = Duration::from_millis(20);
const ECHO_TAKES: Duration = Duration::from_millis(10);

/// Serves the topic for every machine; keep the guards. Whether a machine's monitor hears is seen when a question comes.
///
/// # Errors
/// A machine whose name cannot be a server's.
pub fn serve(world: &World) -> anyhow::Result<Vec<Serving>> {
    let names: Vec<String> = world.lock().site.machines.keys().cloned().collect();
    names
        .into_iter()
        .map(|name| {
            let server = ServerName::new(name.as_str())?;
            let endpoint = Endpoint::new(Topic::new(HOSTMONITOR_TOPIC)?, server, RPC_VERSION.parse()?);
            let world = world.clone();
            Ok(world
                .broker
                .bus
                .clone()
                .serve(endpoint, Arc::new(Monitor { world, name }))?)
        })
        .collect()
}

struct Monitor {
    world: World,
    name: String,
}

impl Monitor {
    /// Whether it runs and its words get through.
    fn works(&self) -> bool {
        let state = self.world.lock();
        let machine = state.site.machines.get(&self.name);
        machine.is_some_and(|machine| machine.monitor_works() && state.site.reaches_control(machine))
    }

    fn report(&self, nonce: Option<String>) {
        let now = self.world.now();
        let mut state = self.world.lock();
        let state = &mut *state;
        if let Some(report) = state.detection.answer(&state.site, &self.name, nonce, now) {
            self.world.broker.report(&report);
        }
    }

    async fn probe(&self, inquiry: ProbeInquiry) {
        if !inquiry.observers.contains(&self.name) {
            return;
        }
        let Some(reached) = self.reaches(&inquiry) else { return };
        let timeout = Duration::from_millis(inquiry.timeout_ms);
        sleep(BUS_TAKES + if reached { ECHO_TAKES } else { timeout }).await;
        let answer = ProbeAnswer {
            nonce: inquiry.nonce,
            observer: self.name.clone(),
            target: inquiry.target,
            network: inquiry.network,
            reached: Some(reached),
        };
        self.world.broker.answer("probe_answer", &answer);
    }

    /// Whether the probe's target answers it; `None` for a machine that is not known.
    fn reaches(&self, inquiry: &ProbeInquiry) -> Option<bool> {
        let state = self.world.lock();
        let site = &state.site;
        let (own, target) = (site.machines.get(&self.name)?, site.machines.get(&inquiry.target)?);
        Some(site.see_each_other(own, target, inquiry.network.0.as_str()))
    }

    fn census(&self, inquiry: CensusInquiry) {
        let state = self.world.lock();
        let Some(machine) = state.site.machines.get(&self.name) else {
            return;
        };
        let answer = CensusAnswer {
            nonce: inquiry.nonce,
            observer: self.name.clone(),
            running: Some(machine.running.iter().copied().collect()),
        };
        self.world.broker.answer("census_answer", &answer);
    }
}

#[async_trait]
impl Handler for Monitor {
    async fn handle(&self, _: Context, method: &str, args: Value) -> Result<Value, RpcError> {
        sleep(BUS_TAKES).await;
        if !self.works() {
            return Ok(Value::Null);
        }
        match method {
            "resend" => self.report(None),
            "probe" => self.probe(argument(&args, "inquiry")?).await,
            "life" => {
                let inquiry: LifeInquiry = argument(&args, "inquiry")?;
                if inquiry.target == self.name {
                    self.report(Some(inquiry.nonce));
                }
            }
            "census" => {
                let inquiry: CensusInquiry = argument(&args, "inquiry")?;
                if inquiry.target == self.name {
                    self.census(inquiry);
                }
            }
            other => return Err(RpcError::no_such_method(other)),
        }
        Ok(Value::Null)
    }
}
