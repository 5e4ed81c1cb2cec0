//! How a section says who we are to a Keystone: keystoneauth's options, in place or in the section that `auth_section`
//! names.

use secrecy::{ExposeSecret, SecretString};
use themis_config::{ConfigError, Key, Section, Source, section};

use super::SectionError;
use crate::keystone::{Credentials, Domain, Scope};

section! {
    /// The options as they stand in one section.
    pub(super) struct AuthOptions("keystone_authtoken", shared) {
        /// Section that holds these options instead, for instance one that several sections share.
        pub auth_section: Option<String>,
        /// password or v3applicationcredential.
        pub auth_type: String = "password",
        /// Address of Keystone, with or without /v3.
        pub auth_url: Option<String>,
        /// Name of the user. Themis needs the role admin (or service, where only tokens are validated).
        pub username: Option<String>,
        /// Its password.
        pub password: SecretString = "",
        /// Project that the user works in.
        pub project_name: String = "service",
        /// The same by id; wins over the name.
        pub project_id: Option<String>,
        /// Domain of the user, by name.
        pub user_domain_name: String = "Default",
        /// Domain of the user, by id; wins over the name.
        pub user_domain_id: Option<String>,
        /// Domain of the project, by name.
        pub project_domain_name: String = "Default",
        /// Domain of the project, by id; wins over the name.
        pub project_domain_id: Option<String>,
        /// all: work in the whole system instead of a project.
        pub system_scope: Option<String>,
        /// Id of an application credential, with auth_type v3applicationcredential.
        pub application_credential_id: Option<String>,
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

    /// Whether it names a Keystone or somebody there.
    pub(super) const fn is_given(&self) -> bool {
        let AuthOptions {
            auth_url,
            username,
            application_credential_id,
            ..
        } = &self.options;
        auth_url.is_some() || username.is_some() || application_credential_id.is_some()
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
            application_credential_id,
            ..
        } = &self.options;
        match auth_type.as_str() {
            // Whoever gives a credential and no user means the credential.
            "password" | "v3password" if username.is_none() && application_credential_id.is_some() => {
                self.application_credential()
            }
            "password" | "v3password" => self.user(),
            "v3applicationcredential" => self.application_credential(),
            other => Err(SectionError::AuthType {
                section: self.section.clone(),
                kind: other.to_owned(),
            }),
        }
    }

    fn user(&self) -> Result<Credentials, SectionError> {
        let options = &self.options;
        Ok(Credentials::Password {
            username: self.needed("username", options.username.as_ref())?,
            user_domain: domain(options.user_domain_id.as_ref(), &options.user_domain_name),
            password: self.needed_secret("password", &options.password)?,
            scope: self.scope()?,
        })
    }

    fn application_credential(&self) -> Result<Credentials, SectionError> {
        let id = self.options.application_credential_id.as_ref();
        let secret = &self.options.application_credential_secret;
        Ok(Credentials::ApplicationCredential {
            id: self.needed("application_credential_id", id)?,
            secret: self.needed_secret("application_credential_secret", secret)?,
        })
    }

    fn scope(&self) -> Result<Scope, SectionError> {
        let options = &self.options;
        match (options.system_scope.as_deref(), &options.project_id) {
            (Some("all"), _) => Ok(Scope::System),
            (Some(other), _) => Err(SectionError::SystemScope {
                section: self.section.clone(),
                given: other.to_owned(),
            }),
            (None, Some(id)) => Ok(Scope::ProjectId(id.clone())),
            (None, None) => Ok(Scope::Project {
                name: options.project_name.clone(),
                domain: domain(options.project_domain_id.as_ref(), &options.project_domain_name),
            }),
        }
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

fn domain(id: Option<&String>, name: &str) -> Domain {
    id.map_or_else(|| Domain::Name(name.to_owned()), |id| Domain::Id(id.clone()))
}
