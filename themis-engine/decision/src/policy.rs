//! Every threshold of the decisions in one place, with its product default. The engine fills it from the sections
//! `[detection]`, `[brakes]`, `[fencing]` and `[recovery]`; the reasons for the defaults are in the design and in
//! `docs/operators/tuning.md`.

use std::time::Duration;

/// The thresholds that all decisions are made by.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// How often a monitor sends a whole report; two of these without one make it stale.
    pub report_interval: Duration,
    /// How many eligible accusers are wanted at least (fewer when fewer are eligible).
    pub quorum: usize,
    /// How long an accusation must last before the host is checked, with six voters or more.
    pub hold: Duration,
    /// The same with fewer than six voters.
    pub hold_small: Duration,
    /// How old a host's own proof of life on a network may be to count.
    pub life_age_max: Duration,
    /// A leader that has heard for less than this opens no incident.
    pub settle_period: Duration,
    /// How often a host in doubt is probed and asked.
    pub probe_interval: Duration,
    /// How many observers probe.
    pub probers: usize,
    /// Confirmation of a fault on some networks of a host that lives on others.
    pub confirm_period: Duration,
    /// Confirmation of a host that is bad everywhere and answers nothing.
    pub confirm_period_silent: Duration,
    /// How long a host must be good before a check ends.
    pub clear_period: Duration,
    /// How long a registered host must be good before it is Active.
    pub initializing_period: Duration,
    /// How long a returned host is on probation.
    pub return_period: Duration,
    /// Share of hosts above which the network is out, not the hosts.
    pub network_outage_ratio: f64,
    /// How long after an outage its network counts for nothing.
    pub outage_cooldown: Duration,
    /// Hosts that may be fenced or evacuated at once.
    pub hosts_in_recovery_max: usize,
    /// The same in percent of the registered hosts; the smaller limit rules, one is always allowed.
    pub hosts_in_recovery_percent: usize,
    /// So many hosts failing within `mass_failure_window` are held.
    pub mass_failure_hosts: usize,
    /// See `mass_failure_hosts`.
    pub mass_failure_window: Duration,
    /// A second host that loses power so soon after our power-off may have been switched by it.
    pub collateral_window: Duration,
    /// How long a device that read off from the start must go on reading off.
    pub off_hold: Duration,
    /// How far apart the two readings of off must be.
    pub off_apart: Duration,
    /// How often power is read while it decides something.
    pub power_interval: Duration,
    /// How often power is read of hosts that nobody doubts (it also tests the credentials).
    pub power_idle_interval: Duration,
    /// After this without proof a fence is called stuck and slows down.
    pub fence_deadline: Duration,
    /// How often power-off is sent again while the device reads on.
    pub fence_repeat: Duration,
    /// How old evidence may be when a power-off is decided.
    pub evidence_age_max: Duration,
    /// How old the proof may be when an evacuation is posted.
    pub proof_age_max: Duration,
    /// Evacuations in flight at once, per source host.
    pub evacuations_parallel: usize,
    /// Evacuations in flight at once over all hosts.
    pub evacuations_parallel_total: usize,
    /// After this an evacuation that has not ended is pointed out; it is never repeated because of it.
    pub evacuation_deadline: Duration,
    /// How often Nova may refuse or fail to move one instance before it is given up.
    pub evacuation_attempts_max: u32,
    /// How long an evacuate request without an answer may still take effect.
    pub nova_request_horizon: Duration,
    /// What to do with instances whose root disk is on the dead host.
    pub local_disk: LocalDisk,
    /// Instances of a dead host that their owners did not mark are brought back too.
    pub evacuate_unmarked: bool,
    /// Those that were in state error are brought back too.
    pub evacuate_in_error: bool,
    /// The metadata that marks an instance for a recovery of its own.
    pub instance_ha_key: String,
    /// Unmarked instances are recovered too.
    pub instance_process_all: bool,
    /// How long an instance may take to stop, or a request to it to be taken.
    pub instance_stop_period: Duration,
    /// How long a started instance may take to be active.
    pub instance_start_period: Duration,
    /// How often an instance in recovery is looked at.
    pub instance_look_interval: Duration,
    /// Notified recoveries under way at once.
    pub notified_parallel: usize,
    /// How long Nova may take to show a service disabled.
    pub service_update_period: Duration,
    /// Why a service is disabled for a failed process, for whoever reads it in Nova.
    pub process_disable_reason: String,
    /// After this a failed recovery of a notification is tried once more.
    pub notification_retry_period: Duration,
    /// A notification that was generated longer ago is given up.
    pub notification_expiry: Duration,
    /// A notification just heard is not given up earlier than this.
    pub notification_expiry_grace: Duration,
}

/// What to do with an instance whose root disk is local: evacuation rebuilds it from its image, its data is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalDisk {
    /// Leave it, with the reason.
    Hold,
    /// Rebuild it.
    Rebuild,
}

impl Default for Policy {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self {
            report_interval: s(10),
            quorum: 2,
            hold: s(3),
            hold_small: s(6),
            life_age_max: s(5),
            settle_period: s(15),
            probe_interval: s(2),
            probers: 3,
            confirm_period: s(60),
            confirm_period_silent: s(15),
            clear_period: s(20),
            initializing_period: s(60),
            return_period: s(60),
            network_outage_ratio: 0.5,
            outage_cooldown: s(120),
            hosts_in_recovery_max: 2,
            hosts_in_recovery_percent: 50,
            mass_failure_hosts: 3,
            mass_failure_window: s(60),
            collateral_window: s(15),
            off_hold: s(12),
            off_apart: s(1),
            power_interval: s(1),
            power_idle_interval: s(30),
            fence_deadline: s(60),
            fence_repeat: s(10),
            evidence_age_max: s(10),
            proof_age_max: s(5),
            evacuations_parallel: 8,
            evacuations_parallel_total: 20,
            evacuation_deadline: s(300),
            evacuation_attempts_max: 3,
            nova_request_horizon: s(120),
            local_disk: LocalDisk::Hold,
            evacuate_unmarked: true,
            evacuate_in_error: true,
            instance_ha_key: "HA_Enabled".to_owned(),
            instance_process_all: false,
            instance_stop_period: s(180),
            instance_start_period: s(60),
            instance_look_interval: s(1),
            notified_parallel: 8,
            service_update_period: s(180),
            process_disable_reason: "Masakari detected process failed.".to_owned(),
            notification_retry_period: s(120),
            notification_expiry: s(86_400),
            notification_expiry_grace: s(600),
        }
    }
}

impl Policy {
    /// How long an accusation must last where `voters` vote.
    #[must_use]
    pub const fn hold_for(&self, voters: usize) -> Duration {
        if voters < 6 { self.hold_small } else { self.hold }
    }

    /// A report older than this counts for nothing.
    #[must_use]
    pub fn report_age_max(&self) -> Duration {
        self.report_interval * 2
    }

    /// How many of `hosts` may be in recovery at once.
    #[must_use]
    pub fn recovery_limit(&self, hosts: usize) -> usize {
        self.hosts_in_recovery_max
            .min(hosts * self.hosts_in_recovery_percent / 100)
            .max(1)
    }
}
