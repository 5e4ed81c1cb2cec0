//! The caller as rules see it: oslo.context's policy values, and Masakari's `is_admin`.

use serde_json::{Map, Value, json};

use crate::token::Caller;

/// The caller's attributes by the names that rules use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    values: Map<String, Value>,
}

impl Credentials {
    /// Of a caller; whether it is an administrator is not yet decided.
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        let project = caller.project.as_ref();
        let service = caller.service.as_deref();
        let service_project = service.and_then(|service| service.project.as_ref());
        let service_roles = service.map(|service| service.roles.as_slice()).unwrap_or_default();
        let mut values = Map::new();
        for (key, value) in [
            ("user_id", json!(caller.user.id)),
            ("user_domain_id", json!(caller.user.domain_id)),
            ("system_scope", json!(caller.system_scope)),
            ("domain_id", json!(caller.domain_id)),
            ("project_id", json!(project.map(|project| &project.id))),
            ("project_domain_id", json!(project.map(|project| &project.domain_id))),
            ("roles", json!(caller.roles)),
            ("is_admin_project", json!(caller.is_admin_project)),
            ("service_user_id", json!(service.map(|service| &service.user.id))),
            (
                "service_user_domain_id",
                json!(service.map(|service| &service.user.domain_id)),
            ),
            ("service_project_id", json!(service_project.map(|project| &project.id))),
            (
                "service_project_domain_id",
                json!(service_project.map(|project| &project.domain_id)),
            ),
            ("service_roles", json!(service_roles)),
        ] {
            values.insert(key.to_owned(), value);
        }
        Self::from_values(values)
    }

    /// From values as they are. `system` is added beside a `system_scope`, as oslo.policy does.
    #[must_use]
    pub fn from_values(mut values: Map<String, Value>) -> Self {
        if let Some(Value::String(scope)) = values.get("system_scope")
            && !scope.is_empty()
        {
            values.insert("system".to_owned(), json!(scope));
        }
        values.entry("is_admin").or_insert(Value::Null);
        Self { values }
    }

    /// Settles what `is_admin:True` means for this caller.
    pub fn set_admin(&mut self, is_admin: bool) {
        self.values.insert("is_admin".to_owned(), json!(is_admin));
    }

    pub(super) const fn values(&self) -> &Map<String, Value> {
        &self.values
    }
}
