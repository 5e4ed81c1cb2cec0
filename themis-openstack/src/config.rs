//! The sections `[keystone_authtoken]`, `[nova]`, `[placement]` and `[oslo_policy]`, as operators write them for any
//! OpenStack service, and the clients that follow from them.
//!
//! The names are oslo's; keys of oslo's that are not listed are left alone. `[nova]` and `[placement]` may leave out the
//! credentials: then those of `[keystone_authtoken]` are used, with one shared session.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use themis_config::{KnownSection, section};

use crate::error::IdentityError;
use crate::keystone::{Cloud, Credentials, Domain, Interface, Scope, ServiceType, Session, UnknownInterface};
use crate::service::{Endpoint, ServiceClient};

section! {
    /// How we talk to Keystone, and as whom.
    pub struct KeystoneAuthtokenSection("keystone_authtoken", shared) {
        /// Address of Keystone, with or without /v3. Must be given by programs that use Keystone.
        pub auth_url: Option<String>,
        /// Name of the service user. It needs the role admin (or service, where only tokens are validated).
        pub username: Option<String>,
        /// Its password.
        pub password: SecretString = "",
        /// Project of the service user.
        pub project_name: String = "service",
        /// Domain of the service user, by name.
        pub user_domain_name: String = "Default",
        /// Domain of the project, by name.
        pub project_domain_name: String = "Default",
        /// Domain of the service user, by id; wins over the name.
        pub user_domain_id: Option<String>,
        /// Domain of the project, by id; wins over the name.
        pub project_domain_id: Option<String>,
        /// Id of an application credential; used in place of user and password.
        pub application_credential_id: Option<String>,
        /// Secret of the application credential.
        pub application_credential_secret: SecretString = "",
        /// Which endpoint of Keystone tokens are validated at: public, internal or admin.
        pub interface: String = "internal",
        /// Region of the endpoints; empty takes the first.
        pub region_name: Option<String>,
        /// PEM file of certificate authorities to trust besides the system's.
        pub cafile: Option<PathBuf>,
        /// Accept any certificate. For trials only.
        pub insecure: bool = "false",
        /// Keystone's address for clients, shown with a 401. Empty: auth_url.
        pub www_authenticate_uri: Option<String>,
        /// Seconds for which a validated token is believed without asking Keystone again; a revoked token works so long.
        pub token_cache_time: Duration = "300",
        /// Deadline in seconds of one request to Keystone.
        pub http_connect_timeout: Duration = "10",
    }
}

macro_rules! service_section {
    ($(#[$doc:meta])* $name:ident, $section:literal) => {
        section! {
            $(#[$doc])*
            pub struct $name($section, shared) {
                /// Address of Keystone. Empty: credentials and address of [keystone_authtoken] are used.
                pub auth_url: Option<String>,
                /// User name; it needs the role admin.
                pub username: Option<String>,
                /// Password.
                pub password: SecretString = "",
                /// Project.
                pub project_name: String = "service",
                /// Domain of the user, by name.
                pub user_domain_name: String = "Default",
                /// Domain of the project, by name.
                pub project_domain_name: String = "Default",
                /// Region of the endpoint; empty: region_name of [keystone_authtoken], else the first.
                pub region_name: Option<String>,
                /// Endpoint interfaces in order of preference.
                pub valid_interfaces: Vec<String> = "internal",
                /// Address of the service; wins over the catalogue.
                pub endpoint_override: Option<String>,
                /// Deadline in seconds of one request, a new login included.
                pub timeout: Duration = "30",
                /// PEM file of certificate authorities; empty: that of [keystone_authtoken].
                pub cafile: Option<PathBuf>,
                /// Accept any certificate. For trials only.
                pub insecure: bool = "false",
            }
        }

        impl $name {
            /// A client as this section says; `default` is the session of `[keystone_authtoken]`, which is used when this
            /// section names no Keystone of its own.
            ///
            /// # Errors
            /// What is missing or misspelt.
            pub fn client(&self, service: ServiceType, default: &Session) -> Result<ServiceClient, SectionError> {
                let interfaces = interfaces($section, "valid_interfaces", &self.valid_interfaces)?;
                let region = self.region_name.clone().or_else(|| default.cloud().region.clone());
                let session = match &self.auth_url {
                    None => default.clone(),
                    Some(auth_url) => Session::new(Cloud {
                        auth_url: auth_url.clone(),
                        credentials: Credentials::Password {
                            username: self.username.clone().ok_or_else(|| missing($section, "username"))?,
                            user_domain: Domain::Name(self.user_domain_name.clone()),
                            password: given($section, "password", &self.password)?,
                            scope: Scope::Project {
                                name: self.project_name.clone(),
                                domain: Domain::Name(self.project_domain_name.clone()),
                            },
                        },
                        region: region.clone(),
                        interfaces: interfaces.clone(),
                        cafile: self.cafile.clone().or_else(|| default.cloud().cafile.clone()),
                        insecure: self.insecure,
                        timeout: default.cloud().timeout,
                        endpoint_overrides: BTreeMap::new(),
                    })?,
                };
                let endpoint = Endpoint { service, interfaces, region, address: self.endpoint_override.clone() };
                Ok(ServiceClient::new(session, endpoint, self.timeout))
            }
        }
    };
}

service_section! {
    /// How we talk to Nova.
    NovaSection, "nova"
}
service_section! {
    /// How we talk to Placement.
    PlacementSection, "placement"
}

section! {
    /// Where the operator's access rules are.
    pub struct OsloPolicySection("oslo_policy", shared) {
        /// File of overridden rules; relative to the directory of the configuration file. Absent file: defaults only.
        pub policy_file: PathBuf = "policy.yaml",
    }
}

/// All sections of this crate.
#[must_use]
pub fn sections() -> Vec<KnownSection> {
    vec![
        KnownSection::of::<KeystoneAuthtokenSection>(),
        KnownSection::of::<NovaSection>(),
        KnownSection::of::<PlacementSection>(),
        KnownSection::of::<OsloPolicySection>(),
    ]
}

/// A section from which no client can be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SectionError {
    /// An option that this use needs.
    #[error("[{section}] {key} is not set; it is needed to talk to keystone")]
    Missing {
        /// The section.
        section: &'static str,
        /// The option.
        key: &'static str,
    },
    /// An interface that does not exist.
    #[error("[{section}] {key}")]
    Interface {
        /// The section.
        section: &'static str,
        /// The option.
        key: &'static str,
        /// What is written there.
        #[source]
        source: UnknownInterface,
    },
    /// The session cannot be made.
    #[error(transparent)]
    Session(#[from] IdentityError),
}

impl KeystoneAuthtokenSection {
    /// The session of the service user.
    ///
    /// # Errors
    /// What is missing or misspelt.
    pub fn session(&self) -> Result<Session, SectionError> {
        Ok(Session::new(self.cloud()?)?)
    }

    /// Keystone's address for a 401's `WWW-Authenticate`.
    #[must_use]
    pub fn www_authenticate_uri(&self) -> &str {
        self.www_authenticate_uri
            .as_deref()
            .or(self.auth_url.as_deref())
            .unwrap_or_default()
    }

    fn cloud(&self) -> Result<Cloud, SectionError> {
        const NAME: &str = "keystone_authtoken";
        let domain = |id: &Option<String>, name: &String| match id {
            Some(id) => Domain::Id(id.clone()),
            None => Domain::Name(name.clone()),
        };
        let credentials = match &self.application_credential_id {
            Some(id) => Credentials::ApplicationCredential {
                id: id.clone(),
                secret: given(
                    NAME,
                    "application_credential_secret",
                    &self.application_credential_secret,
                )?,
            },
            None => Credentials::Password {
                username: self.username.clone().ok_or_else(|| missing(NAME, "username"))?,
                user_domain: domain(&self.user_domain_id, &self.user_domain_name),
                password: given(NAME, "password", &self.password)?,
                scope: Scope::Project {
                    name: self.project_name.clone(),
                    domain: domain(&self.project_domain_id, &self.project_domain_name),
                },
            },
        };
        Ok(Cloud {
            auth_url: self.auth_url.clone().ok_or_else(|| missing(NAME, "auth_url"))?,
            credentials,
            region: self.region_name.clone(),
            interfaces: interfaces(NAME, "interface", std::slice::from_ref(&self.interface))?,
            cafile: self.cafile.clone(),
            insecure: self.insecure,
            timeout: self.http_connect_timeout,
            endpoint_overrides: BTreeMap::new(),
        })
    }
}

const fn missing(section: &'static str, key: &'static str) -> SectionError {
    SectionError::Missing { section, key }
}

fn given(section: &'static str, key: &'static str, secret: &SecretString) -> Result<SecretString, SectionError> {
    if secret.expose_secret().is_empty() {
        Err(missing(section, key))
    } else {
        Ok(secret.clone())
    }
}

fn interfaces(section: &'static str, key: &'static str, names: &[String]) -> Result<Vec<Interface>, SectionError> {
    names
        .iter()
        .map(|name| {
            name.parse()
                .map_err(|source| SectionError::Interface { section, key, source })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use themis_config::Source;

    use super::*;

    fn keystone(text: &str) -> Result<Session, SectionError> {
        let text = format!("[keystone_authtoken]\n{text}");
        Source::from_text("t.conf", &text)
            .unwrap()
            .section::<KeystoneAuthtokenSection>()
            .unwrap()
            .session()
    }

    #[tokio::test]
    async fn what_is_missing_is_named_with_its_section() {
        let error = |text| keystone(text).unwrap_err().to_string();
        assert!(error("").starts_with("[keystone_authtoken] username is not set"));
        assert!(error("username = t\n").starts_with("[keystone_authtoken] password is not set"));
        assert!(error("username = t\npassword = p\n").starts_with("[keystone_authtoken] auth_url is not set"));
        let error = error("username = t\npassword = p\nauth_url = http://h\ncafile = /nonexistent.pem\n");
        assert_eq!(error, "cannot read cafile /nonexistent.pem");
    }

    #[tokio::test]
    async fn a_section_without_keystone_uses_the_session_of_the_service_user() {
        let session = keystone("username = t\npassword = p\nauth_url = http://h\nregion_name = R\n").unwrap();
        let client = |text: &str| {
            let source = Source::from_text("t.conf", text).unwrap();
            source
                .section::<NovaSection>()
                .unwrap()
                .client(ServiceType::COMPUTE, &session)
        };
        let own = client(
            "[nova]\nauth_url = http://other\nusername = nova\npassword = q\nvalid_interfaces = internal,publicURL\n",
        );
        let own = own.unwrap();
        assert_eq!(own.session().cloud().auth_url, "http://other");
        assert_eq!(
            own.session().cloud().interfaces,
            [Interface::Internal, Interface::Public]
        );
        let shared = client("[nova]\n").unwrap();
        assert_eq!(shared.session().cloud().auth_url, "http://h");
        assert_eq!(shared.endpoint().region.as_deref(), Some("R"));
        let error = client("[nova]\nvalid_interfaces = inside\n").unwrap_err().to_string();
        assert_eq!(error, "[nova] valid_interfaces");
    }

    #[test]
    fn no_secret_is_shown_by_debug() {
        let text = "[keystone_authtoken]\npassword = hunter2\napplication_credential_secret = hunter3\n";
        let section: KeystoneAuthtokenSection = Source::from_text("t.conf", text).unwrap().section().unwrap();
        assert!(!format!("{section:?}").contains("hunter"));
    }
}
