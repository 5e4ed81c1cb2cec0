//! Versioned objects in the primitive form of oslo.versionedobjects: four keys under a prefix, and a fifth for changes.
//!
//! [`VersionedObject`] reads and writes any object under any prefix (`nova_object`, `masakari_object`); [`Object`] is one
//! whose fields are a Rust type. What a newer peer added is read over; another major version is refused. Nothing here
//! sends: that is [`crate::notifier`]. The payloads that consumers of Masakari know are in [`masakari`]. Source: the
//! library's observed output, kept in `interop/`.

pub mod masakari;
mod typed;

use serde_json::{Map, Value};

pub use typed::{Object, ObjectTime, Payload};

use crate::Version;

/// The prefix of Masakari's objects.
pub const MASAKARI: &str = "masakari_object";
/// The prefix of Nova's objects.
pub const NOVA: &str = "nova_object";

/// A value that is no versioned object, or not the one that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// No object, or a key of the form is missing or of the wrong kind.
    #[error("no versioned object: '{prefix}.{key}' is missing or of the wrong kind")]
    Key {
        /// The prefix that was looked for.
        prefix: String,
        /// The key after the prefix.
        key: &'static str,
    },
    /// Another object.
    #[error("object '{found}' where '{wanted}' was expected")]
    Name {
        /// What the message holds.
        found: String,
        /// What the reader knows.
        wanted: &'static str,
    },
    /// A version of another major number: its fields may mean something else.
    #[error("object '{name}' has version {found}, which {known} does not understand")]
    Version {
        /// The object.
        name: String,
        /// What the message holds.
        found: Version,
        /// What the reader knows.
        known: Version,
    },
    /// A field that the reader needs is missing or of the wrong kind.
    #[error("object '{name}': {what}")]
    Field {
        /// The object.
        name: &'static str,
        /// The deserialiser's words.
        what: String,
    },
}

/// Any versioned object. Objects within its fields stay in their primitive form.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionedObject {
    /// The class: `Host`, `SegmentApiPayload`.
    pub name: String,
    /// The project: `masakari`, `nova`.
    pub namespace: String,
    /// Of the class.
    pub version: Version,
    /// The fields that are set; a field that is not set is absent, one that is set to nothing is null.
    pub data: Map<String, Value>,
    /// Fields changed since the object was stored; not on the wire when empty.
    pub changes: Vec<String>,
}

impl VersionedObject {
    /// Reads an object. Keys beside the five of the form are ignored.
    ///
    /// # Errors
    /// No object under this prefix.
    pub fn decode(prefix: &str, value: &Value) -> Result<Self, ObjectError> {
        let missing = |key| ObjectError::Key {
            prefix: prefix.to_owned(),
            key,
        };
        let part = |key: &'static str| value.get(format!("{prefix}.{key}")).ok_or_else(|| missing(key));
        let text = |key: &'static str| Ok(part(key)?.as_str().ok_or_else(|| missing(key))?.to_owned());
        let changes = match value.get(format!("{prefix}.changes")) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(_) => return Err(missing("changes")),
        };
        Ok(Self {
            name: text("name")?,
            namespace: text("namespace")?,
            version: text("version")?.parse().map_err(|_| missing("version"))?,
            data: part("data")?.as_object().ok_or_else(|| missing("data"))?.clone(),
            changes,
        })
    }

    /// The object in its primitive form, as a value of a message.
    #[must_use]
    pub fn encode(&self, prefix: &str) -> Value {
        let key = |name: &str| format!("{prefix}.{name}");
        let mut map = Map::new();
        map.insert(key("name"), self.name.clone().into());
        map.insert(key("namespace"), self.namespace.clone().into());
        map.insert(key("version"), self.version.to_string().into());
        map.insert(key("data"), Value::Object(self.data.clone()));
        if !self.changes.is_empty() {
            map.insert(key("changes"), self.changes.clone().into());
        }
        Value::Object(map)
    }

    /// The object as the type that knows it.
    ///
    /// # Errors
    /// Another object, another major version, or a field that is missing.
    pub fn read<P: Payload>(self) -> Result<P, ObjectError> {
        if self.name != P::NAME {
            return Err(ObjectError::Name {
                found: self.name,
                wanted: P::NAME,
            });
        }
        if self.version.major != P::VERSION.major {
            return Err(ObjectError::Version {
                name: self.name,
                found: self.version,
                known: P::VERSION,
            });
        }
        serde_json::from_value(Value::Object(self.data)).map_err(|error| ObjectError::Field {
            name: P::NAME,
            what: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn nova_payload() -> Value {
        json!({
            "nova_object.name": "ServiceStatusPayload", "nova_object.namespace": "nova", "nova_object.version": "1.1",
            "nova_object.data": {"host": "compute-1", "disabled": true,
                "child": {"nova_object.name": "Child", "nova_object.namespace": "nova", "nova_object.version": "1.0.2",
                          "nova_object.data": {"kept": null}, "nova_object.changes": ["kept"]}},
        })
    }

    #[test]
    fn any_prefix_is_read_and_written_to_the_same() {
        let value = nova_payload();
        let object = VersionedObject::decode(NOVA, &value).unwrap();
        assert_eq!(
            (object.name.as_str(), object.version.to_string().as_str()),
            ("ServiceStatusPayload", "1.1")
        );
        assert_eq!(object.encode(NOVA), value);
        let child = VersionedObject::decode(NOVA, &object.data["child"]).unwrap();
        assert_eq!(child.changes, ["kept"]);
        assert_eq!(child.data["kept"], Value::Null);
    }

    #[test]
    fn the_changes_of_an_object_are_written_only_when_there_are_any() {
        let mut object = VersionedObject::decode(NOVA, &nova_payload()).unwrap();
        assert!(object.encode(MASAKARI).get("masakari_object.changes").is_none());
        object.changes.push("host".to_owned());
        assert_eq!(object.encode(MASAKARI)["masakari_object.changes"], json!(["host"]));
    }

    #[rstest]
    #[case(json!(null), "name")]
    #[case(json!([1]), "name")]
    #[case(json!({"nova_object.name": 7}), "name")]
    #[case(json!({"nova_object.name": "N", "nova_object.namespace": "nova", "nova_object.version": "one", "nova_object.data": {}}), "version")]
    #[case(json!({"nova_object.name": "N", "nova_object.namespace": "nova", "nova_object.version": "1.0", "nova_object.data": []}), "data")]
    #[case(json!({"nova_object.name": "N", "nova_object.namespace": "nova", "nova_object.version": "1.0", "nova_object.data": {}, "nova_object.changes": {}}), "changes")]
    fn what_is_no_object_is_refused_by_the_key_that_is_wrong(#[case] value: Value, #[case] key: &str) {
        let error = VersionedObject::decode(NOVA, &value).unwrap_err();
        assert!(
            matches!(error, ObjectError::Key { key: wrong, .. } if wrong == key),
            "{error}"
        );
    }

    #[test]
    fn another_prefix_is_no_object() {
        let error = VersionedObject::decode(MASAKARI, &nova_payload()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no versioned object: 'masakari_object.name' is missing or of the wrong kind"
        );
    }
}
