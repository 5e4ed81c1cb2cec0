//! How a section says who we are to a Keystone: keystoneauth's options, in place or in the section that `auth_section`
//! names.

use secrecy::{ExposeSecret, SecretString};
use themis_config::{ConfigError, Key, Section, Source, section};

use super::SectionError;
use crate::keystone::{AppCredential, Credentials, Domain, Person, Scope};

section! {
    /// The options as they stand in one section.
    pub(super) struct AuthOptions("keystone_authtoken", shared) {
        /// Section that holds these options instead, for instance one that several sections share.
        pub auth_section: Option<String>,
        /// password or v3applicationcredential.
        pub auth_type | "auth_plugin": String = "password",
        /// Address of Keystone, with or without /v3.
        pub auth_url: Option<String>,
        /// Name of the user. Themis needs the role admin (or service, where only tokens are validated).
        pub username | "user_name": Option<String>,
        /// The user by id; wins over the name and needs no domain.
        pub user_id: Option<String>,
        /// Its password.
        pub password: SecretString = "",
        /// Project that the user works in; service when no other scope is named.
        pub project_name | "tenant_name": Option<String>,
        /// The same by id; wins over the name.
        pub project_id | "tenant_id": Option<String>,
        /// Domain of the user, by name; Default when nothing else is said.
        pub user_domain_name: Option<String>,
        /// Domain of the user, by id; wins over the name.
        pub user_domain_id: Option<String>,
        /// Domain of the project, by name; Default when nothing else is said.
        pub project_domain_name: Option<String>,
        /// Domain of the project, by id; wins over the name.
        pub project_domain_id: Option<String>,
        /// Domain, by id, of a user or project of which none is said.
        pub default_domain_id: Option<String>,
        /// The same by name.
        pub default_domain_name: Option<String>,
        /// all: work in the whole system instead of a project.
        pub system_scope: Option<String>,
        /// Work in a domain instead of a project, by id. Services hardly ever do.
        pub domain_id: Option<String>,
        /// The same by name.
        pub domain_name: Option<String>,
        /// Work for somebody else, as a trust of his allows, instead of in a project.
        pub trust_id: Option<String>,
        /// Id of an application credential, with auth_type v3applicationcredential.
        pub application_credential_id: Option<String>,
        /// Its name instead of its id; needs its owner too: user_id, or username with the user's domain.
        pub application_credential_name: Option<String>,
        /// Secret of the application credential.
        pub application_credential_secret: SecretString = "",
    }
}

/// The options, and the section that they were read from.
#[derive(Debug, Clone)]
pub(super) struct Auth {
    section: String,
    options: AuthOptions,
}

impl Auth {
    pub(super) fn keys() -> Vec<Key> {
        AuthOptions::keys()
    }

    /// Follows `auth_section` once: the section it names holds the options themselves.
    pub(super) fn read(source: &Source, section: &str) -> Result<Self, ConfigError> {
        let options = AuthOptions::read(source, section)?;
        let Some(named) = options.auth_section else {
            let section = section.to_owned();
            return Ok(Self { section, options });
        };
        let section = named.trim().to_ascii_lowercase();
        let options = AuthOptions::read(source, &section)?;
        Ok(Self { section, options })
    }

    /// Of options that stand elsewhere under other names; `section` is where they count.
    pub(super) fn of(section: &str, options: AuthOptions) -> Self {
        let section = section.to_owned();
        Self { section, options }
    }

    /// Whether it names a Keystone or somebody there.
    pub(super) const fn is_given(&self) -> bool {
        let AuthOptions {
            auth_url,
            username,
            user_id,
            application_credential_id,
            ..
        } = &self.options;
        auth_url.is_some() || username.is_some() || user_id.is_some() || application_credential_id.is_some()
    }

    pub(super) fn auth_url(&self) -> Option<&str> {
        self.options.auth_url.as_deref()
    }

    /// The address that a session needs.
    pub(super) fn needed_auth_url(&self) -> Result<String, SectionError> {
        self.needed("auth_url", self.options.auth_url.as_ref())
    }

    pub(super) fn credentials(&self) -> Result<Credentials, SectionError> {
        let AuthOptions {
            auth_type,
            username,
            user_id,
            application_credential_id,
            ..
        } = &self.options;
        let is_nobody = username.is_none() && user_id.is_none();
        match auth_type.as_str() {
            // Whoever gives a credential and no user means the credential.
            "password" | "v3password" if is_nobody && application_credential_id.is_some() => {
                self.application_credential()
            }
            "password" | "v3password" => Ok(Credentials::Password {
                user: self.user()?,
                password: self.needed_secret("password", &self.options.password)?,
                scope: self.scope()?,
            }),
            "v3applicationcredential" => self.application_credential(),
            other => Err(SectionError::AuthType {
                section: self.section.clone(),
                kind: other.to_owned(),
            }),
        }
    }

    fn user(&self) -> Result<Person, SectionError> {
        let options = &self.options;
        match &options.user_id {
            Some(id) => Ok(Person::Id(id.clone())),
            None => Ok(Person::Named {
                name: self.needed("username", options.username.as_ref())?,
                domain: self.domain(options.user_domain_id.as_ref(), options.user_domain_name.as_ref()),
            }),
        }
    }

    fn application_credential(&self) -> Result<Credentials, SectionError> {
        let options = &self.options;
        let credential = match (&options.application_credential_id, &options.application_credential_name) {
            (None, Some(name)) => AppCredential::Named {
                name: name.clone(),
                owner: self.user()?,
            },
            (id, _) => AppCredential::Id(self.needed("application_credential_id", id.as_ref())?),
        };
        let secret = &options.application_credential_secret;
        Ok(Credentials::ApplicationCredential {
            credential,
            secret: self.needed_secret("application_credential_secret", secret)?,
        })
    }

    /// At most one, as keystoneauth has it; a project named service when there is none.
    fn scope(&self) -> Result<Scope, SectionError> {
        let options = &self.options;
        let domain = domain(options.domain_id.as_ref(), options.domain_name.as_ref());
        let project_name = options.project_name.as_ref();
        let project = match (&options.project_id, project_name) {
            (Some(id), _) => Some(Scope::ProjectId(id.clone())),
            (None, Some(name)) => Some(self.project(name)),
            (None, None) => None,
        };
        let scopes = [
            ("system_scope", self.system_scope()?),
            ("project", project),
            ("domain", domain.map(Scope::Domain)),
            ("trust_id", options.trust_id.clone().map(Scope::Trust)),
        ];
        let mut named = scopes.into_iter().filter_map(|(name, scope)| Some((name, scope?)));
        match (named.next(), named.next()) {
            (None, _) => Ok(self.project("service")),
            (Some((_, scope)), None) => Ok(scope),
            (Some((one, _)), Some((other, _))) => Err(SectionError::TwoScopes {
                section: self.section.clone(),
                one,
                other,
            }),
        }
    }

    fn system_scope(&self) -> Result<Option<Scope>, SectionError> {
        match self.options.system_scope.as_deref() {
            None => Ok(None),
            Some("all") => Ok(Some(Scope::System)),
            Some(other) => Err(SectionError::SystemScope {
                section: self.section.clone(),
                given: other.to_owned(),
            }),
        }
    }

    fn project(&self, name: &str) -> Scope {
        let options = &self.options;
        Scope::Project {
            name: name.to_owned(),
            domain: self.domain(options.project_domain_id.as_ref(), options.project_domain_name.as_ref()),
        }
    }

    /// Of a user or project: its own, the default one of the section, Keystone's first.
    fn domain(&self, id: Option<&String>, name: Option<&String>) -> Domain {
        let options = &self.options;
        let default = || domain(options.default_domain_id.as_ref(), options.default_domain_name.as_ref());
        domain(id, name)
            .or_else(default)
            .unwrap_or_else(|| Domain::Name("Default".to_owned()))
    }

    fn needed(&self, key: &'static str, value: Option<&String>) -> Result<String, SectionError> {
        value.cloned().ok_or_else(|| self.missing(key))
    }

    fn needed_secret(&self, key: &'static str, secret: &SecretString) -> Result<SecretString, SectionError> {
        if secret.expose_secret().is_empty() {
            return Err(self.missing(key));
        }
        Ok(secret.clone())
    }

    fn missing(&self, key: &'static str) -> SectionError {
        SectionError::Missing {
            section: self.section.clone(),
            key,
        }
    }
}

/// By id, when both are said.
fn domain(id: Option<&String>, name: Option<&String>) -> Option<Domain> {
    let by_id = id.cloned().map(Domain::Id);
    by_id.or_else(|| name.cloned().map(Domain::Name))
}
