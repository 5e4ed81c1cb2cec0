//! Where a Keystone is and who we are there: what a configuration section, `clouds.yaml` or `OS_*` variables say.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// Everything that a [`crate::Session`] needs.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// Keystone's address, with or without `/v3`; without it the version document there is asked.
    pub auth_url: String,
    /// Who we are.
    pub credentials: Credentials,
    /// Endpoints of this region only; `None` takes the first of any.
    pub region: Option<String>,
    /// Endpoint interfaces in order of preference.
    pub interfaces: Vec<Interface>,
    /// A PEM bundle trusted besides the system's.
    pub cafile: Option<PathBuf>,
    /// What we show to a server that asks who we are.
    pub certificate: Option<ClientCertificate>,
    /// Accept any certificate. For trials only.
    pub insecure: bool,
    /// Deadline of one login, and of a call whose section gives none.
    pub timeout: Duration,
    /// Addresses by service type that win over the catalogue.
    pub endpoint_overrides: BTreeMap<String, String>,
}

/// A certificate of ours with its key, both in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, with those between it and the authority if need be.
    pub certfile: PathBuf,
    /// The key; may be the same file.
    pub keyfile: PathBuf,
}

impl ClientCertificate {
    /// As options have it: without a file for the key it stands in that of the certificate.
    #[must_use]
    pub fn of(certfile: Option<&PathBuf>, keyfile: Option<&PathBuf>) -> Option<Self> {
        certfile.map(|certfile| Self {
            certfile: certfile.clone(),
            keyfile: keyfile.unwrap_or(certfile).clone(),
        })
    }
}

/// How to prove who we are.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// User and password.
    Password {
        /// The user.
        user: Person,
        /// The password.
        password: SecretString,
        /// What the token is for.
        scope: Scope,
    },
    /// An application credential; its project is part of it.
    ApplicationCredential {
        /// Which.
        credential: AppCredential,
        /// Its secret.
        secret: SecretString,
    },
    /// A token from elsewhere: it cannot be renewed beyond its own end.
    Token {
        /// The token.
        token: SecretString,
        /// What the new token is for.
        scope: Scope,
    },
}

/// A user, by id or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    /// By id.
    Id(String),
    /// By name.
    Named {
        /// The name.
        name: String,
        /// The user's domain.
        domain: Domain,
    },
}

/// An application credential, by id or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppCredential {
    /// By id.
    Id(String),
    /// By name, of which each user has his own.
    Named {
        /// The name.
        name: String,
        /// Whose it is.
        owner: Person,
    },
}

/// A domain, by id or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Domain {
    /// By id; `default` is the id of the first one.
    Id(String),
    /// By name.
    Name(String),
}

/// What a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// A project by name.
    Project {
        /// The project's name.
        name: String,
        /// The project's domain.
        domain: Domain,
    },
    /// A project by id.
    ProjectId(String),
    /// A domain.
    Domain(Domain),
    /// The project and the rights that somebody else entrusts us with, by the trust's id.
    Trust(String),
    /// The whole system.
    System,
    /// Nothing in particular; such a token has no catalogue.
    Unscoped,
}

/// Which of a service's endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// For everybody.
    Public,
    /// For services.
    Internal,
    /// For administrators, where it still exists.
    Admin,
}

impl Interface {
    /// As the catalogue writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

/// A text that names no interface.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown interface '{0}': public, internal or admin")]
pub struct UnknownInterface(pub String);

impl std::str::FromStr for Interface {
    type Err = UnknownInterface;
    /// Also takes the older `publicURL`, `internalURL`, `adminURL`.
    fn from_str(text: &str) -> Result<Self, UnknownInterface> {
        match text.trim().trim_end_matches("URL") {
            "public" => Ok(Self::Public),
            "internal" => Ok(Self::Internal),
            "admin" => Ok(Self::Admin),
            _ => Err(UnknownInterface(text.to_owned())),
        }
    }
}

impl Credentials {
    /// Who this is, for messages; never the secret.
    #[must_use]
    pub fn who(&self) -> String {
        match self {
            Self::Password { user, .. } => format!("user '{}'", user.shown()),
            Self::ApplicationCredential { credential, .. } => match credential {
                AppCredential::Id(id) => format!("application credential '{id}'"),
                AppCredential::Named { name, owner } => {
                    format!("application credential '{name}' of user '{}'", owner.shown())
                }
            },
            Self::Token { .. } => "the given token".to_owned(),
        }
    }
}

impl Person {
    fn shown(&self) -> &str {
        match self {
            Self::Id(text) | Self::Named { name: text, .. } => text,
        }
    }
}
