//! The samples of configuration and access rules, printed from the code itself.

use themis_api::config::{ApiSection, HealthcheckSection, MiddlewareSection};
use themis_api::cors::CorsSection;
use themis_config::sample::section;
use themis_db::DatabaseSection;
use themis_engine::config::{
    BrakesSection, DetectionSection, EngineSection, HostFailureSection, InstanceFailureSection, NotificationsSection,
    ProcessFailureSection, RecoverySection,
};
use themis_fencing::FencingSection;
use themis_hostmonitor::config::{HostmonitorSection, NetworkSection};
use themis_messaging::config::{NotificationSection, RabbitSection, TransportSection};
use themis_openstack::config::{KeystoneAuthtokenSection, NovaSection, OsloPolicySection, PlacementSection};
use themis_service::logging::LoggingSection;

/// Where it is kept.
pub(crate) const FILE: &str = "etc/themis/themis.conf.sample";
/// Where the sample of the access rules is kept.
pub(crate) const POLICY_FILE: &str = "etc/themis/policy.yaml.sample";

const HEAD: &str = "# themis.conf: one file for themis-api, themis-engine, themis-hostmonitor and themis-manage.
# Each option is shown with its default, commented out. Environment: THEMIS_<SECTION>__<KEY> overrides the file.
# Sections of ours refuse unknown keys; sections shared with other OpenStack services ignore them.
";

/// The whole file.
pub(crate) fn text() -> String {
    let default = format!(
        "{}\n{}\n{}",
        section::<LoggingSection>(Some("DEFAULT")),
        section::<TransportSection>(Some("DEFAULT")).replacen("[DEFAULT]\n\n", "", 1),
        section::<NotificationsSection>(Some("DEFAULT")).replacen("[DEFAULT]\n\n", "", 1)
    );
    let parts = [
        HEAD.to_owned(),
        default,
        section::<DatabaseSection>(None),
        section::<KeystoneAuthtokenSection>(None),
        section::<NovaSection>(None),
        section::<PlacementSection>(None),
        section::<ApiSection>(None),
        section::<OsloPolicySection>(None),
        section::<MiddlewareSection>(None),
        section::<HealthcheckSection>(None),
        section::<CorsSection>(None),
        section::<EngineSection>(None),
        section::<DetectionSection>(None),
        section::<BrakesSection>(None),
        section::<FencingSection>(None),
        section::<RecoverySection>(None),
        section::<HostFailureSection>(None),
        section::<InstanceFailureSection>(None),
        section::<ProcessFailureSection>(None),
        section::<HostmonitorSection>(None),
        section::<NetworkSection>(Some("network:storage")),
        section::<RabbitSection>(None),
        section::<NotificationSection>(None),
    ];
    parts.join("\n")
}

/// The access rules with their defaults, commented out.
pub(crate) fn policy() -> String {
    themis_openstack::policy::defaults::sample()
}
