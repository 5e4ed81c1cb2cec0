//! The sections `[keystone_authtoken]`, `[nova]`, `[placement]` and `[oslo_policy]`, as operators write them for any
//! OpenStack service, and the clients that follow from them.
//!
//! The names are oslo's; keys of oslo's that are not listed are left alone. `[nova]` and `[placement]` may leave out the
//! credentials: then those of `[keystone_authtoken]` are used, with one shared session.
//!
//! Read next: `auth` (credentials in any of them), `keystone`, `client`, `policy`; `masakari` for what a
//! `masakari.conf` says in other words.

mod auth;
mod client;
mod keystone;
mod masakari;
mod policy;

pub use client::{NovaSection, PlacementSection};
pub use keystone::{KeystoneAuthtokenSection, KeystoneOptions};
pub use policy::OsloPolicySection;

use themis_config::KnownSection;

use crate::error::IdentityError;
use crate::keystone::{Interface, UnknownInterface};
use crate::token::KeysError;

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
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SectionError {
    /// An option that this use needs.
    #[error("[{section}] {key} is not set; it is needed to talk to keystone")]
    Missing {
        /// The section.
        section: String,
        /// The option.
        key: &'static str,
    },
    /// A way of logging in that we do not have.
    #[error("[{section}] auth_type '{kind}' is not supported; use password or v3applicationcredential")]
    AuthType {
        /// The section.
        section: String,
        /// As written.
        kind: String,
    },
    /// A part of the system, which Keystone does not have.
    #[error("[{section}] system_scope '{given}' does not exist; write all, or leave it out")]
    SystemScope {
        /// The section.
        section: String,
        /// As written.
        given: String,
    },
    /// Keystone gives a token for one of them.
    #[error("[{section}] names two scopes, {one} and {other}; keep one")]
    TwoScopes {
        /// The section.
        section: String,
        /// One.
        one: &'static str,
        /// Another.
        other: &'static str,
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
    /// Keystone's public keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
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
mod tests;
