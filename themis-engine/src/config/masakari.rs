//! Options that Masakari's operators know, under Masakari's names: what notifications of instances and processes lead
//! to, and which instances of a dead host are brought back.

use std::time::Duration;

use themis_config::{ConfigError, KnownSection, Source};
use themis_decision::Policy;

themis_config::section! {
    /// Times of the recoveries that notifications ask for.
    pub struct NotificationsSection("default", shared) {
        /// Seconds within which Nova must show a service as disabled.
        pub wait_period_after_service_update: Duration = "180",
        /// Seconds that an instance may take to stop.
        pub wait_period_after_power_off: Duration = "180",
        /// Seconds that a started instance may take to be active.
        pub wait_period_after_power_on: Duration = "60",
        /// Seconds between two looks at an instance that is stopped or started.
        pub verify_interval: Duration = "1",
        /// Seconds after which a notification whose recovery failed is tried once more.
        pub process_unfinished_notifications_interval: Duration = "120",
        /// Seconds for which a notification is not given up after it was read, however old it is.
        pub check_expired_notifications_interval: Duration = "600",
        /// Seconds after its generated_time when a notification about an instance or a process is given up.
        pub notifications_expired_interval: Duration = "86400",
    }
}

themis_config::section! {
    /// Recovery of the instances of a dead host.
    pub struct HostFailureSection("host_failure", shared) {
        /// Bring back all instances; only those marked in their metadata when false.
        pub evacuate_all_instances: bool = "true",
        /// The metadata key by which an owner marks an instance; marked ones go first.
        pub ha_enabled_instance_metadata_key: String = "HA_Enabled",
        /// Leave instances in state error where they are.
        pub ignore_instances_in_error_state: bool = "false",
    }
}

themis_config::section! {
    /// Recovery of one instance (notifications of type VM).
    pub struct InstanceFailureSection("instance_failure", shared) {
        /// Recover instances that are not marked in their metadata too.
        pub process_all_instances: bool = "false",
        /// The metadata key by which an owner marks an instance.
        pub ha_enabled_instance_metadata_key: String = "HA_Enabled",
    }
}

themis_config::section! {
    /// Recovery of a process (notifications of type PROCESS).
    pub struct ProcessFailureSection("process_failure", shared) {
        /// Why nova-compute is disabled, for whoever reads it in Nova.
        pub service_disable_reason: String = "Masakari detected process failed.",
    }
}

/// The sections that are read here.
pub(super) fn sections() -> [KnownSection; 4] {
    [
        KnownSection::of::<NotificationsSection>(),
        KnownSection::of::<HostFailureSection>(),
        KnownSection::of::<InstanceFailureSection>(),
        KnownSection::of::<ProcessFailureSection>(),
    ]
}

/// Puts them into the thresholds.
pub(super) fn read(source: &Source, policy: &mut Policy) -> Result<(), ConfigError> {
    let times: NotificationsSection = source.section()?;
    let host: HostFailureSection = source.section()?;
    let instance: InstanceFailureSection = source.section()?;
    let process: ProcessFailureSection = source.section()?;
    policy.evacuate_unmarked = host.evacuate_all_instances;
    policy.evacuate_in_error = !host.ignore_instances_in_error_state;
    policy.instance_ha_key = instance.ha_enabled_instance_metadata_key;
    policy.instance_process_all = instance.process_all_instances;
    policy.instance_stop_period = times.wait_period_after_power_off;
    policy.instance_start_period = times.wait_period_after_power_on;
    policy.instance_look_interval = times.verify_interval;
    policy.service_update_period = times.wait_period_after_service_update;
    policy.process_disable_reason = process.service_disable_reason;
    policy.notification_retry_period = times.process_unfinished_notifications_interval;
    policy.notification_expiry = times.notifications_expired_interval;
    policy.notification_expiry_grace = times.check_expired_notifications_interval;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masakari_conf_as_deployment_tools_write_it_is_taken_whole() {
        let text = include_str!("../../../themis-config/testing/masakari.conf");
        let source = Source::from_text("t.conf", text).unwrap();
        source.check(&crate::config::sections()).unwrap();
        let mut policy = Policy::default();
        read(&source, &mut policy).unwrap();
        assert!(policy.instance_process_all);
        assert_eq!(policy.service_update_period.as_secs(), 120);
    }

    #[test]
    fn masakaris_options_mean_what_they_meant() {
        let text = "[DEFAULT]\nwait_period_after_power_off = 90\nnotifications_expired_interval = 3600\n\
                    [host_failure]\nevacuate_all_instances = False\nignore_instances_in_error_state = True\n\
                    [instance_failure]\nprocess_all_instances = True\n\
                    [process_failure]\nservice_disable_reason = down\n";
        let source = Source::from_text("t.conf", text).unwrap();
        let mut policy = Policy::default();
        read(&source, &mut policy).unwrap();
        assert_eq!(policy.instance_stop_period.as_secs(), 90);
        assert_eq!(policy.notification_expiry.as_secs(), 3600);
        assert!(!policy.evacuate_unmarked && !policy.evacuate_in_error && policy.instance_process_all);
        assert_eq!(policy.process_disable_reason, "down");
    }
}
