//! What a notification's body may hold: first the four keys, then, after the caller's right was checked, the payload by
//! type. Values are words in upper case, exactly.

use serde_json::{Map, Value};
use themis_db::NotificationKind;
use time::OffsetDateTime;

use crate::iso8601;
use crate::schema::{Object, Violation};
use crate::schema_text::{host_name, is_payload_key, length, one_of, uuid};
use crate::shown::repr;

/// A checked body of `POST /notifications`.
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationCreate {
    /// What it is about.
    pub kind: NotificationKind,
    /// The host that it is about, as the reporter names it.
    pub host_name: String,
    /// When the reporter saw it, on the reporter's clock.
    pub generated_time: OffsetDateTime,
    /// Texts only.
    pub payload: Map<String, Value>,
}

impl NotificationCreate {
    /// Checks everything but what the type demands of the payload.
    ///
    /// # Errors
    /// The first violation.
    pub fn check(body: Option<&Value>) -> Result<Self, Violation> {
        let object = Object::enveloped(body, "notification")?;
        object.only(&["type", "hostname", "generated_time", "payload"])?;
        object.require(&["type", "hostname", "generated_time", "payload"])?;
        let payload = checked_payload(&object)?;
        Ok(Self {
            kind: object.needed_word("type", NotificationKind::NAMES)?,
            host_name: object.needed_text("hostname", host_name)?,
            generated_time: generated_time(&object)?,
            payload,
        })
    }

    /// Checks the payload by the notification's type.
    ///
    /// # Errors
    /// The first violation.
    pub fn check_payload(&self) -> Result<(), Violation> {
        let payload = Value::Object(self.payload.clone());
        let payload = Object::bare(&payload)?;
        let on_or_off = |text: &str| one_of(text, &["STARTED", "STOPPED"]);
        match self.kind {
            NotificationKind::ComputeHost => {
                payload.only(&["event", "host_status", "cluster_status"])?;
                payload.needed_text("event", on_or_off)?;
                payload.text("host_status", |text| one_of(text, &["NORMAL", "UNKNOWN"]))?;
                payload.text("cluster_status", |text| one_of(text, &["ONLINE", "OFFLINE"]))?;
            }
            NotificationKind::Vm => {
                payload.only(&["instance_uuid", "vir_domain_event", "event"])?;
                payload.require(&["instance_uuid", "vir_domain_event", "event"])?;
                payload.needed_text("instance_uuid", uuid)?;
                payload.needed_text("vir_domain_event", |text| length(text, 1, 255))?;
                payload.needed_text("event", |text| length(text, 1, 255))?;
            }
            NotificationKind::Process => {
                payload.only(&["process_name", "event"])?;
                payload.require(&["process_name", "event"])?;
                payload.needed_text("process_name", |text| length(text, 1, 255))?;
                payload.needed_text("event", on_or_off)?;
            }
        }
        Ok(())
    }
}

fn checked_payload(object: &Object<'_>) -> Result<Map<String, Value>, Violation> {
    let Some(payload) = object.object("payload")? else {
        return Ok(Map::new());
    };
    for (key, value) in payload.entries() {
        if !is_payload_key(key) {
            let what = format!(
                "{} does not match '^[a-zA-Z0-9-_:. ]{{1,255}}$'",
                repr(&Value::String(key.clone()))
            );
            return Err(Violation::field("payload", value, what));
        }
        payload.text(key, |text| length(text, 0, 255))?;
    }
    Ok(payload
        .entries()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect())
}

fn generated_time(object: &Object<'_>) -> Result<OffsetDateTime, Violation> {
    let text = object.needed_text("generated_time", |_| Ok(()))?;
    iso8601::parse_kept(&text).ok_or_else(|| {
        let value = Value::String(text);
        Violation::field(
            "generated_time",
            &value,
            format!("{} is not a 'date-time'", repr(&value)),
        )
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn body(kind: &str, payload: Value) -> Value {
        json!({"notification": {"type": kind, "hostname": "c1", "generated_time": "2026-11-20T08:00:00", "payload": payload}})
    }

    fn checked(kind: &str, payload: Value) -> Result<(), String> {
        NotificationCreate::check(Some(&body(kind, payload)))
            .and_then(|notification| notification.check_payload())
            .map_err(|violation| violation.to_string())
    }

    #[rstest]
    #[case("COMPUTE_HOST", json!({"event": "STOPPED", "host_status": "NORMAL", "cluster_status": "OFFLINE"}))]
    #[case("COMPUTE_HOST", json!({"event": "STARTED"}))]
    #[case("VM", json!({"event": "any", "instance_uuid": "96ab1c4200004000800000000000000a", "vir_domain_event": "any"}))]
    #[case("PROCESS", json!({"event": "STOPPED", "process_name": "nova-compute"}))]
    fn what_monitors_send_is_taken(#[case] kind: &str, #[case] payload: Value) {
        assert_eq!(checked(kind, payload), Ok(()));
    }

    #[rstest]
    #[case("COMPUTE_HOST", json!({}), "'event' is a required property")]
    #[case("COMPUTE_HOST", json!({"event": "stopped"}), "'stopped' is not one of ['STARTED', 'STOPPED']")]
    #[case("COMPUTE_HOST", json!({"event": "STOPPED", "x": "y"}), "('x' was unexpected)")]
    #[case("COMPUTE_HOST", json!({"event": 1}), "1 is not of type 'string'")]
    #[case("VM", json!({"event": "E", "instance_uuid": "zz", "vir_domain_event": "v"}), "'zz' is not a 'uuid'")]
    #[case("PROCESS", json!({"event": "STOPPED", "process_name": ""}), "at least 1 characters")]
    #[case("HOST", json!({"event": "STOPPED"}), "'HOST' is not one of ['COMPUTE_HOST', 'VM', 'PROCESS']")]
    fn a_bad_payload_is_named(#[case] kind: &str, #[case] payload: Value, #[case] end: &str) {
        let error = checked(kind, payload).unwrap_err();
        assert!(error.ends_with(end), "{error}");
    }

    #[test]
    fn a_time_that_is_none_is_said_in_the_words_that_clients_know() {
        let mut body = body("VM", json!({}));
        body["notification"]["generated_time"] = json!("bogus");
        assert_eq!(
            NotificationCreate::check(Some(&body)).unwrap_err().to_string(),
            "Invalid input for field/attribute generated_time. Value: bogus. 'bogus' is not a 'date-time'"
        );
    }
}
