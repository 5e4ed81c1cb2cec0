//! `[keystone_authtoken]`: our own session, and how the tokens of our callers are judged.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use themis_config::{ConfigError, Key, Section, Source, section};

use super::auth::Auth;
use super::{SectionError, interfaces};
use crate::keystone::{ClientCertificate, Cloud, Session};
use crate::token::{JwsKeys, ServiceTokens, TokenValidator};

section! {
    /// What stands in this section beside the credentials.
    pub struct KeystoneOptions("keystone_authtoken", shared) {
        /// Which endpoint of Keystone tokens are validated at: public, internal or admin.
        pub interface: String = "internal",
        /// Region of the endpoints; empty takes the first.
        pub region_name: Option<String>,
        /// PEM file of certificate authorities to trust besides the system's.
        pub cafile: Option<PathBuf>,
        /// PEM file of our own certificate, where Keystone or a service asks for one.
        pub certfile: Option<PathBuf>,
        /// PEM file of its key; empty: it stands in certfile.
        pub keyfile: Option<PathBuf>,
        /// Accept any certificate. For trials only.
        pub insecure: bool = "false",
        /// Keystone's address for clients, shown with a 401. Empty: auth_url.
        pub www_authenticate_uri | "auth_uri": Option<String>,
        /// Seconds for which a validated token is believed without asking Keystone again; a revoked token works so long. -1: Keystone is asked every time.
        pub token_cache_time: i64 = "300",
        /// Deadline in seconds of one request to Keystone.
        pub http_connect_timeout: Duration = "10",
        /// How often Keystone is asked about a token again, within that deadline, when no connection was made or it broke.
        pub http_request_max_retries: u32 = "3",
        /// Roles of which whoever sends X-Service-Token must have one. Its bearer may bring an expired user's token.
        pub service_token_roles: Vec<String> = "service",
        /// Refuse a service token without such a role.
        pub service_token_roles_required: bool = "true",
        /// Our service type, which access rules of application credentials name.
        pub service_type: String = "instance-ha",
        /// Directory of Keystone's public keys (*.pem) for [token] provider = jws: tokens that none of them has signed are
        /// refused without asking Keystone. Read again when it changes. Empty: every token is asked about.
        pub jws_keys_dir: Option<PathBuf>,
    }
}

/// `[keystone_authtoken]`.
#[derive(Debug, Clone)]
pub struct KeystoneAuthtokenSection {
    auth: Auth,
    /// All but the credentials.
    pub options: KeystoneOptions,
}

impl Section for KeystoneAuthtokenSection {
    const NAME: &'static str = "keystone_authtoken";
    const STRICT: bool = false;

    fn keys() -> Vec<Key> {
        Auth::keys().into_iter().chain(KeystoneOptions::keys()).collect()
    }

    fn read(source: &Source, name: &str) -> Result<Self, ConfigError> {
        Ok(Self {
            auth: Auth::read(source, name)?,
            options: KeystoneOptions::read(source, name)?,
        })
    }
}

impl KeystoneAuthtokenSection {
    /// The session of the service user.
    ///
    /// # Errors
    /// What is missing or misspelt.
    pub fn session(&self) -> Result<Session, SectionError> {
        let options = &self.options;
        Ok(Session::new(Cloud {
            credentials: self.auth.credentials()?,
            auth_url: self.auth.needed_auth_url()?,
            region: options.region_name.clone(),
            interfaces: interfaces(Self::NAME, "interface", std::slice::from_ref(&options.interface))?,
            cafile: options.cafile.clone(),
            certificate: ClientCertificate::of(options.certfile.as_ref(), options.keyfile.as_ref()),
            insecure: options.insecure,
            timeout: options.http_connect_timeout,
            endpoint_overrides: BTreeMap::new(),
        })?)
    }

    /// What judges our callers' tokens, asking Keystone with `session`.
    ///
    /// # Errors
    /// `jws_keys_dir` cannot be used.
    pub fn validator(&self, session: &Session) -> Result<TokenValidator, SectionError> {
        let options = &self.options;
        let keys = options.jws_keys_dir.as_deref().map(JwsKeys::load).transpose()?;
        let services = ServiceTokens {
            roles: options.service_token_roles.clone(),
            roles_required: options.service_token_roles_required,
            service_type: options.service_type.clone(),
        };
        let believe_for = Duration::from_secs(options.token_cache_time.try_into().unwrap_or(0));
        Ok(TokenValidator::new(session, believe_for)
            .with_jws(keys)
            .with_services(services)
            .with_retries(options.http_request_max_retries))
    }

    /// Keystone's address for a 401's `WWW-Authenticate`.
    #[must_use]
    pub fn www_authenticate_uri(&self) -> &str {
        let own = self.options.www_authenticate_uri.as_deref();
        own.or_else(|| self.auth.auth_url()).unwrap_or_default()
    }
}
