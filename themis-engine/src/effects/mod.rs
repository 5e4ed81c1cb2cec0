//! Executors: one request each, bounded in time, after a last look at the lease. They never choose the next step; what
//! came of it goes to the inbox.

mod notified;
mod nova;
mod questions;

use std::time::Duration;

use themis_core::{IncidentId, InstanceId, Moment, Reason};
use themis_decision::WantedEffect;
use themis_decision::notified::Call;
use themis_decision::recovery::{Effect, Outcome};
use tokio_util::task::TaskTracker;

use crate::inbox::{Event, Mailbox};
use crate::lease::Permit;
use crate::ports::Ports;
use crate::ports::power::OffAnswer;
use crate::ports::store::StoredDevice;

pub use questions::ask;

/// What all executors share.
#[derive(Clone)]
pub struct Executor {
    /// The ports.
    pub ports: Ports,
    /// Until when requests may be sent.
    pub permit: Permit,
    /// Where outcomes go.
    pub mailbox: Mailbox,
    /// The running executors.
    pub tasks: TaskTracker,
    /// How old a decision to power off may be.
    pub decision_age_max: Duration,
    /// How old a proof may be when an evacuation is posted.
    pub proof_age_max: Duration,
    /// Prefix of our disabled reasons: `themis/<installation>/`.
    pub mark: String,
}

/// What an executor must know of the host.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Its devices.
    pub devices: Vec<StoredDevice>,
}

impl Executor {
    /// Begins an effect.
    pub fn begin(&self, wanted: WantedEffect, subject: Subject) {
        let this = self.clone();
        self.tasks.spawn(async move { this.perform(wanted, subject).await });
    }

    /// Begins an effect for a notification.
    pub fn call(&self, call: Call) {
        let this = self.clone();
        self.tasks.spawn(async move {
            let outcome = if this.may_send() {
                notified::perform(&this, &call).await
            } else {
                Outcome::Retry(not_leading())
            };
            this.mailbox.deliver(Event::CallEnded { call, outcome }).await;
        });
    }

    /// Begins a look at an instance in recovery.
    pub fn sight(&self, instance: InstanceId, asked: Moment) {
        let this = self.clone();
        self.tasks.spawn(async move {
            let sight = this.ports.compute.instance(instance).await.ok();
            this.mailbox.deliver(Event::Sighted { instance, sight, asked }).await;
        });
    }

    async fn perform(self, wanted: WantedEffect, subject: Subject) {
        let WantedEffect {
            host,
            incident,
            effect,
            decided,
        } = wanted;
        if let Effect::PowerOff { device } = effect {
            let answer = self.power_off(&subject, device, decided).await;
            return self
                .mailbox
                .deliver(Event::OffSent {
                    host,
                    incident,
                    device,
                    answer,
                })
                .await;
        }
        let outcome = if self.may_send() {
            self.nova(&effect, &subject.name, incident).await
        } else {
            Outcome::Retry(not_leading())
        };
        self.mailbox
            .deliver(Event::Ended {
                host,
                incident,
                effect,
                outcome,
            })
            .await;
    }

    fn may_send(&self) -> bool {
        self.permit.holds(self.ports.clock.now())
    }

    async fn power_off(&self, subject: &Subject, device: themis_core::PowerDeviceId, decided: Moment) -> OffAnswer {
        let Some(device) = subject.devices.iter().find(|d| d.id == device) else {
            return OffAnswer::NotTaken("the device was removed".to_owned());
        };
        if !self.may_send() || self.ports.clock.now().since(decided) > self.decision_age_max {
            return OffAnswer::NotTaken("the decision grew old before the command was sent".to_owned());
        }
        self.ports.power.off(device).await
    }

    async fn nova(&self, effect: &Effect, host: &str, incident: IncidentId) -> Outcome {
        match effect {
            Effect::Evacuate { instance, proof } => {
                if self.ports.clock.now().since(proof.confirmed) > self.proof_age_max {
                    return Outcome::Retry(Reason::new(
                        "proof_old",
                        "the proof grew old before the request was sent",
                    ));
                }
                nova::evacuate(self.ports.compute.as_ref(), proof, *instance).await
            }
            other => {
                nova::perform(
                    self.ports.compute.as_ref(),
                    other,
                    host,
                    &format!("{}{incident}", self.mark),
                    &self.mark,
                )
                .await
            }
        }
    }
}

fn not_leading() -> Reason {
    Reason::new("not_leading", "the lease ended before the request was sent")
}
