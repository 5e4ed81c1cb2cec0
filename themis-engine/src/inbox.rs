//! What happens to the engine, in one bounded queue: words of monitors, answers of power devices and Nova, outcomes of
//! effects, wake-ups. Push and poll both end here; there is no other path from an observation to a decision.

use themis_core::inquiry::{CensusAnswer, ProbeAnswer};
use themis_core::power::PowerReading;
use themis_core::report::Report;
use themis_core::{HostId, IncidentId, InstanceId, Moment, PowerDeviceId};
use themis_decision::notified::{Call, InstanceSight};
use themis_decision::recovery::{Effect, InstanceLook, Outcome};
use themis_service::logging::RequestContext;
use tokio::sync::mpsc;

use crate::ports::compute::ComputeService;
use crate::ports::power::OffAnswer;

/// How many events may wait. Reports beyond it are dropped (the next one is whole); outcomes wait for room.
const CAPACITY: usize = 20_000;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A monitor's report.
    Report(Box<Report>),
    /// An answer to a probe.
    Probe(ProbeAnswer),
    /// An answer to a census.
    Census(CensusAnswer),
    /// A device was read.
    Power {
        /// Whose device.
        host: HostId,
        /// Which.
        device: PowerDeviceId,
        /// What it said.
        reading: PowerReading,
    },
    /// A power-off was sent.
    OffSent {
        /// Whose device.
        host: HostId,
        /// The incident it belongs to.
        incident: IncidentId,
        /// Which device.
        device: PowerDeviceId,
        /// What came of it.
        answer: OffAnswer,
    },
    /// Nova's services were listed.
    Services {
        /// The services; empty when Nova did not answer.
        services: Vec<ComputeService>,
        /// When the request was sent.
        asked: Moment,
    },
    /// Instances on their way were looked at.
    Looked {
        /// The source host.
        host: HostId,
        /// The incident.
        incident: IncidentId,
        /// Which were looked at.
        asked: Vec<InstanceId>,
        /// What Nova shows; `None` when it did not answer.
        looks: Option<Vec<InstanceLook>>,
    },
    /// An effect ended.
    Ended {
        /// The host.
        host: HostId,
        /// The incident.
        incident: IncidentId,
        /// What was done.
        effect: Effect,
        /// What came of it.
        outcome: Outcome,
    },
    /// An instance in recovery was looked at.
    Sighted {
        /// Which.
        instance: InstanceId,
        /// As Nova shows it, `None` inside: it no longer exists. Outer `None`: Nova did not answer.
        sight: Option<Option<InstanceSight>>,
        /// When the request was sent.
        asked: Moment,
    },
    /// A request for a notification's recovery ended.
    CallEnded {
        /// What was done.
        call: Call,
        /// What came of it.
        outcome: Outcome,
    },
    /// The API stored something: read it. With the request that made it do so, for the log.
    Wake(Option<Box<RequestContext>>),
}

/// The engine's end of the queue, and a handle to fill it.
#[derive(Debug)]
pub struct Inbox {
    sender: mpsc::Sender<Event>,
    receiver: mpsc::Receiver<Event>,
}

/// Fills the inbox.
#[derive(Debug, Clone)]
pub struct Mailbox(mpsc::Sender<Event>);

impl Default for Inbox {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        Self { sender, receiver }
    }
}

impl Inbox {
    /// A handle to fill it.
    #[must_use]
    pub fn mailbox(&self) -> Mailbox {
        Mailbox(self.sender.clone())
    }

    /// The next event.
    pub async fn next(&mut self) -> Option<Event> {
        self.receiver.recv().await
    }

    /// An event that is already there.
    pub fn ready(&mut self) -> Option<Event> {
        self.receiver.try_recv().ok()
    }
}

impl Mailbox {
    /// Hands in what may be lost (reports, answers, wake-ups): dropped when the inbox is full.
    pub fn offer(&self, event: Event) {
        if self.0.try_send(event).is_err() {
            tracing::warn!("inbox full: a message was dropped; the next whole report makes up for it");
        }
    }

    /// Hands in what must not be lost (outcomes): waits for room.
    pub async fn deliver(&self, event: Event) {
        // The receiver is gone only when the engine has ended; its successor looks for itself.
        drop(self.0.send(event).await);
    }
}
