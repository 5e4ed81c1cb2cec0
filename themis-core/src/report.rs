//! What a host monitor says at one time. Travels as the argument `report` of the fanout cast `report` on the topic
//! `themis_observations`, version 1.0. Unknown fields are tolerated; durations, never wall times.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::NetworkName;

/// RPC topic of reports and of answers to inquiries; every engine listens.
pub const OBSERVATIONS_TOPIC: &str = "themis_observations";
/// RPC topic of the engines: fanout `wake`.
pub const ENGINE_TOPIC: &str = "themis_engine";
/// RPC topic of the host monitors: fanout `resend`, `probe`, `life`, `census`.
pub const HOSTMONITOR_TOPIC: &str = "themis_hostmonitor";
/// Version of all three.
pub const RPC_VERSION: &str = "1.0";

/// A report that nobody took for this long is dropped by the broker: a newer one is on its way.
pub const GOOD_FOR: Duration = Duration::from_secs(5);

/// One monitor's whole view at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The reporting host, as Nova's service host names it; also its serf node name.
    pub observer: String,
    /// True for a monitor on a controller: it observes and is never a target.
    #[serde(default)]
    pub witness: bool,
    /// The kernel's boot id; a new one means the host was restarted.
    pub boot_id: String,
    /// The host's system UUID (DMI), which binds a power device to it; absent when unreadable.
    #[serde(default)]
    pub system_uuid: Option<Uuid>,
    /// Drawn at the monitor's start: tells a restarted monitor from a replayed message.
    pub monitor_start: Uuid,
    /// Grows by one with each report of this monitor start.
    pub sequence: u64,
    /// The monitor's own boot-time clock, in milliseconds; must not go backward within one `monitor_start`.
    pub clock_ms: u64,
    /// Hash of the host list that it judged by.
    pub generation: String,
    /// True when the host is being shut down in order: its leaving is no failure.
    #[serde(default)]
    pub shutting_down: bool,
    /// The nonce of the `life` inquiry that this report answers.
    #[serde(default)]
    pub nonce: Option<String>,
    /// Per network what this monitor sees there.
    pub networks: BTreeMap<NetworkName, NetworkReport>,
}

/// One network as one monitor sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkReport {
    /// The monitor's own serf agent on this network.
    pub agent: AgentState,
    /// Whether the interface has carrier and is up; `None` when it could not be read.
    #[serde(default)]
    pub carrier: Option<bool>,
    /// Serf's health score: 0 is healthy, 7 the worst; `None` while the agent does not answer.
    #[serde(default)]
    pub health_score: Option<u8>,
    /// How many peers the configured host list names, itself not counted.
    pub known: u32,
    /// How many of them are alive for the agent.
    pub alive: u32,
    /// Milliseconds since something was last received from a peer on this network; `None`: never.
    #[serde(default)]
    pub proof_of_life_age_ms: Option<u64>,
    /// The peers that are not alive, by name.
    #[serde(default)]
    pub not_alive: BTreeMap<String, PeerStatus>,
}

/// State of a serf agent as its supervisor knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Answers on its RPC port.
    Running,
    /// Started, or waiting for its next start after an exit.
    Restarting,
    /// Cannot be started (the program is missing, the configuration is refused).
    Refused,
    /// Runs, but its RPC port does not answer.
    Silent,
}

/// What an agent says of a peer that it does not hold alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerStatus {
    /// Serf's own verdict after its suspicion time: an accusation.
    Failed,
    /// It left in order: planned, no accusation.
    Left,
    /// It is leaving in order.
    Leaving,
    /// The host list names it, the agent has never met it.
    Missing,
}
