//! Which rule guards which action, and the rules in force. Rules, defaults and evaluator are in
//! `themis_openstack::policy`; a handler demands one of the names below.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::{Map, Value};
use themis_openstack::config::OsloPolicySection;
use themis_openstack::policy::{Policy, PolicyError};
use themis_openstack::token::Caller;

/// Names of rules, by resource.
pub mod rule {
    macro_rules! rules {
        ($($name:ident = $text:literal),+ $(,)?) => {
            $(#[doc = concat!("`", $text, "`")] pub const $name: &str = $text;)+
            /// All rules that handlers demand.
            pub const ALL: &[&str] = &[$($text),+];
        };
    }
    rules! {
        SEGMENTS_INDEX = "os_masakari_api:segments:index",
        SEGMENTS_CREATE = "os_masakari_api:segments:create",
        SEGMENTS_DETAIL = "os_masakari_api:segments:detail",
        SEGMENTS_UPDATE = "os_masakari_api:segments:update",
        SEGMENTS_DELETE = "os_masakari_api:segments:delete",
        HOSTS_INDEX = "os_masakari_api:os-hosts:index",
        HOSTS_CREATE = "os_masakari_api:os-hosts:create",
        HOSTS_DETAIL = "os_masakari_api:os-hosts:detail",
        HOSTS_UPDATE = "os_masakari_api:os-hosts:update",
        HOSTS_DELETE = "os_masakari_api:os-hosts:delete",
        NOTIFICATIONS_INDEX = "os_masakari_api:notifications:index",
        NOTIFICATIONS_CREATE = "os_masakari_api:notifications:create",
        NOTIFICATIONS_DETAIL = "os_masakari_api:notifications:detail",
        VMOVES_INDEX = "os_masakari_api:vmoves:index",
        VMOVES_DETAIL = "os_masakari_api:vmoves:detail",
        EXTENSIONS_INDEX = "os_masakari_api:extensions:index",
        EXTENSIONS_DETAIL = "os_masakari_api:extensions:detail",
        THEMIS_HOSTS_INDEX = "themis_api:hosts:index",
        THEMIS_HOSTS_DETAIL = "themis_api:hosts:detail",
        THEMIS_HOSTS_REPORTS = "themis_api:hosts:reports",
        THEMIS_HOSTS_ENABLE = "themis_api:hosts:enable",
        THEMIS_HOSTS_DISABLE = "themis_api:hosts:disable",
        THEMIS_HOSTS_RETRY = "themis_api:hosts:retry",
        THEMIS_HOSTS_CONFIRM_DEAD = "themis_api:hosts:confirm_dead",
        THEMIS_ENGINE_DETAIL = "themis_api:engine:detail",
        THEMIS_PREFLIGHT_DETAIL = "themis_api:preflight:detail",
        THEMIS_OBSERVERS_INDEX = "themis_api:observers:index",
        THEMIS_BRAKES_INDEX = "themis_api:brakes:index",
        THEMIS_REQUESTS_DETAIL = "themis_api:requests:detail",
        THEMIS_POWER_DEVICES_INDEX = "themis_api:power_devices:index",
        THEMIS_POWER_DEVICES_CREATE = "themis_api:power_devices:create",
        THEMIS_POWER_DEVICES_DELETE = "themis_api:power_devices:delete",
        THEMIS_POWER_DEVICES_TEST = "themis_api:power_devices:test",
        THEMIS_MODE_DETAIL = "themis_api:mode:detail",
        THEMIS_MODE_UPDATE = "themis_api:mode:update",
        THEMIS_INCIDENTS_INDEX = "themis_api:incidents:index",
        THEMIS_INCIDENTS_DETAIL = "themis_api:incidents:detail",
        THEMIS_INCIDENTS_EVENTS = "themis_api:incidents:events",
        THEMIS_NETWORKS_DETAIL = "themis_api:segment_networks:detail",
        THEMIS_NETWORKS_UPDATE = "themis_api:segment_networks:update",
        THEMIS_MATRIX_DETAIL = "themis_api:decision_matrix:detail",
    }
}

/// The rules in force; they may be replaced while requests run.
#[derive(Debug)]
pub struct Rules {
    files: Option<OsloPolicySection>,
    policy: ArcSwap<Policy>,
}

impl Rules {
    /// The defaults alone.
    #[must_use]
    pub fn defaults() -> Self {
        Self {
            files: None,
            policy: ArcSwap::from_pointee(Policy::defaults()),
        }
    }

    /// The defaults with the overrides of the operator's files, which need not exist.
    ///
    /// # Errors
    /// The first rule that cannot be read, with its line.
    pub fn of_files(files: OsloPolicySection) -> Result<Self, PolicyError> {
        let policy = Policy::load(&files)?;
        let rules = Self {
            files: Some(files),
            policy: ArcSwap::from_pointee(policy),
        };
        rules.report();
        Ok(rules)
    }

    /// The same with one file.
    ///
    /// # Errors
    /// The first rule that cannot be read, with its line.
    pub fn of_file(policy_file: PathBuf) -> Result<Self, PolicyError> {
        let policy_dirs = Vec::new();
        Self::of_files(OsloPolicySection {
            policy_file,
            policy_dirs,
        })
    }

    /// Reads the files again. A file that cannot be used changes nothing: the last good rules stay.
    pub fn reload(&self) {
        let Some(files) = &self.files else { return };
        match Policy::load(files) {
            Ok(policy) => {
                self.policy.store(Arc::new(policy));
                self.report();
            }
            Err(error) => tracing::error!("access rules are not reloaded, the last good ones stay: {error}"),
        }
    }

    fn report(&self) {
        let Some(files) = &self.files else { return };
        let file = files.policy_file.display();
        tracing::info!("access rules read, overrides from {file} and policy_dirs");
        for name in self.policy.load().unused() {
            tracing::warn!("access rule '{name}' of the policy files guards nothing; is it misspelt?");
        }
    }

    /// Whether the caller may do what `rule` guards. The target is the caller's own project and user, as in Masakari.
    #[must_use]
    pub fn allow(&self, rule: &str, caller: &Caller) -> bool {
        let project = caller
            .project
            .as_ref()
            .map_or(Value::Null, |project| Value::String(project.id.clone()));
        let target = Map::from_iter([
            ("project_id".to_owned(), project),
            ("user_id".to_owned(), Value::String(caller.user.id.clone())),
        ]);
        self.policy.load().authorize(rule, caller, &target).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Write;

    use themis_openstack::policy::defaults;
    use themis_openstack::token::User;
    use time::macros::datetime;

    use super::*;

    fn caller(role: &str) -> Caller {
        let text = |text: &str| text.to_owned();
        Caller {
            user: User {
                id: text("u"),
                name: text("n"),
                domain_id: text("d"),
                domain_name: text("D"),
            },
            project: None,
            domain_id: None,
            system_scope: None,
            roles: vec![role.to_owned()],
            is_admin_project: true,
            expires: datetime!(2099-01-01 00:00 UTC),
            access_rules: None,
            service: None,
        }
    }

    #[test]
    fn every_rule_that_is_demanded_has_a_default_and_every_default_is_demanded() {
        let demanded: BTreeSet<&str> = rule::ALL.iter().copied().collect();
        let known: BTreeSet<&str> = defaults::RULES
            .iter()
            .map(|rule| rule.name)
            .filter(|name| name.contains(':') && !name.ends_with(":discoverable") && !name.contains(":versions:"))
            .collect();
        assert_eq!(demanded, known);
    }

    #[test]
    fn a_broken_file_leaves_the_last_good_rules_in_force() {
        let file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file.as_file(), "\"{}\": \"role:reader\"", rule::SEGMENTS_INDEX).unwrap();
        let rules = Rules::of_file(file.path().to_owned()).unwrap();
        assert!(rules.allow(rule::SEGMENTS_INDEX, &caller("reader")));
        assert!(!rules.allow(rule::SEGMENTS_DETAIL, &caller("reader")));
        writeln!(file.as_file(), "\"{}\": \"role:reader and (\"", rule::SEGMENTS_DETAIL).unwrap();
        rules.reload();
        assert!(rules.allow(rule::SEGMENTS_INDEX, &caller("reader")));
        assert!(!rules.allow(rule::SEGMENTS_DETAIL, &caller("reader")));
        assert!(Rules::of_file(file.path().to_owned()).is_err());
    }
}
