//! `themis-status upgrade check`, in the manner of every OpenStack service: 0 all is well, 1 warnings, 2 failures, 255
//! the check itself broke.

use clap::{Parser, Subcommand};
use comfy_table::{Table, presets};
use themis_db::schema::schema_version;
use themis_db::store::power_devices::power_device_list_all;
use themis_db::{DatabaseSection, Pool, connect};

use crate::exit::one_line;
use crate::manage::{ConfigFiles, load};

/// Look for what stands in the way of an upgrade.
#[derive(Debug, Parser)]
#[command(name = "themis-status", version, max_term_width = 100)]
pub struct Command {
    /// Where values come from.
    #[command(flatten)]
    files: ConfigFiles,
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// Before and after an upgrade
    #[command(subcommand)]
    Upgrade(Upgrade),
}

#[derive(Debug, Subcommand)]
enum Upgrade {
    /// Check that the new version can run
    Check,
}

/// How one check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Success,
    Warning,
    Failure,
}

struct Finding {
    check: &'static str,
    outcome: Outcome,
    details: String,
}

/// Does what the command says: what to print, and the exit code.
pub async fn run(command: Command) -> (String, u8) {
    let Noun::Upgrade(Upgrade::Check) = command.noun;
    let source = match load(&command.files) {
        Ok(source) => source,
        Err(error) => return (format!("themis-status: {}\n", one_line(&error)), 255),
    };
    let section = match source.section::<DatabaseSection>() {
        Ok(section) => section,
        Err(error) => return (format!("themis-status: {error}\n"), 255),
    };
    let pool = match connect(&section).await {
        Ok(pool) => pool,
        Err(error) => return report(&[failed("database", &error)]),
    };
    let fencing = source.section::<themis_fencing::FencingSection>();
    let key = fencing.map_err(|error| one_line(&error)).and_then(|section| {
        themis_fencing::SealKey::load(section.key_file.as_deref())
            .map(drop)
            .map_err(|error| one_line(&error))
    });
    let schema = schema(&pool).await;
    let mut findings = vec![success("database", "it answers")];
    let current = schema.outcome == Outcome::Success;
    findings.push(schema);
    if current {
        findings.push(sealing(&pool, key).await);
    }
    report(&findings)
}

async fn schema(pool: &Pool) -> Finding {
    match schema_version(pool).await {
        Ok(version) if version.pending.is_empty() => success("schema", "up to date"),
        Ok(version) => Finding {
            check: "schema",
            outcome: Outcome::Failure,
            details: format!("{} steps behind; run themis-manage db sync", version.pending.len()),
        },
        Err(error) => failed("schema", &error),
    }
}

/// Without the key no registered device can be used, and no host be fenced.
async fn sealing(pool: &Pool, key: Result<(), String>) -> Finding {
    let devices = match power_device_list_all(pool).await {
        Ok(devices) => devices.len(),
        Err(error) => return failed("power device key", &error),
    };
    match key {
        Ok(()) => success("power device key", "readable"),
        Err(details) => Finding {
            check: "power device key",
            outcome: if devices == 0 {
                Outcome::Warning
            } else {
                Outcome::Failure
            },
            details,
        },
    }
}

fn success(check: &'static str, details: &str) -> Finding {
    Finding {
        check,
        outcome: Outcome::Success,
        details: details.to_owned(),
    }
}

fn failed(check: &'static str, error: &dyn std::error::Error) -> Finding {
    Finding {
        check,
        outcome: Outcome::Failure,
        details: one_line(error),
    }
}

fn report(findings: &[Finding]) -> (String, u8) {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_FULL)
        .set_header(["Upgrade Check Results"]);
    for finding in findings {
        table.add_row([format!(
            "Check: {}\nResult: {:?}\nDetails: {}",
            finding.check, finding.outcome, finding.details
        )]);
    }
    let worst = findings
        .iter()
        .map(|finding| finding.outcome)
        .max()
        .unwrap_or(Outcome::Success);
    (format!("{}\n", table.trim_fmt()), worst as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_is_the_exit_code() {
        let of = |outcomes: &[Outcome]| {
            let findings: Vec<Finding> = outcomes
                .iter()
                .map(|outcome| Finding {
                    check: "x",
                    outcome: *outcome,
                    details: "d".to_owned(),
                })
                .collect();
            report(&findings).1
        };
        assert_eq!(of(&[Outcome::Success]), 0);
        assert_eq!(of(&[Outcome::Success, Outcome::Warning]), 1);
        assert_eq!(of(&[Outcome::Failure, Outcome::Warning]), 2);
    }
}
