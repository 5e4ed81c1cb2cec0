//! Objects whose fields are a Rust type: the type names its class, version and prefix once, serde does the rest.

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use super::{MASAKARI, VersionedObject};
use crate::Version;

/// The fields of one class of objects. A field that may be unset is an `Option` that is not serialised when `None`; one
/// that may be null is an `Option` that is.
pub trait Payload: Clone + Serialize + DeserializeOwned {
    /// The class.
    const NAME: &'static str;
    /// The version that these fields are.
    const VERSION: Version;
    /// The prefix of the form's keys.
    const PREFIX: &'static str = MASAKARI;
    /// The project.
    const NAMESPACE: &'static str = "masakari";
}

/// A payload in the primitive form: as a whole message's payload, or nested within another object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object<P>(pub P);

impl<P: Payload> Serialize for Object<P> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(4))?;
        map.serialize_entry(&format!("{}.name", P::PREFIX), P::NAME)?;
        map.serialize_entry(&format!("{}.namespace", P::PREFIX), P::NAMESPACE)?;
        map.serialize_entry(&format!("{}.version", P::PREFIX), &P::VERSION.to_string())?;
        map.serialize_entry(&format!("{}.data", P::PREFIX), &self.0)?;
        map.end()
    }
}

impl<'de, P: Payload> Deserialize<'de> for Object<P> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(input)?;
        VersionedObject::decode(P::PREFIX, &value)
            .and_then(VersionedObject::read)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

/// A point in time within an object: UTC, whole seconds, `2026-11-20T08:28:51Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectTime(pub OffsetDateTime);

impl Serialize for ObjectTime {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
        let text = self.0.to_offset(UtcOffset::UTC).format(&format);
        out.serialize_str(&text.map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for ObjectTime {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        OffsetDateTime::parse(&text, &Rfc3339)
            .map(Self)
            .map_err(|_| D::Error::custom("a time that is not like 2026-11-20T08:28:51Z"))
    }
}
