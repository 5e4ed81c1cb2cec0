//! Everything that a decision may look at: what is registered, what is known of each host, the evidence, the thresholds.
//!
//! The world is a value. [`crate::judge::judge`] reads and advances it; it never reaches outside. What must survive a
//! leader is in [`HostDetail`] and in the workflow log; everything else is heard anew by the next one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use themis_core::network::Importance;
use themis_core::{
    HostId, HostState, IncidentId, Mode, Moment, NetworkName, NotificationId, PowerDeviceId, Reason, SegmentId,
};
use uuid::Uuid;

use crate::evidence::Evidence;
use crate::notified::Book;
use crate::policy::Policy;
use crate::recovery::Recovery;

/// All that decisions rest on.
#[derive(Debug, Clone)]
pub struct World {
    /// The thresholds.
    pub policy: Policy,
    /// Whether the installation acts.
    pub mode: Mode,
    /// Whether this engine has heard for long enough to open incidents.
    pub settled: bool,
    /// Whether this engine hears no monitor that it heard before, or began to hear so lately, that a dead host may still
    /// look well.
    pub deaf: bool,
    /// Host names that must never be powered off from here: the hosts that engines run on.
    pub own_hosts: BTreeSet<String>,
    /// The networks that hosts are attached to, and what their loss means where a segment does not say otherwise.
    pub networks: BTreeMap<NetworkName, Importance>,
    /// Live segments.
    pub segments: BTreeMap<SegmentId, SegmentRecord>,
    /// Live hosts.
    pub hosts: BTreeMap<HostId, HostRecord>,
    /// What was heard.
    pub evidence: Evidence,
    /// Networks that are out, and until when they count for nothing.
    pub outages: BTreeMap<NetworkName, Outage>,
    /// Recoveries that notifications ask for.
    pub notified: Book,
}

/// A network that is out for everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Since when.
    pub since: Moment,
    /// When it was last seen to be out.
    pub last: Moment,
    /// Why it is held to be out.
    pub reason: Reason,
}

/// A segment as decisions need it.
#[derive(Debug, Clone)]
pub struct SegmentRecord {
    /// Its name.
    pub name: String,
    /// HA for it is switched on.
    pub enabled: bool,
    /// Its own mode, where it has one.
    pub mode: Option<Mode>,
    /// Its own importance of networks.
    pub importance: BTreeMap<NetworkName, Importance>,
    /// How its hosts are to be recovered, in Masakari's word; every one is recovered as [`AUTO`].
    pub recovery_method: String,
}

/// The recovery method by which Nova's scheduler chooses where instances go; the only one that there is here.
pub const AUTO: &str = "auto";

impl SegmentRecord {
    /// An enabled segment without settings of its own.
    #[must_use]
    pub fn enabled(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            enabled: true,
            mode: None,
            importance: BTreeMap::new(),
            recovery_method: AUTO.to_owned(),
        }
    }
}

/// A registered power device as decisions need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Its id.
    pub id: PowerDeviceId,
    /// An operator accepted it although its identity is not proven.
    pub accepted: bool,
    /// As people know it (`ipmi://10.77.9.2:623`), without secrets.
    pub address: String,
}

/// One host: what is stored of it, what is in memory.
#[derive(Debug, Clone)]
pub struct HostRecord {
    /// Its id.
    pub id: HostId,
    /// Its name, the same for Nova, serf and the monitors.
    pub name: String,
    /// Where it belongs.
    pub segment: SegmentId,
    /// Its maintenance flag as stored; who set it is in the detail.
    pub on_maintenance: bool,
    /// Where it stands.
    pub state: HostState,
    /// Since when, on this engine's clock.
    pub since: Moment,
    /// Why.
    pub reason: Reason,
    /// The incident that it is in.
    pub incident: Option<IncidentId>,
    /// What must survive a leader.
    pub detail: HostDetail,
    /// Its registered power devices.
    pub devices: Vec<DeviceRecord>,
    /// The recovery of its incident, as the workflow log tells it.
    pub recovery: Recovery,
    /// Timers and notes of this leader.
    pub watch: Watch,
}

/// What the machine remembers of a host in the database, beside state and incident.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostDetail {
    /// Disabled by an operator's request.
    pub disabled_by_operator: bool,
    /// We set the maintenance flag, for an incident.
    pub maintenance_by_incident: bool,
    /// We set the maintenance flag, for a process that failed. Only an operator clears it.
    pub maintenance_by_process: bool,
    /// The system UUID that its monitor last reported: what a power device's identity is compared with.
    pub system_uuid: Option<Uuid>,
    /// The boot id that its monitor last reported while it was good.
    pub boot_id: Option<String>,
    /// How often its power came back in this incident.
    pub returns: u32,
    /// An operator vouches for its death in this incident.
    pub vouched: Option<Vouch>,
    /// The hosts with which it failed at once in this incident, when that held it back.
    pub failed_with: BTreeSet<HostId>,
    /// An operator's word that lets this host, and no other, through the hold on so many failing at once.
    pub let_through: bool,
    /// An operator returned it after its evacuation: it did not recover by itself. Until its next incident.
    pub returned: bool,
    /// Its power was read on after its evacuation: the proof that it is off is over, whatever is read later.
    pub switched_on: bool,
}

/// An operator's word that a host is dead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vouch {
    /// Who.
    pub user: String,
    /// Why, in their words.
    pub reason: String,
}

/// Timers and notes of one leader about one host. None of it is stored: confirmation runs from what this leader heard.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// Since when each network is accused by enough observers.
    pub accused_since: BTreeMap<NetworkName, Moment>,
    /// When the first accusation of the present run was heard, and by whom.
    pub first_accusation: Option<(Moment, Reason)>,
    /// Since when a checked host shows no fault at all.
    pub calm_since: Option<Moment>,
    /// Since when the host is good on all critical networks.
    pub good_since: Option<Moment>,
    /// Since when the matrix demands a fence without a break.
    pub demand_since: Option<Moment>,
    /// Since when it demands it because the host is silent everywhere.
    pub silent_since: Option<Moment>,
    /// A third party's claim (a notification) that is not yet looked into.
    pub claim: Option<Claim>,
    /// When it was last asked for a report with a nonce while in doubt.
    pub asked: Option<Moment>,
    /// When the present round of looking began.
    pub checking_since: Option<Moment>,
    /// When the first power-off of this fence was wanted by this leader.
    pub fence_since: Option<Moment>,
    /// When a power-off was last sent.
    pub commanded: Option<Moment>,
    /// When our power-off was proven to have worked.
    pub proven: Option<Moment>,
    /// Since when an evacuation lacks a young proof.
    pub unproven_since: Option<Moment>,
    /// The hold that was last written down, so that it is written once.
    pub hold: Option<Reason>,
    /// Alarms that were written down in this state.
    pub alarmed: BTreeSet<String>,
    /// When it came to Failed: for the mass brake.
    pub failed_at: Option<Moment>,
}

/// A third party's word, as a notification, that a host is down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The notification; it becomes the incident's own.
    pub notification: NotificationId,
    /// What it says.
    pub reason: Reason,
}

impl HostRecord {
    /// A host that was registered just now.
    #[must_use]
    pub fn new(id: HostId, name: String, segment: SegmentId, now: Moment) -> Self {
        Self {
            id,
            name,
            segment,
            on_maintenance: false,
            state: HostState::Initializing,
            since: now,
            reason: Reason::new("registered", "registered; waits to be seen good by a majority"),
            incident: None,
            detail: HostDetail::default(),
            devices: Vec::new(),
            recovery: Recovery::default(),
            watch: Watch::default(),
        }
    }

    /// Whether an operator took it out: by request, or by the maintenance flag that we did not set.
    #[must_use]
    pub const fn disabled(&self) -> bool {
        self.detail.disabled_by_operator || self.maintenance_by_operator()
    }

    /// Whether the maintenance flag is set, and not by us.
    #[must_use]
    pub const fn maintenance_by_operator(&self) -> bool {
        self.on_maintenance && !self.detail.maintenance_by_incident && !self.detail.maintenance_by_process
    }

    /// Whether it counts as a possible failure of a network: neither disabled nor known dead.
    #[must_use]
    pub const fn counts(&self) -> bool {
        !matches!(
            self.state,
            HostState::Disabled | HostState::Fencing | HostState::Fenced | HostState::Evacuating | HostState::Evacuated
        )
    }
}

impl World {
    /// A world without hosts; `critical` says of each network whether its loss is critical.
    #[must_use]
    pub fn for_networks(networks: &[(&str, bool)]) -> Self {
        let importance = |critical| {
            if critical {
                Importance::Critical
            } else {
                Importance::Tolerated
            }
        };
        Self {
            policy: Policy::default(),
            mode: Mode::Observe,
            settled: false,
            deaf: false,
            own_hosts: BTreeSet::new(),
            networks: networks
                .iter()
                .map(|(n, c)| (NetworkName::new(*n), importance(*c)))
                .collect(),
            segments: BTreeMap::new(),
            hosts: BTreeMap::new(),
            evidence: Evidence::default(),
            outages: BTreeMap::new(),
            notified: Book::default(),
        }
    }

    /// What the loss of `network` means for `host`.
    #[must_use]
    pub fn importance(&self, host: &HostRecord, network: &NetworkName) -> Importance {
        self.importance_in(host.segment, network)
    }

    /// What the loss of `network` means for the hosts of `segment`.
    #[must_use]
    pub fn importance_in(&self, segment: SegmentId, network: &NetworkName) -> Importance {
        self.segments
            .get(&segment)
            .and_then(|segment| segment.importance.get(network))
            .or_else(|| self.networks.get(network))
            .copied()
            .unwrap_or(Importance::Tolerated)
    }

    /// The mode that holds for `host`.
    #[must_use]
    pub fn mode_of(&self, host: &HostRecord) -> Mode {
        self.mode
            .with_segment(self.segments.get(&host.segment).and_then(|segment| segment.mode))
    }

    /// The host of that name.
    #[must_use]
    pub fn host_named(&self, name: &str) -> Option<&HostRecord> {
        self.hosts.values().find(|host| host.name == name)
    }
}
