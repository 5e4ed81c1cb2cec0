//! `OS_*` variables, and the assembly of a cloud from named values that files share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::{CloudsError, Values};
use crate::keystone::{AppCredential, ClientCertificate, Cloud, Credentials, Domain, Interface, Person, Scope};

/// Deadline of one request of the command line.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The process's environment, or a test's. It may hold a password, so it does not show itself.
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// From pairs, such as `std::env::vars()`.
    #[must_use]
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn values(&self) -> Values {
        self.0
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, value)| Some((name.strip_prefix("OS_")?.to_ascii_lowercase(), value.clone())))
            .collect()
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The cloud of the variables.
pub(super) fn cloud(environment: &Environment) -> Result<Cloud, CloudsError> {
    assemble("environment", &environment.values(), |key| {
        format!("OS_{}", key.to_ascii_uppercase())
    })
}

/// A cloud from its values; `show` writes a value's name as the reader knows it.
pub(super) fn assemble(origin: &str, values: &Values, show: fn(&str) -> String) -> Result<Cloud, CloudsError> {
    let given = Given { origin, values, show };
    let truth = |text: String| matches!(text.to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on");
    Ok(Cloud {
        auth_url: given.need("auth_url")?,
        credentials: given.credentials()?,
        region: given.get("region_name"),
        interfaces: vec![given.interface()?],
        cafile: given.get("cacert").map(PathBuf::from),
        certificate: ClientCertificate::of(
            given.get("cert").map(PathBuf::from).as_ref(),
            given.get("key").map(PathBuf::from).as_ref(),
        ),
        insecure: given.get("insecure").is_some_and(truth) || given.get("verify").is_some_and(|text| !truth(text)),
        timeout: TIMEOUT,
        endpoint_overrides: overrides(values),
    })
}

struct Given<'a> {
    origin: &'a str,
    values: &'a Values,
    show: fn(&str) -> String,
}

impl Given<'_> {
    fn get(&self, key: &str) -> Option<String> {
        self.values.get(key).cloned()
    }

    fn need(&self, key: &str) -> Result<String, CloudsError> {
        let missing = || CloudsError::Missing {
            origin: self.origin.to_owned(),
            key: (self.show)(key),
        };
        self.get(key).ok_or_else(missing)
    }

    fn credentials(&self) -> Result<Credentials, CloudsError> {
        let by_id = self.get("application_credential_id").is_some();
        let assumed = if by_id { "v3applicationcredential" } else { "password" };
        let kind = self.get("auth_type").unwrap_or_else(|| assumed.to_owned());
        match kind.as_str() {
            "password" | "v3password" => Ok(Credentials::Password {
                user: self.user()?,
                password: SecretString::from(self.need("password")?),
                scope: self.scope(),
            }),
            "v3applicationcredential" => Ok(Credentials::ApplicationCredential {
                credential: self.application_credential()?,
                secret: SecretString::from(self.need("application_credential_secret")?),
            }),
            "token" | "v3token" => Ok(Credentials::Token {
                token: SecretString::from(self.need("token")?),
                scope: self.scope(),
            }),
            _ => Err(CloudsError::AuthType {
                origin: self.origin.to_owned(),
                kind,
            }),
        }
    }

    fn user(&self) -> Result<Person, CloudsError> {
        match self.get("user_id") {
            Some(id) => Ok(Person::Id(id)),
            None => Ok(Person::Named {
                name: self.need("username")?,
                domain: self.domain("user"),
            }),
        }
    }

    fn application_credential(&self) -> Result<AppCredential, CloudsError> {
        match (
            self.get("application_credential_id"),
            self.get("application_credential_name"),
        ) {
            (None, Some(name)) => Ok(AppCredential::Named {
                name,
                owner: self.user()?,
            }),
            (Some(id), _) => Ok(AppCredential::Id(id)),
            (None, None) => self.need("application_credential_id").map(AppCredential::Id),
        }
    }

    fn scope(&self) -> Scope {
        let project_id = self.get("project_id").or_else(|| self.get("tenant_id"));
        let project = self.get("project_name").or_else(|| self.get("tenant_name"));
        match (self.get("system_scope"), project_id, project) {
            (Some(_), _, _) => Scope::System,
            (None, Some(id), _) => Scope::ProjectId(id),
            (None, None, Some(name)) => Scope::Project {
                name,
                domain: self.domain("project"),
            },
            (None, None, None) => match (self.get("domain_id"), self.get("domain_name")) {
                (Some(id), _) => Scope::Domain(Domain::Id(id)),
                (None, Some(name)) => Scope::Domain(Domain::Name(name)),
                (None, None) => Scope::Unscoped,
            },
        }
    }

    /// The domain of the user or of the project; openstacksdk's default is the id `default`.
    fn domain(&self, of: &str) -> Domain {
        match (
            self.get(&format!("{of}_domain_id")),
            self.get(&format!("{of}_domain_name")),
        ) {
            (Some(id), _) => Domain::Id(id),
            (None, Some(name)) => Domain::Name(name),
            (None, None) => Domain::Id(self.get("default_domain").unwrap_or_else(|| "default".to_owned())),
        }
    }

    fn interface(&self) -> Result<Interface, CloudsError> {
        let Some(text) = self.get("interface").or_else(|| self.get("endpoint_type")) else {
            return Ok(Interface::Public);
        };
        text.parse().map_err(|source| CloudsError::Interface {
            origin: self.origin.to_owned(),
            source,
        })
    }
}

/// `OS_INSTANCE_HA_ENDPOINT_OVERRIDE`, `instance_ha_endpoint_override`: by service type.
fn overrides(values: &Values) -> BTreeMap<String, String> {
    values
        .iter()
        .filter_map(|(key, url)| Some((key.strip_suffix("_endpoint_override")?.replace('_', "-"), url.clone())))
        .collect()
}
