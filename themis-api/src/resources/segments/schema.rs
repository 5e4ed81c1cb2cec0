//! What a segment's body may hold. `enabled` may be set from microversion 1.2 on; it is always shown.

use serde_json::Value;
use themis_db::RecoveryMethod;

use crate::microversion::Microversion;
use crate::schema::{Object, Violation};
use crate::schema_text::{description, name};

const KEYS: [&str; 5] = ["name", "recovery_method", "service_type", "description", "enabled"];

/// A checked body of `POST /segments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentCreate {
    /// Unique among live segments.
    pub name: String,
    /// How its instances are brought back.
    pub recovery_method: RecoveryMethod,
    /// Free text; clients write `COMPUTE`.
    pub service_type: String,
    /// Free text, possibly none.
    pub description: Option<String>,
    /// Whether notifications of its hosts are acted upon.
    pub enabled: bool,
}

/// A checked body of `PUT /segments/{uuid}`: what is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentUpdate {
    /// Unique among live segments.
    pub name: Option<String>,
    /// How its instances are brought back.
    pub recovery_method: Option<RecoveryMethod>,
    /// Free text.
    pub service_type: Option<String>,
    /// Free text; `Some(None)` removes it.
    pub description: Option<Option<String>>,
    /// Whether notifications of its hosts are acted upon.
    pub enabled: Option<bool>,
}

impl SegmentCreate {
    /// Checks a body.
    ///
    /// # Errors
    /// The first violation.
    pub fn check(body: Option<&Value>, version: Microversion) -> Result<Self, Violation> {
        let object = opened(body, version)?;
        object.require(&["name", "recovery_method", "service_type"])?;
        Ok(Self {
            name: object.needed_text("name", name)?,
            recovery_method: object.needed_word("recovery_method", RecoveryMethod::NAMES)?,
            service_type: object.needed_text("service_type", name)?,
            description: object.nullable_text("description", description)?.flatten(),
            enabled: object.boolean("enabled")?.unwrap_or(true),
        })
    }
}

impl SegmentUpdate {
    /// Checks a body.
    ///
    /// # Errors
    /// The first violation.
    pub fn check(body: Option<&Value>, version: Microversion) -> Result<Self, Violation> {
        let object = opened(body, version)?;
        object.not_empty()?;
        Ok(Self {
            name: object.text("name", name)?,
            recovery_method: object.word("recovery_method", RecoveryMethod::NAMES)?,
            service_type: object.text("service_type", name)?,
            description: object.nullable_text("description", description)?,
            enabled: object.boolean("enabled")?,
        })
    }
}

fn opened(body: Option<&Value>, version: Microversion) -> Result<Object<'_>, Violation> {
    let object = Object::enveloped(body, "segment")?;
    let known = if version >= Microversion::SEGMENT_ENABLED {
        KEYS.as_slice()
    } else {
        &KEYS[..4]
    };
    object.only(known)?;
    Ok(object)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[test]
    fn enabled_may_be_set_from_1_2_on_and_is_true_when_absent() {
        let body = |enabled| json!({"segment": {"name": "s", "recovery_method": "auto", "service_type": "COMPUTE", "enabled": enabled}});
        let check = |body: &Value, version| SegmentCreate::check(Some(body), version);
        assert!(!check(&body("False"), Microversion::MAX).unwrap().enabled);
        let error = check(&body("False"), Microversion::MIN).unwrap_err().to_string();
        assert!(
            error.ends_with("Additional properties are not allowed ('enabled' was unexpected)"),
            "{error}"
        );
        let bare = json!({"segment": {"name": "s", "recovery_method": "auto", "service_type": "COMPUTE"}});
        assert!(check(&bare, Microversion::MIN).unwrap().enabled);
    }

    #[rstest]
    #[case(json!({"name": "s", "recovery_method": "bogus", "service_type": "C"}), "'bogus' is not one of ['auto', 'reserved_host', 'auto_priority', 'rh_priority']")]
    #[case(json!({"name": "s", "service_type": "C"}), "'recovery_method' is a required property")]
    #[case(json!({"name": 7, "recovery_method": "auto", "service_type": "C"}), "7 is not of type 'string'")]
    #[case(json!({"name": " s", "recovery_method": "auto", "service_type": "C"}), "Can not start or end with whitespace.")]
    fn a_bad_create_is_named(#[case] inner: Value, #[case] end: &str) {
        let error = SegmentCreate::check(Some(&json!({"segment": inner})), Microversion::MAX)
            .unwrap_err()
            .to_string();
        assert!(error.ends_with(end), "{error}");
    }

    #[test]
    fn a_null_description_in_an_update_removes_it_and_an_absent_one_leaves_it() {
        let update = |inner: Value| SegmentUpdate::check(Some(&json!({"segment": inner})), Microversion::MIN).unwrap();
        assert_eq!(update(json!({"description": null})).description, Some(None));
        assert_eq!(update(json!({"name": "s"})).description, None);
    }
}
