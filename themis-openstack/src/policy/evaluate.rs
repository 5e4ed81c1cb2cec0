//! Check to yes or no. Parts are judged from left to right and no further than needed, as in oslo.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Target;
use super::check::Check;
use super::credentials::Credentials;
use super::file::DEFAULT_RULE;
use super::template::{Trouble, fill, shown};

/// Files whose rules refer to each other in a circle are refused, so this bounds only what never came from a file.
const DEPTH_LIMIT: usize = 64;

/// All that a decision depends on.
pub(super) struct Scene<'a> {
    pub(super) checks: &'a BTreeMap<String, Check>,
    pub(super) credentials: &'a Credentials,
    pub(super) target: &'a Target,
}

impl Scene<'_> {
    /// Judges the rule of this name, or the rule `default`, or says no.
    pub(super) fn rule(&self, name: &str) -> Result<bool, Trouble> {
        self.rule_at(name, 0)
    }

    fn rule_at(&self, name: &str, depth: usize) -> Result<bool, Trouble> {
        if depth > DEPTH_LIMIT {
            return Err(Trouble::Circle);
        }
        match self.checks.get(name).or_else(|| self.checks.get(DEFAULT_RULE)) {
            Some(check) => self.check(check, depth + 1),
            None => Ok(false),
        }
    }

    fn check(&self, check: &Check, depth: usize) -> Result<bool, Trouble> {
        match check {
            Check::Always => Ok(true),
            Check::Never => Ok(false),
            Check::Not(inner) => self.check(inner, depth).map(|holds| !holds),
            Check::All(parts) => {
                for part in parts {
                    if !self.check(part, depth)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Check::Any(parts) => {
                for part in parts {
                    if self.check(part, depth)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Check::Rule(name) => self.rule_at(name, depth),
            Check::Role(name) => self.role(name),
            Check::IsAdmin(expected) => Ok(self.credentials.values().get("is_admin") == Some(&Value::Bool(*expected))),
            Check::Literal { value, expected } => Ok(fill(expected, self.target)?.is_some_and(|text| text == *value)),
            Check::Attribute { path, expected } => match fill(expected, self.target)? {
                None => Ok(false),
                Some(text) => {
                    let (first, rest) = path.split_first().ok_or(Trouble::Value)?;
                    match self.credentials.values().get(first) {
                        None => Ok(false),
                        Some(value) => each(value, rest, &text),
                    }
                }
            },
        }
    }

    fn role(&self, name: &str) -> Result<bool, Trouble> {
        let Some(name) = fill(name, self.target)? else {
            return Ok(false);
        };
        let Some(Value::Array(roles)) = self.credentials.values().get("roles") else {
            return Ok(false);
        };
        let name = name.to_lowercase();
        Ok(roles
            .iter()
            .filter_map(Value::as_str)
            .any(|role| role.to_lowercase() == name))
    }
}

/// A list matches when one of its elements does.
fn each(value: &Value, path: &[String], expected: &str) -> Result<bool, Trouble> {
    let Value::Array(elements) = value else {
        return one(value, path, expected);
    };
    for element in elements {
        if one(element, path, expected)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn one(value: &Value, path: &[String], expected: &str) -> Result<bool, Trouble> {
    let Some((key, rest)) = path.split_first() else {
        return Ok(shown(value)? == expected);
    };
    match value {
        Value::Object(fields) => match fields.get(key) {
            None => Ok(false),
            Some(inner) => each(inner, rest, expected),
        },
        _ => Err(Trouble::NoKeys(key.clone())),
    }
}
