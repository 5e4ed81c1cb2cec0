//! Questions: probes, life, power readings, looks. Harmless to repeat, worth nothing when late.

use themis_core::inquiry::{LifeInquiry, ProbeInquiry};
use themis_core::{IncidentId, Moment};
use themis_decision::Want;

use super::{Executor, Subject};
use crate::inbox::Event;
use crate::ports::bus::Inquiry;

/// How long observers try before they answer that the target was not reached.
const PROBE_TIMEOUT_MS: u64 = 1000;

/// Begins a question.
pub fn ask(executor: &Executor, want: Want, subject: Subject, incident: Option<IncidentId>, now: Moment) {
    let this = executor.clone();
    executor.tasks.spawn(async move {
        let nonce = format!("{}-{}", this.ports.ids.fresh().simple(), now.0);
        match want {
            Want::Probe { network, observers, .. } => {
                let target = subject.name;
                let inquiry = ProbeInquiry {
                    nonce,
                    target,
                    network,
                    observers,
                    timeout_ms: PROBE_TIMEOUT_MS,
                };
                this.ports.bus.ask(Inquiry::Probe(inquiry)).await;
            }
            Want::AskLife { .. } => {
                this.ports
                    .bus
                    .ask(Inquiry::Life(LifeInquiry {
                        nonce,
                        target: subject.name,
                    }))
                    .await;
            }
            Want::ReadPower { host, device, .. } => {
                if let Some(stored) = subject.devices.iter().find(|d| d.id == device) {
                    let reading = this.ports.power.read(stored).await;
                    this.mailbox.deliver(Event::Power { host, device, reading }).await;
                }
            }
            Want::Look { host, instances } => {
                let Some(incident) = incident else { return };
                let looks = this.ports.compute.look(&subject.name, &instances).await.ok();
                this.mailbox
                    .deliver(Event::Looked {
                        host,
                        incident,
                        asked: instances,
                        looks,
                    })
                    .await;
            }
        }
    });
}
