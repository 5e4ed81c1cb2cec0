//! What a notification's payload asks for, and whether it is acted upon: Masakari's tables, exactly.

use serde_json::Value;
use themis_core::{InstanceId, Reason};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Something happened to an instance.
    Instance(InstanceAsk),
    /// Something happened to a process.
    Process(ProcessAsk),
    /// The payload lacks what its type needs; why.
    Unreadable(String),
}

/// `VM`: an instance monitor's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceAsk {
    /// The instance.
    pub instance: InstanceId,
    /// `event`: `LIFECYCLE`, `IO_ERROR`, ...
    pub event: String,
    /// `vir_domain_event`: `STOPPED_FAILED`, ...
    pub domain_event: String,
}

/// `PROCESS`: a process monitor's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessAsk {
    /// The process.
    pub name: String,
    /// `event`: `STARTED` or `STOPPED`.
    pub event: String,
}

/// The instance events that are acted upon: `event` and `vir_domain_event`. Everything else is ignored.
pub const ACTED_ON: [(&str, &str); 3] = [
    ("LIFECYCLE", "STOPPED_FAILED"),
    ("QEMU_GUEST_AGENT_ERROR", "STOPPED_FAILED"),
    ("IO_ERROR", "IO_ERROR_REPORT"),
];

/// The one process whose failure has a recovery.
pub const NOVA_COMPUTE: &str = "nova-compute";

impl Ask {
    /// Reads a payload; `None` for a type that is not ours to act on.
    #[must_use]
    pub fn read(kind: &str, payload: &Value) -> Option<Self> {
        let text = |key: &str| payload[key].as_str().unwrap_or_default().to_owned();
        match kind {
            "VM" => Some(text("instance_uuid").parse().map_or_else(
                |_| Self::Unreadable("the payload names no instance".to_owned()),
                |instance| {
                    Self::Instance(InstanceAsk {
                        instance,
                        event: text("event"),
                        domain_event: text("vir_domain_event"),
                    })
                },
            )),
            "PROCESS" => Some(Self::Process(ProcessAsk {
                name: text("process_name"),
                event: text("event"),
            })),
            _ => None,
        }
    }
}

impl InstanceAsk {
    /// Why it is not acted upon; `None` when it is.
    #[must_use]
    pub fn ignored(&self) -> Option<Reason> {
        let pair = (self.event.as_str(), self.domain_event.as_str());
        (!ACTED_ON.contains(&pair)).then(|| {
            let text = format!("event {} with {} needs no recovery", self.event, self.domain_event);
            Reason::new("event_not_acted_on", text)
        })
    }
}

/// oslo's loose reading of a truth value.
#[must_use]
pub fn truth(text: &str) -> bool {
    matches!(
        text.trim().to_lowercase().as_str(),
        "1" | "t" | "true" | "on" | "y" | "yes"
    )
}
