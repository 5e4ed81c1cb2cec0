//! `policy.yaml`: a mapping of rule names to rules, in the text form or the old one of nested lists.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use serde_saphyr::Spanned;

use super::check::Check;
use super::parse::{SyntaxFault, parse, simple};
use crate::config::OsloPolicySection;

/// What a name without a rule falls to, if it exists (`policy_default_rule` of oslo.policy).
pub(super) const DEFAULT_RULE: &str = "default";

/// Files that one directory may hold.
const FILES_LIMIT: usize = 100;

/// Why a policy file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// It cannot be read.
    #[error("cannot read policy file {file}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A directory of policy files that cannot be meant.
    #[error("{directory} holds more than {FILES_LIMIT} policy files; is [oslo_policy] policy_dirs right?")]
    TooMany {
        /// The directory.
        directory: String,
    },
    /// It is not a mapping in YAML.
    #[error("{file}, line {line}: {what}")]
    Yaml {
        /// The file.
        file: String,
        /// The line, from 1; 0 when unknown.
        line: u64,
        /// What the parser met.
        what: String,
    },
    /// A rule that cannot be read.
    #[error("{file}, line {line}: rule '{rule}': {fault}")]
    Syntax {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// The rule's name.
        rule: String,
        /// What is wrong with it.
        #[source]
        fault: SyntaxFault,
    },
    /// A rule that is neither text nor lists of texts.
    #[error("{file}, line {line}: rule '{rule}' is not a text; write \"@\" to allow everybody, \"!\" to allow nobody")]
    NotText {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// The rule's name.
        rule: String,
    },
    /// Rules that refer to each other without end.
    #[error("{file}: rule '{rule}' refers to itself: {circle}")]
    Circle {
        /// The file.
        file: String,
        /// One of the rules.
        rule: String,
        /// The way round.
        circle: String,
    },
}

/// The files that hold overrides, in the order in which they are read. Of a directory all that oslo.policy reads, which
/// looks at no ending: those whose names do not begin with a dot, by their names, and nothing in directories below.
pub(super) fn paths(files: &OsloPolicySection) -> Result<Vec<PathBuf>, PolicyError> {
    let mut paths: Vec<PathBuf> = one_file(&files.policy_file).into_iter().collect();
    for directory in &files.policy_dirs {
        let unreadable = |source| PolicyError::Read {
            file: directory.display().to_string(),
            source,
        };
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path();
            // A link that leads nowhere stays: that it cannot be read is said when it is read.
            if !entry.file_name().as_encoded_bytes().starts_with(b".") && !path.is_dir() {
                found.push(path);
            }
            if found.len() > FILES_LIMIT {
                let directory = directory.display().to_string();
                return Err(PolicyError::TooMany { directory });
            }
        }
        found.sort();
        paths.extend(found);
    }
    Ok(paths)
}

/// The file, or the `policy.json` beside it where an operator never wrote the newer `policy.yaml`: as oslo.policy does it,
/// for overrides that stopped counting would go unseen. `None`: there is neither, and nothing is overridden.
fn one_file(policy_file: &Path) -> Option<PathBuf> {
    let older = policy_file.with_extension("json");
    let there = !matches!(policy_file.try_exists(), Ok(false));
    if policy_file.ends_with("policy.yaml") && !there && older.exists() {
        tracing::warn!("{} is read, for there is no policy.yaml; rename it", older.display());
        return Some(older);
    }
    there.then(|| policy_file.to_owned())
}

/// The checks of a file's text.
pub(super) fn read(text: &str, file: &str) -> Result<BTreeMap<String, Check>, PolicyError> {
    let parsed: Option<BTreeMap<String, Spanned<Value>>> = serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map_or(0, |location| location.line());
        let what = match error.without_snippet() {
            serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
                format!("rule '{key}' is written a second time; keep one of them")
            }
            error => error.to_string(),
        };
        PolicyError::Yaml {
            file: file.to_owned(),
            line,
            what,
        }
    })?;
    let mut checks = BTreeMap::new();
    for (rule, spanned) in parsed.unwrap_or_default() {
        let line = spanned.referenced.line();
        let check = check(&spanned.value).map_err(|fault| match fault {
            Some(fault) => PolicyError::Syntax {
                file: file.to_owned(),
                line,
                rule: rule.clone(),
                fault,
            },
            None => PolicyError::NotText {
                file: file.to_owned(),
                line,
                rule: rule.clone(),
            },
        })?;
        checks.insert(rule, check);
    }
    Ok(checks)
}

/// `None` in the error: it is of the wrong kind.
fn check(value: &Value) -> Result<Check, Option<SyntaxFault>> {
    match value {
        Value::String(text) => parse(text).map_err(Some),
        Value::Array(outer) => lists(outer),
        _ => Err(None),
    }
}

/// The old form: the outer list is joined by "or", inner ones by "and"; empty inner lists are skipped.
fn lists(outer: &[Value]) -> Result<Check, Option<SyntaxFault>> {
    if outer.is_empty() {
        return Ok(Check::Always);
    }
    let mut any = Vec::new();
    for inner in outer {
        let words = match inner {
            Value::Array(words) => words.as_slice(),
            Value::String(text) if text.is_empty() => &[],
            word => std::slice::from_ref(word),
        };
        if !words.is_empty() {
            let read = |word: &Value| simple(word.as_str().ok_or(None)?).map_err(Some);
            any.push(Check::All(words.iter().map(read).collect::<Result<_, _>>()?));
        }
    }
    Ok(if any.is_empty() { Check::Never } else { Check::Any(any) })
}

/// Refuses rules that refer to each other in a circle.
pub(super) fn refuse_cycles(checks: &BTreeMap<String, Check>, file: &str) -> Result<(), PolicyError> {
    let mut safe = std::collections::BTreeSet::new();
    for rule in checks.keys() {
        let mut way = Vec::new();
        if let Some(circle) = circle(checks, rule, &mut way, &mut safe) {
            return Err(PolicyError::Circle {
                file: file.to_owned(),
                rule: rule.clone(),
                circle,
            });
        }
    }
    Ok(())
}

fn circle<'a>(
    checks: &'a BTreeMap<String, Check>,
    rule: &'a str,
    way: &mut Vec<&'a str>,
    safe: &mut std::collections::BTreeSet<&'a str>,
) -> Option<String> {
    if safe.contains(rule) {
        return None;
    }
    if way.contains(&rule) {
        way.push(rule);
        return Some(way.join(" -> "));
    }
    way.push(rule);
    if let Some(check) = checks.get(rule).or_else(|| checks.get(DEFAULT_RULE)) {
        for next in check.references() {
            if let Some(found) = circle(checks, next, way, safe) {
                return Some(found);
            }
        }
    }
    way.pop();
    safe.insert(rule);
    None
}
