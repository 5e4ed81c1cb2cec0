//! Checks of request bodies, with messages in the manner of the JSON schema validator that clients of Masakari know
//! (their exact wording is not part of the contract). Each resource states its rules beside itself in terms of
//! [`Object`]; the kinds of text are in [`crate::schema_text`]. Nothing here looks at the database or at rights.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::schema_text::one_of;
use crate::shown::{cut, repr};

/// What is wrong with a body, in the words that the caller sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field and its value; `None` when the whole body is meant.
    at: Option<(String, String)>,
    what: String,
}

impl std::error::Error for Violation {}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some((field, value)) = &self.at {
            write!(f, "Invalid input for field/attribute {field}. Value: {value}. ")?;
        }
        f.write_str(&self.what)
    }
}

impl Violation {
    /// A violation of the body as a whole.
    #[must_use]
    pub fn top(what: impl Into<String>) -> Self {
        Self {
            at: None,
            what: what.into(),
        }
    }

    /// A violation of one field.
    #[must_use]
    pub fn field(field: &str, value: &Value, what: impl Into<String>) -> Self {
        let shown = match value {
            Value::String(text) => cut(text),
            other => repr(other),
        };
        Self {
            at: Some((field.to_owned(), shown)),
            what: what.into(),
        }
    }
}

/// A JSON object whose keys are being checked.
#[derive(Debug, Clone, Copy)]
pub struct Object<'a> {
    /// The key that holds it; `None` for the body itself.
    name: Option<&'a str>,
    value: &'a Value,
    map: &'a Map<String, Value>,
    /// Whether no value of it may be shown back, because one is a secret.
    hidden: bool,
}

impl<'a> Object<'a> {
    /// The object under the body's only key, as `{"segment": {...}}`. An absent body is `None`.
    ///
    /// # Errors
    /// Anything else than one object under that one key.
    pub fn enveloped(body: Option<&'a Value>, name: &'a str) -> Result<Self, Violation> {
        Self::envelope(body, name, false)
    }

    /// The same for an object that holds a secret: no message shows a value of it.
    ///
    /// # Errors
    /// Anything else than one object under that one key.
    pub fn enveloped_hidden(body: Option<&'a Value>, name: &'a str) -> Result<Self, Violation> {
        Self::envelope(body, name, true)
    }

    fn envelope(body: Option<&'a Value>, name: &'a str, hidden: bool) -> Result<Self, Violation> {
        let Some(body) = body else {
            return Err(Violation::top("None is not of type 'object'"));
        };
        let outer = Self::bare_or(body, hidden)?;
        outer.only(&[name])?;
        outer.require(&[name])?;
        outer.object(name)?.ok_or_else(|| outer.missing(name))
    }

    /// The body itself as the object.
    ///
    /// # Errors
    /// Something else than an object.
    pub fn bare(body: &'a Value) -> Result<Self, Violation> {
        Self::bare_or(body, false)
    }

    fn bare_or(body: &'a Value, hidden: bool) -> Result<Self, Violation> {
        match body {
            Value::Object(map) => Ok(Self {
                name: None,
                value: body,
                map,
                hidden,
            }),
            other => Err(Violation::top(format!(
                "{} is not of type 'object'",
                if hidden { "***".to_owned() } else { repr(other) }
            ))),
        }
    }

    /// The object under `key`, when the key is there.
    ///
    /// # Errors
    /// Something else than an object under it.
    pub fn object(&self, key: &'a str) -> Result<Option<Self>, Violation> {
        match self.map.get(key) {
            None => Ok(None),
            Some(value @ Value::Object(map)) => Ok(Some(Self {
                name: Some(key),
                value,
                map,
                hidden: self.hidden,
            })),
            Some(value) => Err(self.wrong_type(key, value, "object")),
        }
    }

    /// Refuses keys that are not in `allowed`.
    ///
    /// # Errors
    /// Names all the others.
    pub fn only(&self, allowed: &[&str]) -> Result<(), Violation> {
        let odd: Vec<String> = self
            .map
            .keys()
            .filter(|key| !allowed.contains(&key.as_str()))
            .map(|key| repr(&Value::String(key.clone())))
            .collect();
        match odd.len() {
            0 => Ok(()),
            1 => Err(self.whole(format!(
                "Additional properties are not allowed ({} was unexpected)",
                odd[0]
            ))),
            _ => Err(self.whole(format!(
                "Additional properties are not allowed ({} were unexpected)",
                cut(&odd.join(", "))
            ))),
        }
    }

    /// Demands keys.
    ///
    /// # Errors
    /// Names the first that is absent.
    pub fn require(&self, keys: &[&str]) -> Result<(), Violation> {
        keys.iter()
            .find(|key| !self.map.contains_key(**key))
            .map_or(Ok(()), |key| Err(self.missing(key)))
    }

    /// Demands at least one key.
    ///
    /// # Errors
    /// The object is empty.
    pub fn not_empty(&self) -> Result<(), Violation> {
        if self.map.is_empty() {
            Err(self.whole("{} is not valid under any of the given schemas"))
        } else {
            Ok(())
        }
    }

    /// The value of `key` as it stands.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key)
    }

    /// All keys with their values.
    pub fn entries(&self) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
        self.map.iter()
    }

    /// The text under `key`, when the key is there, checked by `rule`.
    ///
    /// # Errors
    /// Something else than text, or text that breaks the rule.
    pub fn text(&self, key: &str, rule: impl Fn(&str) -> Result<(), String>) -> Result<Option<String>, Violation> {
        let Some(value) = self.map.get(key) else {
            return Ok(None);
        };
        let Value::String(text) = value else {
            return Err(self.wrong_type(key, value, "string"));
        };
        rule(text).map_err(|what| self.at(key, value, what))?;
        Ok(Some(text.clone()))
    }

    /// Like [`Self::text`] for a key that must be there.
    ///
    /// # Errors
    /// The key is absent, or its value breaks the rule.
    pub fn needed_text(&self, key: &str, rule: impl Fn(&str) -> Result<(), String>) -> Result<String, Violation> {
        self.text(key, rule)?.ok_or_else(|| self.missing(key))
    }

    /// A list of at most `max` texts under `key`, each checked by `rule`.
    ///
    /// # Errors
    /// Something else than a list of texts, too many, or one that breaks the rule.
    pub fn texts(
        &self,
        key: &str,
        max: usize,
        rule: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Option<Vec<String>>, Violation> {
        let Some(value) = self.map.get(key) else {
            return Ok(None);
        };
        let Value::Array(items) = value else {
            return Err(self.wrong_type(key, value, "array"));
        };
        if items.len() > max {
            return Err(self.at(key, value, format!("it has more than {max} items")));
        }
        let text = |item: &Value| match item {
            Value::String(text) => rule(text)
                .map(|()| text.clone())
                .map_err(|what| self.at(key, item, what)),
            other => Err(self.wrong_type(key, other, "string")),
        };
        items.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// Like [`Self::text`], but the value may be null (`Some(None)`).
    ///
    /// # Errors
    /// Something else than text or null, or text that breaks the rule.
    pub fn nullable_text(
        &self,
        key: &str,
        rule: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Option<Option<String>>, Violation> {
        match self.map.get(key) {
            Some(Value::Null) => Ok(Some(None)),
            _ => Ok(self.text(key, rule)?.map(Some)),
        }
    }

    /// One of a closed set of words under `key`, when the key is there. `names` are all words of the set.
    ///
    /// # Errors
    /// Something else than text, or a word outside the set.
    pub fn word<T: FromStr>(&self, key: &str, names: &[&str]) -> Result<Option<T>, Violation> {
        let Some(text) = self.text(key, |text| one_of(text, names))? else {
            return Ok(None);
        };
        let refused = || self.at(key, &Value::String(text.clone()), "the word is not known");
        text.parse().map(Some).map_err(|_| refused())
    }

    /// Like [`Self::word`] for a key that must be there.
    ///
    /// # Errors
    /// The key is absent, or its value is outside the set.
    pub fn needed_word<T: FromStr>(&self, key: &str, names: &[&str]) -> Result<T, Violation> {
        self.word(key, names)?.ok_or_else(|| self.missing(key))
    }

    /// The truth value under `key`: a JSON boolean or one of the words that clients write.
    ///
    /// # Errors
    /// Any other value; numbers and null are refused.
    pub fn boolean(&self, key: &str) -> Result<Option<bool>, Violation> {
        let Some(value) = self.map.get(key) else {
            return Ok(None);
        };
        let truth = match value {
            Value::Bool(truth) => Some(*truth),
            Value::String(word) => match word.as_str() {
                "True" | "TRUE" | "true" | "1" | "ON" | "On" | "on" | "YES" | "Yes" | "yes" => Some(true),
                "False" | "FALSE" | "false" | "0" | "OFF" | "Off" | "off" | "NO" | "No" | "no" => Some(false),
                _ => None,
            },
            _ => None,
        };
        truth.map(Some).ok_or_else(|| {
            self.at(
                key,
                value,
                format!("{} is not one of [True, False] or their usual words", repr(value)),
            )
        })
    }

    /// The integer under `key`, within bounds.
    ///
    /// # Errors
    /// Something else than an integer, or one out of bounds.
    pub fn integer(&self, key: &str, bounds: std::ops::RangeInclusive<i64>) -> Result<Option<i64>, Violation> {
        let Some(value) = self.map.get(key) else {
            return Ok(None);
        };
        match value.as_i64() {
            Some(number) if bounds.contains(&number) => Ok(Some(number)),
            Some(_) => Err(self.at(
                key,
                value,
                format!("it is not between {} and {}", bounds.start(), bounds.end()),
            )),
            None => Err(self.wrong_type(key, value, "integer")),
        }
    }

    fn missing(&self, key: &str) -> Violation {
        self.whole(format!("'{key}' is a required property"))
    }

    fn whole(&self, what: impl Into<String>) -> Violation {
        match self.name {
            Some(name) => self.at(name, self.value, what),
            None => Violation::top(what),
        }
    }

    fn wrong_type(&self, key: &str, value: &Value, wanted: &str) -> Violation {
        let shown = if self.hidden { "it".to_owned() } else { repr(value) };
        self.at(key, value, format!("{shown} is not of type '{wanted}'"))
    }

    fn at(&self, key: &str, value: &Value, what: impl Into<String>) -> Violation {
        if self.hidden {
            return Violation {
                at: Some((key.to_owned(), "***".to_owned())),
                what: what.into(),
            };
        }
        Violation::field(key, value, what)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(result: Result<impl std::fmt::Debug, Violation>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn the_envelope_is_one_object_under_one_key() {
        let check = |body: Option<Value>| message(Object::enveloped(body.as_ref(), "segment"));
        assert_eq!(check(None), "None is not of type 'object'");
        assert_eq!(check(Some(json!([1]))), "[1] is not of type 'object'");
        assert_eq!(check(Some(json!({}))), "'segment' is a required property");
        assert_eq!(
            check(Some(json!({"segment": {}, "x": 1}))),
            "Additional properties are not allowed ('x' was unexpected)"
        );
        assert_eq!(
            check(Some(json!({"segment": null}))),
            "Invalid input for field/attribute segment. Value: None. None is not of type 'object'"
        );
    }

    #[test]
    fn an_empty_update_is_refused_in_the_words_that_clients_know() {
        let body = json!({"segment": {}});
        let object = Object::enveloped(Some(&body), "segment").unwrap();
        assert_eq!(
            message(object.not_empty()),
            "Invalid input for field/attribute segment. Value: {}. {} is not valid under any of the given schemas"
        );
    }

    #[test]
    fn booleans_may_be_words_but_neither_numbers_nor_null() {
        let body = json!({"host": {"a": true, "b": "False", "c": 1, "d": null, "e": "tRUE"}});
        let object = Object::enveloped(Some(&body), "host").unwrap();
        assert_eq!(object.boolean("a"), Ok(Some(true)));
        assert_eq!(object.boolean("b"), Ok(Some(false)));
        assert_eq!(object.boolean("z"), Ok(None));
        for key in ["c", "d", "e"] {
            assert!(object.boolean(key).is_err(), "{key}");
        }
    }

    #[test]
    fn no_value_of_a_hidden_object_is_shown_back() {
        let message = |inner: Value| {
            let body = json!({"power_device": inner});
            let check = |body| {
                let object = Object::enveloped_hidden(body, "power_device")?;
                object.only(&["password", "username"])?;
                object.require(&["password"])?;
                object.needed_text("password", |_| Ok(()))
            };
            message(check(Some(&body)))
        };
        for inner in [
            json!({"pasword": "hunter2"}),
            json!("hunter2"),
            json!(["hunter2"]),
            json!({"password": ["hunter2"]}),
        ] {
            let text = message(inner);
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn an_offending_value_is_not_echoed_whole() {
        let body = json!({"host": {"name": "x".repeat(100_000)}});
        let object = Object::enveloped(Some(&body), "host").unwrap();
        let text = message(object.text("name", |_| Err("bad".to_owned())));
        assert!(text.len() < 400, "{}", text.len());
    }
}
