//! The samples of configuration and access rules, printed from the code itself.

use themis_config::{KnownSection, sample};
use themis_service::logging::LoggingSection;

/// Where it is kept.
pub(crate) const FILE: &str = "etc/themis/themis.conf.sample";
/// Where the sample of the access rules is kept.
pub(crate) const POLICY_FILE: &str = "etc/themis/policy.yaml.sample";

const HEAD: &str = "# themis.conf: one file for themis-api, themis-engine, themis-hostmonitor and themis-manage.
# Each option is shown with its default, commented out. Environment: THEMIS_<SECTION>__<KEY> overrides the file.
# Sections of ours refuse unknown keys; sections shared with other OpenStack services ignore them.
";

/// The whole file: every section that a program reads, so that none can be forgotten here.
pub(crate) fn text() -> String {
    format!("{HEAD}\n{}", sample::text(&known()))
}

/// What the programs know, in the order of the file: first what must be given.
pub(crate) fn known() -> Vec<KnownSection> {
    let mut known = vec![KnownSection::of::<LoggingSection>()];
    known.extend(themis_messaging::config::sections().into_iter().take(1));
    known.extend(themis_db::config::sections());
    known.extend(themis_openstack::sections());
    known.extend(themis_api::config::sections());
    known.extend(themis_hostmonitor::config::sections());
    known.extend(themis_engine::config::sections());
    known
}

/// The access rules with their defaults, commented out.
pub(crate) fn policy() -> String {
    themis_openstack::policy::defaults::sample()
}
