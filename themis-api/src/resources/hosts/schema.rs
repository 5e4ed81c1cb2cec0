//! What a host's body may hold. Upstream lets null through for `type` and `control_attributes` and then fails; here it
//! is refused.

use serde_json::Value;

use crate::schema::{Object, Violation};
use crate::schema_text::{description, host_type, name};

/// A checked body of `POST /segments/{uuid}/hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCreate {
    /// As Nova names the compute service's host; unique among live hosts.
    pub name: String,
    /// Free word.
    pub host_type: String,
    /// Free text; may hold a power device's URL.
    pub control_attributes: String,
    /// Whether it waits for others' instances.
    pub reserved: bool,
    /// Whether the operator works on it.
    pub on_maintenance: bool,
}

/// A checked body of `PUT /segments/{uuid}/hosts/{uuid}`: what is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostUpdate {
    /// As Nova names the compute service's host; unique among live hosts.
    pub name: Option<String>,
    /// Free word.
    pub host_type: Option<String>,
    /// Free text; may hold a power device's URL.
    pub control_attributes: Option<String>,
    /// Whether it waits for others' instances.
    pub reserved: Option<bool>,
    /// Whether the operator works on it.
    pub on_maintenance: Option<bool>,
}

impl HostCreate {
    /// Checks a body.
    ///
    /// # Errors
    /// The first violation.
    pub fn check(body: Option<&Value>) -> Result<Self, Violation> {
        let object = opened(body)?;
        object.require(&["name", "type", "control_attributes"])?;
        Ok(Self {
            name: object.needed_text("name", name)?,
            host_type: object.needed_text("type", host_type)?,
            control_attributes: object.needed_text("control_attributes", description)?,
            reserved: object.boolean("reserved")?.unwrap_or(false),
            on_maintenance: object.boolean("on_maintenance")?.unwrap_or(false),
        })
    }
}

impl HostUpdate {
    /// Checks a body.
    ///
    /// # Errors
    /// The first violation.
    pub fn check(body: Option<&Value>) -> Result<Self, Violation> {
        let object = opened(body)?;
        object.not_empty()?;
        Ok(Self {
            name: object.text("name", name)?,
            host_type: object.text("type", host_type)?,
            control_attributes: object.text("control_attributes", description)?,
            reserved: object.boolean("reserved")?,
            on_maintenance: object.boolean("on_maintenance")?,
        })
    }
}

fn opened(body: Option<&Value>) -> Result<Object<'_>, Violation> {
    let object = Object::enveloped(body, "host")?;
    object.only(&["name", "type", "control_attributes", "reserved", "on_maintenance"])?;
    Ok(object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn booleans_come_as_words_and_are_false_when_absent() {
        let body = json!({"host": {"name": "c1", "type": "COMPUTE", "control_attributes": "SSH", "reserved": "True"}});
        let host = HostCreate::check(Some(&body)).unwrap();
        assert!(host.reserved && !host.on_maintenance);
    }

    #[test]
    fn null_where_upstream_fails_is_refused() {
        for key in ["type", "control_attributes"] {
            let error = HostUpdate::check(Some(&json!({"host": {key: null}})))
                .unwrap_err()
                .to_string();
            assert!(error.ends_with("None is not of type 'string'"), "{error}");
        }
    }
}
