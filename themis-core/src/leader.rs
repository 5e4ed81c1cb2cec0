//! What the leading engine answers when it is asked over the bus: how it stands, the preflight, whom it hears, which
//! brakes hold, a segment's decision matrix, the test of a power device. The answers are facts that only the leader's
//! memory holds; nothing here changes anything.
//!
//! Topic and version are those of [`crate::report::ENGINE_TOPIC`]; the call is sent to the engine that the lease row
//! names. An engine that does not lead refuses with [`NOT_LEADING`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::network::Importance;
use crate::{Epoch, HostId, HostState, Mode, NetworkName, PowerDeviceId, Reason, SegmentId};

/// Method: [`LeaderStatus`]. No arguments.
pub const STATUS: &str = "status";
/// Method: [`Preflight`]. No arguments.
pub const PREFLIGHT: &str = "preflight";
/// Method: [`Observers`]. No arguments.
pub const OBSERVERS: &str = "observers";
/// Method: [`Brakes`]. No arguments.
pub const BRAKES: &str = "brakes";
/// Method: [`DecisionMatrix`]. Argument `segment`: the id of a segment.
pub const DECISION_MATRIX: &str = "decision_matrix";
/// Method: [`DeviceTest`]. Argument `device`: the id of a registered power device.
pub const DEVICE_TEST: &str = "device_test";

/// Class of the refusal by an engine that does not lead (any more).
pub const NOT_LEADING: &str = "NotLeading";
/// Class of the refusal when the leader knows no such power device (yet).
pub const UNKNOWN_DEVICE: &str = "UnknownPowerDevice";

/// Class of the refusal when the leader knows no such segment (yet).
pub const UNKNOWN_SEGMENT: &str = "UnknownSegment";

/// How the leader stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaderStatus {
    /// Its name among the engines.
    pub engine: String,
    /// Its release.
    pub version: String,
    /// Its fencing token.
    pub epoch: Epoch,
    /// The installation's mode.
    pub mode: Mode,
    /// It has heard for long enough to open incidents.
    pub settled: bool,
    /// Nova answered when it was last asked.
    pub nova_answers: bool,
    /// Registered hosts.
    pub hosts: usize,
    /// Monitors whose reports are fresh.
    pub observers: usize,
    /// Hosts in an incident.
    pub incidents: usize,
    /// Networks that are out for everybody.
    pub networks_out: Vec<NetworkName>,
}

/// Whether Themis would save what it is there for, if it were armed now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preflight {
    /// Nothing is missing: no reason, here or at any host.
    pub ready: bool,
    /// What is missing for all.
    pub reasons: Vec<Reason>,
    /// The hosts, by name.
    pub hosts: Vec<PreflightHost>,
    /// What holds nothing back and is done otherwise than a segment says. An older leader knows none.
    #[serde(default)]
    pub warnings: Vec<PreflightWarning>,
}

/// What an operator may expect of a segment and will not get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightWarning {
    /// The segment.
    pub segment_uuid: SegmentId,
    /// What is done instead.
    pub reason: Reason,
}

impl Preflight {
    /// What concerns one segment, by its id as text; all of it without one.
    #[must_use]
    pub fn of(mut self, segment: Option<&str>) -> Self {
        if let Some(segment) = segment {
            self.hosts.retain(|host| host.segment_uuid.to_string() == segment);
            self.warnings
                .retain(|warning| warning.segment_uuid.to_string() == segment);
            self.ready = self.reasons.is_empty() && self.hosts.iter().all(|host| host.protected);
        }
        self
    }
}

/// One host of the preflight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightHost {
    /// Its id.
    pub uuid: HostId,
    /// Its name.
    pub name: String,
    /// Its segment.
    pub segment_uuid: SegmentId,
    /// Where it stands.
    pub state: HostState,
    /// It would be fenced and its instances brought back if it failed now and Themis were armed.
    pub protected: bool,
    /// Why not.
    pub reasons: Vec<Reason>,
}

/// The monitors that the leader has heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observers {
    /// By name.
    pub observers: Vec<Observer>,
}

/// One monitor: what its word is worth now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observer {
    /// The host that it runs on.
    pub name: String,
    /// It runs on a controller: it observes and is never a target.
    pub witness: bool,
    /// How long ago its newest report arrived, in milliseconds.
    pub age_ms: u64,
    /// Its place on each network that hosts are judged by.
    pub networks: BTreeMap<NetworkName, ObserverPlace>,
}

/// An observer's place on one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObserverPlace {
    /// Its word on others counts there. It never counts on the host that it runs on, nor on one that it does not know.
    pub eligible: bool,
    /// Why not.
    pub reason: Option<Reason>,
    /// Serf's health score: 0 is healthy, 7 the worst; absent while its agent does not answer.
    pub health_score: Option<u8>,
}

/// What would hold a confirmed failure back now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brakes {
    /// Every brake, also those that do not hold, in the order in which they are asked.
    pub brakes: Vec<Brake>,
}

/// One brake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brake {
    /// The code of its reasons.
    pub code: String,
    /// It holds now: all hosts, or those named.
    pub holds: bool,
    /// Why it holds all hosts; absent when it does not.
    pub reason: Option<Reason>,
    /// The hosts that it holds, each for its own sake, by name.
    pub hosts: Vec<BrakedHost>,
    /// What releases it.
    pub release: String,
}

/// A host that a brake would hold back if it failed now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrakedHost {
    /// Its id.
    pub uuid: HostId,
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: Reason,
}

/// What each combination of bad networks means for the hosts of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionMatrix {
    /// The segment.
    pub segment_uuid: SegmentId,
    /// What the loss of each network means there.
    pub networks: BTreeMap<NetworkName, Importance>,
    /// Every combination has its row. Of many networks only the rows with none, one and all of them bad are given.
    pub complete: bool,
    /// The rows, from all good to all bad.
    pub rows: Vec<MatrixRow>,
}

/// One combination and what it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixRow {
    /// The networks that are bad; the others are good.
    pub bad: Vec<NetworkName>,
    /// What is demanded.
    pub demand: MatrixDemand,
    /// The name under which a fence is demanded.
    pub row: Option<String>,
    /// How long a fence must be demanded without a break before it is done, in seconds.
    pub confirm_period_s: Option<u64>,
    /// Why.
    pub reason: Option<Reason>,
}

/// What the decision matrix demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatrixDemand {
    /// All is well.
    Nothing,
    /// The fault is borne and said.
    Tolerate,
    /// Too little is known.
    Wait,
    /// The host is fenced once it is confirmed.
    Fence,
}

impl MatrixDemand {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Nothing, Self::Tolerate, Self::Wait, Self::Fence];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Tolerate => "tolerate",
            Self::Wait => "wait",
            Self::Fence => "fence",
        }
    }
}

/// What a power device answered just now. Nothing was switched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceTest {
    /// The device.
    pub uuid: PowerDeviceId,
    /// `on`, `off`, `unreachable` or `refused`.
    pub state: String,
    /// The System GUID that it showed.
    pub guid: Option<String>,
    /// Whether its word counts for the host.
    pub bound: bool,
    /// What is wrong, and the fix; absent when nothing is.
    pub reason: Option<Reason>,
    /// How long the answer took, in milliseconds.
    pub took_ms: u64,
}
