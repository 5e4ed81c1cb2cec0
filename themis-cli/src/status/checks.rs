//! What is checked: the configuration, the access rules, the database and its schema, the key of the power devices, and
//! what goes on just now.

use std::path::PathBuf;

use themis_config::Source;
use themis_db::masakari::takeover;
use themis_db::schema::{ready, schema_version};
use themis_db::store::incidents::incident_list_open;
use themis_db::store::power_devices::power_device_list_all;
use themis_db::{DatabaseSection, Pool, connect};
use themis_openstack::policy::Policy;

use super::report::{Finding, Outcome};
use crate::exit::one_line;
use crate::manage::{known, policy_files};

/// All findings, in the order in which an operator would mend them.
pub(super) async fn all(source: &Source, config_files: &[PathBuf]) -> Vec<Finding> {
    let mut findings = vec![configuration(source), policy(source, config_files)];
    let opened = match source.section::<DatabaseSection>() {
        Ok(section) => connect(&section).await.map_err(|error| one_line(&error)),
        Err(error) => Err(one_line(&error)),
    };
    let pool = match opened {
        Ok(pool) => pool,
        Err(details) => {
            findings.push(Finding::new("Database", Outcome::Failure, details));
            return findings;
        }
    };
    findings.push(Finding::new("Database", Outcome::Success, ""));
    let schema = schema(&pool).await;
    let current = schema.outcome == Outcome::Success;
    findings.push(schema);
    if current {
        findings.push(power_device_key(source, &pool).await);
        findings.push(recoveries(&pool).await);
    }
    findings
}

/// Options that no program knows, old names, and sections that cannot be read.
fn configuration(source: &Source) -> Finding {
    const CHECK: &str = "Configuration";
    if let Err(error) = source.check(&known()) {
        return Finding::new(CHECK, Outcome::Failure, one_line(&error));
    }
    let warnings = source.warnings(&known());
    if warnings.is_empty() {
        Finding::new(CHECK, Outcome::Success, "")
    } else {
        Finding::new(CHECK, Outcome::Warning, warnings.join("; "))
    }
}

fn policy(source: &Source, config_files: &[PathBuf]) -> Finding {
    const CHECK: &str = "Policy File";
    let files = match policy_files(source, config_files) {
        Ok(files) => files,
        Err(error) => return Finding::new(CHECK, Outcome::Failure, one_line(&error)),
    };
    let file = &files.policy_file;
    let policy = match Policy::load(&files) {
        Ok(policy) => policy,
        Err(error) => return Finding::new(CHECK, Outcome::Failure, one_line(&error)),
    };
    let mut warnings = Vec::new();
    let unused = policy.unused();
    if !unused.is_empty() {
        warnings.push(format!("{} guards nothing in {}", unused.join(", "), file.display()));
    }
    let json = file.with_extension("json");
    if json != *file && json.exists() {
        warnings.push(format!(
            "{} is not read; move its rules to {}",
            json.display(),
            file.display()
        ));
    } else if json == *file {
        warnings.push(format!("{}: JSON is deprecated, write YAML", file.display()));
    }
    if warnings.is_empty() {
        Finding::new(CHECK, Outcome::Success, "")
    } else {
        Finding::new(CHECK, Outcome::Warning, warnings.join("; "))
    }
}

async fn schema(pool: &Pool) -> Finding {
    const CHECK: &str = "Database Schema";
    let version = match schema_version(pool).await {
        Ok(version) => version,
        Err(error) => return Finding::new(CHECK, Outcome::Failure, one_line(&error)),
    };
    if version.database.is_none()
        && let Err(error) = takeover::check(pool).await
    {
        return Finding::new(CHECK, Outcome::Failure, one_line(&error));
    }
    if !version.pending.is_empty() {
        let details = format!("{} steps behind; run themis-manage db sync", version.pending.len());
        return Finding::new(CHECK, Outcome::Failure, details);
    }
    match ready(pool).await {
        Ok(()) => Finding::new(CHECK, Outcome::Success, ""),
        Err(error) => Finding::new(CHECK, Outcome::Failure, one_line(&error)),
    }
}

/// Without the key no registered device can be used, and no host be fenced.
async fn power_device_key(source: &Source, pool: &Pool) -> Finding {
    const CHECK: &str = "Power Device Key";
    let devices = match power_device_list_all(pool).await {
        Ok(devices) => devices.len(),
        Err(error) => return Finding::new(CHECK, Outcome::Failure, one_line(&error)),
    };
    let fencing = source.section::<themis_fencing::FencingSection>();
    let key = fencing.map_err(|error| one_line(&error)).and_then(|section| {
        themis_fencing::SealKey::load(section.key_file.as_deref())
            .map(drop)
            .map_err(|error| one_line(&error))
    });
    match key {
        Ok(()) => Finding::new(CHECK, Outcome::Success, ""),
        Err(details) if devices == 0 => Finding::new(CHECK, Outcome::Warning, details),
        Err(details) => Finding::new(CHECK, Outcome::Failure, details),
    }
}

async fn recoveries(pool: &Pool) -> Finding {
    const CHECK: &str = "Open Incidents";
    match incident_list_open(pool).await {
        Ok(open) if open.is_empty() => Finding::new(CHECK, Outcome::Success, ""),
        Ok(open) => {
            let hosts: Vec<_> = open
                .iter()
                .take(10)
                .map(|incident| incident.host_name.as_str())
                .collect();
            let details = format!(
                "{} of them ({}); the engine that takes over goes on with them, but let them end if you can wait",
                open.len(),
                hosts.join(", ")
            );
            Finding::new(CHECK, Outcome::Warning, details)
        }
        Err(error) => Finding::new(CHECK, Outcome::Failure, one_line(&error)),
    }
}
