//! The payloads of Masakari's versioned notifications, field by field as its release 14 puts them on the wire.
//!
//! Consumers (dashboards, telemetry) know these classes; a field is added or renamed only with upstream. What a record
//! has not got yet is left out: the events of a creation carry neither `id` nor `uuid`. Captured originals are in
//! `interop/masakari-events`; the tests here compare with them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Object, ObjectTime, Payload};
use crate::Version;

/// A payload that can tell what went wrong.
pub trait Faulty: Payload {
    /// Sets the fault; the notification's priority is then ERROR.
    fn blame(&mut self, fault: ExceptionPayload);
}

macro_rules! payload {
    ($type:ident, version 1 minor $minor:literal $(, $faulty:ident)?) => {
        impl Payload for $type {
            const NAME: &'static str = stringify!($type);
            const VERSION: Version = Version { major: 1, minor: $minor };
        }
        $(impl $faulty for $type {
            fn blame(&mut self, fault: ExceptionPayload) {
                self.fault = Some(Object(fault));
            }
        })?
    };
}

payload!(SegmentApiPayload, version 1 minor 1, Faulty);
payload!(HostApiPayload, version 1 minor 0, Faulty);
payload!(NotificationApiPayload, version 1 minor 0, Faulty);
payload!(FailoverSegment, version 1 minor 1);
payload!(ExceptionPayload, version 1 minor 0);

/// What failed, in an event of phase `error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionPayload {
    /// Where; `unknown` when not told.
    pub module_name: String,
    /// Where in it; `unknown` when not told.
    pub function_name: String,
    /// The kind of error, by upstream's name of the class where it has one.
    pub exception: String,
    /// In a sentence.
    pub exception_message: String,
    /// Of a Python program; empty here.
    pub traceback: String,
}

/// Of `segment.{create,update,delete}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentApiPayload {
    /// Masakari's integer id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Its id everywhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// Its name.
    pub name: String,
    /// Free text; `COMPUTE` by custom.
    pub service_type: String,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// How its instances are brought back.
    pub recovery_method: String,
    /// Since version 1.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// In phase `error`.
    #[serde(default)]
    pub fault: Option<Object<ExceptionPayload>>,
}

/// Of `host.{create,update,delete}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostApiPayload {
    /// Masakari's integer id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Its id everywhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// As Nova's compute service names it.
    pub name: String,
    /// Its segment, whole.
    pub failover_segment: Object<FailoverSegment>,
    /// Free word.
    #[serde(rename = "type")]
    pub host_type: String,
    /// Whether it waits for others' instances.
    pub reserved: bool,
    /// Free text.
    pub control_attributes: String,
    /// Whether its notifications are ignored.
    pub on_maintenance: bool,
    /// In phase `error`.
    #[serde(default)]
    pub fault: Option<Object<ExceptionPayload>>,
}

/// A segment within a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailoverSegment {
    /// Masakari's integer id.
    pub id: i64,
    /// Its id everywhere else.
    pub uuid: Uuid,
    /// Its name.
    pub name: String,
    /// Free text; `COMPUTE` by custom.
    pub service_type: String,
    /// Since version 1.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// How its instances are brought back.
    pub recovery_method: String,
    /// When it was registered.
    #[serde(default)]
    pub created_at: Option<ObjectTime>,
    /// When it was last changed.
    #[serde(default)]
    pub updated_at: Option<ObjectTime>,
    /// Null: only the living are told of.
    #[serde(default)]
    pub deleted_at: Option<ObjectTime>,
    /// False: only the living are told of.
    #[serde(default)]
    pub deleted: bool,
}

/// Of `notification.create` and `notification.process`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationApiPayload {
    /// Masakari's integer id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Its id everywhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_uuid: Option<Uuid>,
    /// When the reporter saw it.
    pub generated_time: ObjectTime,
    /// The host it is about.
    pub source_host_uuid: Uuid,
    /// `COMPUTE_HOST`, `VM` or `PROCESS`.
    #[serde(rename = "type")]
    pub kind: String,
    /// As posted; texts only.
    pub payload: BTreeMap<String, String>,
    /// How far it was when the event was told.
    pub status: String,
    /// In phase `error`.
    #[serde(default)]
    pub fault: Option<Object<ExceptionPayload>>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::versioned::{MASAKARI, ObjectError, VersionedObject};

    fn captured() -> Vec<Value> {
        let text = include_str!("../../../interop/masakari-events/masakari-14.0.2.json");
        serde_json::from_str(text).unwrap()
    }

    fn kept<P: Payload>(payload: &Value) {
        let typed: Object<P> = serde_json::from_value(payload.clone()).unwrap();
        assert_eq!(serde_json::to_value(typed).unwrap(), *payload);
    }

    #[test]
    fn every_payload_captured_from_masakari_is_read_and_written_to_the_same() {
        let mut nouns = BTreeMap::new();
        for event in captured() {
            let noun = event["event_type"]
                .as_str()
                .unwrap()
                .split('.')
                .next()
                .unwrap()
                .to_owned();
            match noun.as_str() {
                "segment" => kept::<SegmentApiPayload>(&event["payload"]),
                "host" => kept::<HostApiPayload>(&event["payload"]),
                _ => kept::<NotificationApiPayload>(&event["payload"]),
            }
            *nouns.entry(noun).or_insert(0) += 1;
        }
        let counted = BTreeMap::from([
            ("segment".to_owned(), 7),
            ("host".to_owned(), 7),
            ("notification".to_owned(), 5),
        ]);
        assert_eq!(nouns, counted);
    }

    fn of(class: &str, version: &str, data: &Value) -> VersionedObject {
        let value = json!({"masakari_object.name": class, "masakari_object.namespace": "masakari",
            "masakari_object.version": version, "masakari_object.data": data});
        VersionedObject::decode(MASAKARI, &value).unwrap()
    }

    #[test]
    fn a_later_minor_version_with_fields_that_we_do_not_know_is_read() {
        let data = json!({"name": "s", "service_type": "COMPUTE", "recovery_method": "auto", "priority": 7});
        let payload: SegmentApiPayload = of("SegmentApiPayload", "1.9", &data).read().unwrap();
        assert_eq!((payload.name.as_str(), payload.enabled, payload.id), ("s", None, None));
    }

    #[test]
    fn another_class_another_major_version_and_a_missing_field_are_refused_by_name() {
        let error = of("HostApiPayload", "1.0", &json!({}))
            .read::<SegmentApiPayload>()
            .unwrap_err();
        assert!(matches!(error, ObjectError::Name { .. }), "{error}");
        let error = of("SegmentApiPayload", "2.0", &json!({}))
            .read::<SegmentApiPayload>()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "object 'SegmentApiPayload' has version 2.0, which 1.1 does not understand"
        );
        let error = of("SegmentApiPayload", "1.1", &json!({"name": "s"}))
            .read::<SegmentApiPayload>()
            .unwrap_err();
        assert!(error.to_string().contains("service_type"), "{error}");
    }
}
