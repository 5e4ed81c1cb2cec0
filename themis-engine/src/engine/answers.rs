//! Answers of the leader to callers on the bus. Read-only: what it finds out about a device becomes evidence like any
//! other reading.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use themis_core::leader::{DeviceTest, LeaderStatus, NOT_LEADING, UNKNOWN_DEVICE, UNKNOWN_SEGMENT};
use themis_core::power::{Binding, PowerReading, PowerState, PowerTrouble};
use themis_core::{HostId, Moment, PowerDeviceId, Reason, SegmentId};
use themis_decision::brakes::standing;
use themis_decision::matrix;
use themis_decision::observers::heard;
use themis_decision::preflight::{observers, preflight};
use themis_messaging::RpcError;
use themis_service::logging::{self, RequestContext};
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

use super::Engine;
use crate::calls::{Answer, Asked, Question};
use crate::inbox::Event;

impl Engine {
    /// Answers now, or begins what will. The lines meanwhile show the caller's request.
    pub(super) fn answer(&mut self, asked: Asked) {
        span_of(asked.request.as_deref()).in_scope(|| self.answer_in_span(asked));
    }

    fn answer_in_span(&mut self, asked: Asked) {
        let now = self.ports.clock.now();
        let Asked {
            question,
            request,
            reply,
        } = asked;
        tracing::debug!("asked by a caller: {question:?}");
        let answer = match question {
            _ if !self.leading => Err(self.not_leading()),
            Question::Status => self.status(now),
            Question::Preflight => object(preflight(&self.world, now)),
            Question::Observers => object(heard(&self.world, now)),
            Question::Brakes => object(standing(&self.world, now)),
            Question::DecisionMatrix(segment) => self.matrix(segment),
            Question::DeviceTest(device) => return self.test_device(device, request, reply),
            Question::DeviceRead {
                host,
                device,
                reading,
                took,
            } => self.tested(host, device, reading, took),
        };
        drop(reply.send(answer));
    }

    fn not_leading(&self) -> RpcError {
        RpcError::refused(
            NOT_LEADING,
            format!("{} does not lead; ask again in some seconds", self.settings.name),
        )
    }

    fn status(&self, now: Moment) -> Answer {
        let epoch = self.lease.epoch(now).ok_or_else(|| self.not_leading())?;
        let hosts = &self.world.hosts;
        object(LeaderStatus {
            engine: self.settings.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            epoch,
            mode: self.world.mode,
            settled: self.world.settled,
            nova_answers: self.nova_at.is_some() && !self.nova_away.load(Ordering::Relaxed),
            hosts: hosts.len(),
            observers: observers(&self.world, now),
            incidents: hosts.values().filter(|host| host.incident.is_some()).count(),
            networks_out: self.world.outages.keys().cloned().collect(),
        })
    }

    fn matrix(&self, segment: SegmentId) -> Answer {
        let matrix = matrix::of_segment(&self.world, segment).ok_or_else(|| {
            let text = format!("the leader knows no segment {segment} yet; ask again in some seconds");
            RpcError::refused(UNKNOWN_SEGMENT, text)
        })?;
        object(matrix)
    }

    /// Reads the device aside; what it said comes back as [`Question::DeviceRead`].
    fn test_device(&self, device: PowerDeviceId, request: Option<Box<RequestContext>>, reply: oneshot::Sender<Answer>) {
        let devices = self
            .snapshot
            .hosts
            .iter()
            .flat_map(|host| host.devices.iter().map(|d| (host.id, d)));
        let Some((host, stored)) = devices.into_iter().find(|(_, stored)| stored.id == device) else {
            let text = format!("the leader knows no power device {device} yet; ask again in some seconds");
            return drop(reply.send(Err(RpcError::refused(UNKNOWN_DEVICE, text))));
        };
        let (stored, callers, ports) = (stored.clone(), self.calls.callers(), self.ports.clone());
        let test = async move {
            let asked = ports.clock.now();
            let reading = ports.power.read(&stored).await;
            let took = ports.clock.now().since(asked);
            let question = Question::DeviceRead {
                host,
                device,
                reading,
                took,
            };
            let read = Asked {
                question,
                request,
                reply,
            };
            callers.pass_on(read).await;
        };
        self.executor.tasks.spawn(test.instrument(Span::current()));
    }

    /// A reading for a caller is evidence like any other; the binding is what the evidence then says.
    fn tested(&mut self, host: HostId, device: PowerDeviceId, reading: PowerReading, took: Duration) -> Answer {
        self.take(Event::Power {
            host,
            device,
            reading: reading.clone(),
        });
        tracing::info!(
            "power device {device} of host {host} was read for a caller: {}",
            word(&reading)
        );
        let track = self.world.evidence.power.get(&host);
        let binding = track
            .and_then(|power| power.devices.get(&device))
            .map(|track| track.binding.clone());
        object(DeviceTest {
            uuid: device,
            state: word(&reading).to_owned(),
            bound: binding.as_ref().is_some_and(Binding::holds),
            reason: trouble(&reading, binding),
            guid: reading.guid,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

fn span_of(request: Option<&RequestContext>) -> Span {
    let Some(request) = request else { return Span::none() };
    let span = tracing::error_span!("asked");
    logging::attach(&span, request.clone());
    span
}

const fn word(reading: &PowerReading) -> &'static str {
    match reading.state {
        Ok(PowerState::On) => "on",
        Ok(PowerState::Off) => "off",
        Err(PowerTrouble::Unreachable) => "unreachable",
        Err(PowerTrouble::Refused) => "refused",
    }
}

/// What is wrong: first that it does not answer, then that it is not the host's own.
fn trouble(reading: &PowerReading, binding: Option<Binding>) -> Option<Reason> {
    let said = |code, what: &str| Some(Reason::new(code, format!("{what}: {}", reading.detail)));
    match (reading.state, binding) {
        (Err(PowerTrouble::Unreachable), _) => said("power_device_unreachable", "it does not answer"),
        (Err(PowerTrouble::Refused), _) => said("power_device_refused", "it refuses the credentials or the command"),
        (Ok(_), Some(Binding::Unbound(reason))) => Some(reason),
        (Ok(_), Some(Binding::Identity | Binding::Accepted) | None) => None,
    }
}

fn object(answer: impl Serialize) -> Answer {
    serde_json::to_value(answer).map_err(|error| RpcError::fault(error.to_string()))
}
