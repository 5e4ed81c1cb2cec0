//! Findings as oslo.upgradecheck prints them: a table, or JSON with numbers.

use comfy_table::{Table, presets};
use serde_json::json;

const TITLE: &str = "Upgrade Check Results";

/// How one check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Success,
    Warning,
    Failure,
}

/// What one check found.
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) outcome: Outcome,
    /// Empty for nothing to say.
    pub(super) details: String,
}

impl Finding {
    pub(super) fn new(check: &'static str, outcome: Outcome, details: impl Into<String>) -> Self {
        Self {
            check,
            outcome,
            details: details.into(),
        }
    }
}

/// What to print, and the worst outcome as the exit code.
pub(super) fn shown(findings: &[Finding], json: bool) -> (String, u8) {
    let worst = findings
        .iter()
        .map(|finding| finding.outcome)
        .max()
        .unwrap_or(Outcome::Success);
    let text = if json { as_json(findings) } else { as_table(findings) };
    (format!("{text}\n"), worst as u8)
}

fn as_json(findings: &[Finding]) -> String {
    let checks: Vec<_> = findings
        .iter()
        .map(|finding| {
            let details = (!finding.details.is_empty()).then_some(&finding.details);
            json!({"check": finding.check, "result": finding.outcome as u8, "details": details})
        })
        .collect();
    json!({"name": TITLE, "checks": checks}).to_string()
}

fn as_table(findings: &[Finding]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_FULL).set_header([TITLE]);
    for finding in findings {
        let details = match finding.details.as_str() {
            "" => "None",
            details => details,
        };
        table.add_row([format!(
            "Check: {}\nResult: {:?}\nDetails: {details}",
            finding.check, finding.outcome
        )]);
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(outcomes: &[Outcome], json: bool) -> (String, u8) {
        let findings: Vec<Finding> = outcomes.iter().map(|outcome| Finding::new("x", *outcome, "")).collect();
        shown(&findings, json)
    }

    #[test]
    fn the_worst_finding_is_the_exit_code() {
        assert_eq!(of(&[Outcome::Success], false).1, 0);
        assert_eq!(of(&[Outcome::Success, Outcome::Warning], false).1, 1);
        assert_eq!(of(&[Outcome::Failure, Outcome::Warning], true).1, 2);
    }

    #[test]
    fn the_output_is_that_of_oslo_upgradecheck() {
        assert_eq!(
            of(&[Outcome::Success], false).0,
            "+-----------------------+\n| Upgrade Check Results |\n+=======================+\n| Check: x              |\n\
             | Result: Success       |\n| Details: None         |\n+-----------------------+\n"
        );
        let json: serde_json::Value = serde_json::from_str(&of(&[Outcome::Warning], true).0).unwrap();
        assert_eq!(
            json,
            json!({"name": "Upgrade Check Results", "checks": [{"check": "x", "result": 1, "details": null}]})
        );
    }
}
