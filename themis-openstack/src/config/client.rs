//! `[nova]` and `[placement]`: which endpoint, and as whom when not as the user of `[keystone_authtoken]`.

use std::path::PathBuf;
use std::time::Duration;

use themis_config::{ConfigError, Key, Section, Source, section};

use super::auth::Auth;
use super::{SectionError, interfaces, masakari};
use crate::keystone::{ClientCertificate, Cloud, ServiceType, Session};
use crate::service::{Endpoint, ServiceClient};

section! {
    /// What stands in such a section beside the credentials.
    pub(super) struct ClientOptions("nova", shared) {
        /// Region of the endpoint; empty: region_name of [keystone_authtoken], else the first.
        pub(super) region_name: Option<String>,
        /// Endpoint interfaces in order of preference.
        pub(super) valid_interfaces | "interface": Vec<String> = "internal",
        /// Address of the service; wins over the catalogue.
        pub(super) endpoint_override: Option<String>,
        /// Deadline in seconds of one request, a new login included.
        pub(super) timeout: Duration = "30",
        /// PEM file of certificate authorities; empty: that of [keystone_authtoken].
        pub(super) cafile: Option<PathBuf>,
        /// PEM file of our own certificate; empty: that of [keystone_authtoken].
        pub(super) certfile: Option<PathBuf>,
        /// PEM file of its key; empty: it stands in certfile.
        pub(super) keyfile: Option<PathBuf>,
        /// Accept any certificate. For trials only.
        pub(super) insecure: bool = "false",
    }
}

/// One client's section. Without credentials of its own it uses those of `[keystone_authtoken]`.
#[derive(Debug, Clone)]
pub(super) struct ClientSection {
    name: &'static str,
    pub(super) auth: Auth,
    pub(super) options: ClientOptions,
}

impl ClientSection {
    fn read(source: &Source, name: &'static str) -> Result<Self, ConfigError> {
        Ok(Self {
            name,
            auth: Auth::read(source, name)?,
            options: ClientOptions::read(source, name)?,
        })
    }

    /// The same where a file of Masakari's says who its user in Nova is, in its own words.
    fn read_nova(source: &Source, name: &'static str) -> Result<Self, ConfigError> {
        let mut section = Self::read(source, name)?;
        masakari::complete(source, &mut section)?;
        Ok(section)
    }

    fn client(&self, service: ServiceType, default: &Session) -> Result<ServiceClient, SectionError> {
        let options = &self.options;
        let endpoint = Endpoint {
            service,
            interfaces: interfaces(self.name, "valid_interfaces", &options.valid_interfaces)?,
            region: options.region_name.clone().or_else(|| default.cloud().region.clone()),
            address: options.endpoint_override.clone(),
        };
        let session = self.session(&endpoint, default)?;
        Ok(ServiceClient::new(session, endpoint, options.timeout))
    }

    /// The shared session, unless this section names somebody else or trusts otherwise.
    fn session(&self, endpoint: &Endpoint, default: &Session) -> Result<Session, SectionError> {
        let (options, shared) = (&self.options, default.cloud());
        let cafile = options.cafile.clone().or_else(|| shared.cafile.clone());
        let certificate = ClientCertificate::of(options.certfile.as_ref(), options.keyfile.as_ref());
        let certificate = certificate.or_else(|| shared.certificate.clone());
        let trusts_alike = cafile == shared.cafile && certificate == shared.certificate;
        let trusts_alike = trusts_alike && (!options.insecure || shared.insecure);
        let own = self.auth.is_given();
        if !own && trusts_alike {
            return Ok(default.clone());
        }
        let (auth_url, credentials, insecure) = if own {
            let auth_url = self.auth.needed_auth_url()?;
            (auth_url, self.auth.credentials()?, options.insecure)
        } else {
            let insecure = options.insecure || shared.insecure;
            (shared.auth_url.clone(), shared.credentials.clone(), insecure)
        };
        Ok(Session::new(Cloud {
            auth_url,
            credentials,
            region: endpoint.region.clone(),
            interfaces: endpoint.interfaces.clone(),
            cafile,
            certificate,
            insecure,
            ..shared.clone()
        })?)
    }
}

macro_rules! client_section {
    ($(#[$doc:meta])* $name:ident, $section:literal, $read:ident, $former:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(ClientSection);

        impl Section for $name {
            const NAME: &'static str = $section;
            const STRICT: bool = false;

            fn keys() -> Vec<Key> {
                let keys = Auth::keys().into_iter().chain(ClientOptions::keys());
                keys.map($former).collect()
            }

            fn read(source: &Source, _: &str) -> Result<Self, ConfigError> {
                ClientSection::$read(source, $section).map(Self)
            }
        }

        impl $name {
            /// A client as this section says; `default` is the session of `[keystone_authtoken]`, which is used when this
            /// section names nobody.
            ///
            /// # Errors
            /// What is missing or misspelt.
            pub fn client(&self, service: ServiceType, default: &Session) -> Result<ServiceClient, SectionError> {
                self.0.client(service, default)
            }
        }
    };
}

client_section! {
    /// How we talk to Nova.
    NovaSection, "nova", read_nova, masakari::with_former
}
client_section! {
    /// How we talk to Placement.
    PlacementSection, "placement", read, std::convert::identity
}
