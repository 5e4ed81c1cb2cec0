//! The engine's sections of `themis.conf`, and the settings that they make.

mod masakari;

pub use masakari::{HostFailureSection, InstanceFailureSection, NotificationsSection, ProcessFailureSection};

use std::collections::BTreeMap;
use std::time::Duration;

use themis_config::{ConfigError, KnownSection, Source};
use themis_core::NetworkName;
use themis_core::network::Importance;
use themis_decision::Policy;
use themis_decision::policy::LocalDisk;
use themis_fencing::FencingSection;

use crate::engine::Settings;
use crate::lease::LeaseTimes;

themis_config::section! {
    /// How the engine runs and leads.
    pub struct EngineSection("engine", strict) {
        /// Its name among the engines; the kernel's host name when empty.
        pub name: Option<String>,
        /// Name of this installation; seen in the reason of services that it disables in Nova.
        pub installation: String = "themis",
        /// Seconds after which a lease that stood still may be taken by another engine.
        pub lease_ttl: Duration = "10",
        /// Seconds between renewals of the lease.
        pub lease_renew: Duration = "3",
        /// Seconds before the end of its lease at which a leader stops acting.
        pub lease_margin: Duration = "2",
        /// Seconds that an engine hears reports before it opens an incident.
        pub settle_period: Duration = "15",
        /// Seconds between two looks into the database when no message wakes the engine.
        pub poll_interval: Duration = "2",
        /// Seconds between two listings of Nova's services while no host is in doubt.
        pub nova_poll_interval: Duration = "5",
        /// Names of registered hosts that engines run on, besides the kernel's host name; they are never powered off from here.
        pub own_hosts: Vec<String> = "",
        /// Address and port of /healthcheck, /readiness and /metrics; nothing when empty.
        pub metrics_listen: Option<String>,
    }
}

themis_config::section! {
    /// When a host is held to have failed.
    pub struct DetectionSection("detection", strict) {
        /// Seconds between whole reports of a monitor, as configured there; two without one make it stale.
        pub report_interval: Duration = "10",
        /// How many eligible observers must accuse a host at least.
        pub quorum: usize = "2",
        /// Seconds that an accusation must last before the host is checked, with six voters or more.
        pub hold: Duration = "3",
        /// The same with fewer than six voters.
        pub hold_small: Duration = "6",
        /// Seconds between two rounds of probes and questions to a host in doubt.
        pub probe_interval: Duration = "2",
        /// Seconds that a fault on some networks is confirmed for.
        pub confirm_period: Duration = "60",
        /// Seconds that silence on all networks is confirmed for.
        pub confirm_period_silent: Duration = "15",
        /// Seconds that a host must be good before a check of it ends.
        pub clear_period: Duration = "20",
        /// Seconds that a registered host must be good before it is looked after.
        pub initializing_period: Duration = "60",
        /// Seconds that a returned host is on probation.
        pub return_period: Duration = "60",
        /// Share of hosts above which a failing network is out, not the hosts.
        pub network_outage_ratio: f64 = "0.5",
        /// Seconds for which a network counts for nothing after it was out.
        pub outage_cooldown: Duration = "120",
    }
}

themis_config::section! {
    /// What holds fencing back.
    pub struct BrakesSection("brakes", strict) {
        /// Hosts that may be fenced or evacuated at once.
        pub hosts_in_recovery_max: usize = "2",
        /// The same in percent of the registered hosts; the smaller limit rules, one host is always allowed.
        pub hosts_in_recovery_percent: usize = "50",
        /// So many hosts that fail within mass_failure_window are held.
        pub mass_failure_hosts: usize = "3",
        /// Seconds; see mass_failure_hosts.
        pub mass_failure_window: Duration = "60",
        /// A second host that loses its power within so many seconds of a power-off stops further ones.
        pub collateral_window: Duration = "15",
    }
}

themis_config::section! {
    /// How instances are brought back.
    pub struct RecoverySection("recovery", strict) {
        /// Evacuations in flight at once from one host.
        pub evacuations_parallel: usize = "8",
        /// Evacuations in flight at once from all hosts.
        pub evacuations_parallel_total: usize = "20",
        /// Seconds after which an evacuation that has not ended is pointed out; it is never repeated because of that.
        pub evacuation_deadline: Duration = "300",
        /// How often Nova may refuse or fail to move one instance; what Nova never took counts for nothing.
        pub evacuation_attempts_max: u32 = "3",
        /// Seconds for which an evacuation request without an answer may still take effect.
        pub nova_request_horizon: Duration = "120",
        /// What to do with an instance whose root disk is on the dead host: hold leaves it with the reason, rebuild makes it anew from its image and its data is lost.
        pub local_disk: String = "hold",
        /// Recoveries of single instances and processes (notifications of type VM and PROCESS) under way at once.
        pub notified_parallel: usize = "8",
        /// Instances booted from an image have their disk on storage that all hosts share.
        pub shared_instance_disks: bool = "false",
    }
}

themis_config::section! {
    /// What the engine needs to know of a network; the monitors read the rest of the section.
    pub struct NetworkImportanceSection("network:", shared) {
        /// critical: a host is fenced when it loses the network. tolerated: it is not, for that alone.
        pub importance: String = "critical",
    }
}

/// The sections that the engine reads.
#[must_use]
pub fn sections() -> Vec<KnownSection> {
    let mut known = vec![
        KnownSection::of::<EngineSection>(),
        KnownSection::of::<DetectionSection>(),
        KnownSection::of::<crate::adapters::senders::ObserverUsersSection>(),
        KnownSection::of::<BrakesSection>(),
        KnownSection::of::<RecoverySection>(),
        KnownSection::of::<NetworkImportanceSection>(),
    ];
    known.extend(masakari::sections());
    known.extend(themis_db::config::sections());
    known.extend(themis_openstack::sections());
    known.extend(themis_messaging::config::sections());
    known.extend(themis_fencing::config::sections());
    known
}

/// The engine's settings from the configuration; `host` is the kernel's host name.
///
/// # Errors
/// A value of the wrong kind, or times that do not fit together.
pub fn settings(source: &Source, host: &str) -> Result<Settings, ConfigError> {
    let engine: EngineSection = source.section()?;
    let lease = LeaseTimes {
        ttl: engine.lease_ttl,
        renew: engine.lease_renew,
        margin: engine.lease_margin,
    };
    if lease.renew + lease.margin >= lease.ttl {
        let what = "lease_renew and lease_margin together must be shorter than lease_ttl".to_owned();
        return Err(bad("engine", "lease_ttl", what));
    }
    let networks = networks(source)?;
    let mut settings = Settings::new(engine.name.as_deref().unwrap_or(host), networks);
    settings.policy = policy(source, engine.settle_period)?;
    settings.installation = engine.installation;
    settings.lease = lease;
    settings.own_hosts = engine.own_hosts.into_iter().chain([host.to_owned()]).collect();
    settings.poll = engine.poll_interval;
    settings.nova_poll = engine.nova_poll_interval;
    Ok(settings)
}

fn bad(section: &str, key: &str, what: String) -> ConfigError {
    ConfigError::BadValue {
        file: "configuration".to_owned(),
        section: section.to_owned(),
        key: key.to_owned(),
        what,
    }
}

fn networks(source: &Source) -> Result<BTreeMap<NetworkName, Importance>, ConfigError> {
    let mut networks = BTreeMap::new();
    for (name, section) in source.family::<NetworkImportanceSection>()? {
        let importance = section
            .importance
            .parse()
            .map_err(|what| bad(&format!("network:{name}"), "importance", what))?;
        networks.insert(NetworkName(name), importance);
    }
    if !networks.values().any(|importance| *importance == Importance::Critical) {
        let what =
            "no network is critical, so no host would ever be fenced; declare [network:NAME] sections".to_owned();
        return Err(bad("network:NAME", "importance", what));
    }
    Ok(networks)
}

fn policy(source: &Source, settle_period: Duration) -> Result<Policy, ConfigError> {
    let detection: DetectionSection = source.section()?;
    let brakes: BrakesSection = source.section()?;
    let recovery: RecoverySection = source.section()?;
    let fencing: FencingSection = source.section()?;
    let local_disk = match recovery.local_disk.as_str() {
        "hold" => LocalDisk::Hold,
        "rebuild" => LocalDisk::Rebuild,
        other => {
            return Err(bad(
                "recovery",
                "local_disk",
                format!("'{other}' is neither hold nor rebuild"),
            ));
        }
    };
    let mut policy = Policy {
        report_interval: detection.report_interval,
        quorum: detection.quorum,
        hold: detection.hold,
        hold_small: detection.hold_small,
        settle_period,
        probe_interval: detection.probe_interval,
        confirm_period: detection.confirm_period,
        confirm_period_silent: detection.confirm_period_silent,
        clear_period: detection.clear_period,
        initializing_period: detection.initializing_period,
        return_period: detection.return_period,
        network_outage_ratio: detection.network_outage_ratio,
        outage_cooldown: detection.outage_cooldown,
        hosts_in_recovery_max: brakes.hosts_in_recovery_max,
        hosts_in_recovery_percent: brakes.hosts_in_recovery_percent,
        mass_failure_hosts: brakes.mass_failure_hosts,
        mass_failure_window: brakes.mass_failure_window,
        collateral_window: brakes.collateral_window,
        off_hold: fencing.off_hold,
        off_apart: fencing.poll_interval,
        fence_deadline: fencing.deadline,
        evacuations_parallel: recovery.evacuations_parallel,
        evacuations_parallel_total: recovery.evacuations_parallel_total,
        evacuation_deadline: recovery.evacuation_deadline,
        evacuation_attempts_max: recovery.evacuation_attempts_max,
        nova_request_horizon: recovery.nova_request_horizon,
        local_disk,
        notified_parallel: recovery.notified_parallel,
        ..Policy::default()
    };
    masakari::read(source, &mut policy)?;
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, String> {
        let source = Source::from_text("t.conf", text).map_err(|e| e.to_string())?;
        source.check(&sections()).map_err(|e| e.to_string())?;
        settings(&source, "controller").map_err(|e| e.to_string())
    }

    #[test]
    fn defaults_are_the_policys_own() {
        let settings = read("[network:storage]\nbind = 10.0.0.1\n").unwrap();
        assert_eq!(settings.policy, Policy::default());
        assert!(settings.own_hosts.contains("controller"));
    }

    #[test]
    fn what_does_not_fit_together_is_refused_with_the_key() {
        assert!(read("").unwrap_err().contains("[network:NAME]"));
        let error = read("[engine]\nlease_ttl = 4\n[network:s]\n").unwrap_err();
        assert!(error.contains("lease_ttl") && error.contains("lease_renew"), "{error}");
        let error = read("[recovery]\nlocal_disk = keep\n[network:s]\n").unwrap_err();
        assert!(error.contains("'keep' is neither hold nor rebuild"), "{error}");
        let error = read("[detection]\nquorun = 2\n[network:s]\n").unwrap_err();
        assert!(error.contains("did you mean 'quorum'"), "{error}");
    }
}
