//! Who may do what: oslo.policy's rules, as operators of OpenStack write them in `policy.yaml`.
//!
//! Defaults live in [`defaults`]; a file holds overrides only. Parser and evaluator are pure and read each rule as
//! Python's oslo.policy does, which a differential test checks; where a rule cannot be read, or reading it fails, nobody
//! is let in. A file with such a rule is refused as a whole, so that the last good policy stays.
//!
//! Read next: `check` (the parts of a rule), `parse` (text to check), `evaluate` (check to yes or no), `file`.

mod check;
mod credentials;
pub mod defaults;
mod evaluate;
mod file;
mod literal;
mod parse;
mod template;

pub use check::Check;
pub use credentials::Credentials;
pub use file::PolicyError;
pub use parse::{SyntaxFault, parse};

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::config::OsloPolicySection;
use crate::token::Caller;
use evaluate::Scene;

/// Facts about what is acted upon, by the names that rules use in `%(name)s`.
pub type Target = Map<String, Value>;

/// The rules in force.
#[derive(Debug, Clone)]
pub struct Policy {
    checks: BTreeMap<String, Check>,
}

/// A caller who may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Policy doesn't allow {rule} to be performed.")]
pub struct Denied {
    /// The rule that said no.
    pub rule: String,
}

impl Policy {
    /// The defaults alone.
    #[must_use]
    pub fn defaults() -> Self {
        // A default that cannot be read would let nobody in; a test reads them all.
        let read = |text| parse(text).unwrap_or(Check::Never);
        Self {
            checks: defaults::RULES
                .iter()
                .map(|rule| (rule.name.to_owned(), read(rule.check)))
                .collect(),
        }
    }

    /// The defaults with the overrides of a file's text; `file` names it in errors.
    ///
    /// # Errors
    /// The first rule that cannot be read, with its line.
    pub fn with_overrides(text: &str, file: &str) -> Result<Self, PolicyError> {
        let mut policy = Self::defaults();
        policy.checks.extend(file::read(text, file)?);
        file::refuse_cycles(&policy.checks, file)?;
        Ok(policy)
    }

    /// The defaults with the overrides of the operator's files; a later file wins, a `policy_file` that does not exist
    /// overrides nothing.
    ///
    /// # Errors
    /// A file that cannot be read, or the first rule in it that cannot.
    pub fn load(files: &OsloPolicySection) -> Result<Self, PolicyError> {
        let mut policy = Self::defaults();
        let mut read = Vec::new();
        for path in file::paths(files)? {
            let name = path.display().to_string();
            match std::fs::read_to_string(&path) {
                Ok(text) => policy.checks.extend(file::read(&text, &name)?),
                Err(source) => return Err(PolicyError::Read { file: name, source }),
            }
            read.push(name);
        }
        file::refuse_cycles(&policy.checks, &read.join(", "))?;
        Ok(policy)
    }

    /// Names in force that are neither a default nor used by another rule: probably misspelt.
    #[must_use]
    pub fn unused(&self) -> Vec<&str> {
        let used: Vec<&str> = self.checks.values().flat_map(Check::references).collect();
        let known = |name: &str| name == file::DEFAULT_RULE || defaults::RULES.iter().any(|rule| rule.name == name);
        self.checks
            .keys()
            .map(String::as_str)
            .filter(|name| !known(name) && !used.contains(name))
            .collect()
    }

    /// Whether `caller` may do what `rule` guards, to `target`.
    ///
    /// # Errors
    /// [`Denied`], whose text is Masakari's.
    pub fn authorize(&self, rule: &str, caller: &Caller, target: &Target) -> Result<(), Denied> {
        let mut credentials = Credentials::of(caller);
        credentials.set_admin(self.is_admin(&credentials));
        if defaults::in_scope(rule, caller) && self.allows(rule, &credentials, target) {
            Ok(())
        } else {
            Err(Denied { rule: rule.to_owned() })
        }
    }

    /// Whether the rule `context_is_admin` holds; what `is_admin:True` then means.
    #[must_use]
    pub fn is_admin(&self, credentials: &Credentials) -> bool {
        // As in Masakari the target of this question is the caller itself.
        self.allows("context_is_admin", credentials, credentials.values())
    }

    /// Whether `rule` holds for any credentials and target. A name that has no rule falls to the rule `default`, else no.
    #[must_use]
    pub fn allows(&self, rule: &str, credentials: &Credentials, target: &Target) -> bool {
        let scene = Scene {
            checks: &self.checks,
            credentials,
            target,
        };
        scene.rule(rule).unwrap_or_else(|trouble| {
            tracing::warn!(rule, "access rule cannot be decided, so it denies: {trouble}");
            false
        })
    }
}
