//! Where an operator's command line finds its cloud: `clouds.yaml` (with `secure.yaml`) and `OS_*` variables, as
//! openstacksdk reads them. Daemons do not use this; they have `[keystone_authtoken]`.
//!
//! A named cloud (`--os-cloud`, `OS_CLOUD`) is read from the first `clouds.yaml` found in the current directory,
//! `~/.config/openstack`, `/etc/openstack` or at `OS_CLIENT_CONFIG_FILE`; then variables do not count, but for the choice
//! of region and interface. Without a name the variables are the cloud. Vendor profiles are not supported.

mod environment;
mod file;

use std::collections::BTreeMap;

pub use environment::Environment;

use crate::keystone::{Cloud, UnknownInterface};

/// Why there is no cloud to talk to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloudsError {
    /// Nothing names a cloud.
    #[error(
        "no cloud is given; set OS_CLOUD or --os-cloud to a name in clouds.yaml, or OS_AUTH_URL and its companions"
    )]
    NoneGiven,
    /// No file was found.
    #[error("cloud '{name}' is wanted and there is no clouds.yaml in {places}")]
    NoFile {
        /// The cloud's name.
        name: String,
        /// Where was looked.
        places: String,
    },
    /// The file does not have it.
    #[error("{file} has no cloud '{name}'; it has: {known}")]
    Unknown {
        /// The file.
        file: String,
        /// The cloud's name.
        name: String,
        /// The names it has.
        known: String,
    },
    /// A file cannot be read.
    #[error("cannot read {file}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{file}, line {line}: {what}")]
    Yaml {
        /// The file.
        file: String,
        /// The line, from 1; 0 when unknown.
        line: u64,
        /// What the parser met.
        what: String,
    },
    /// Something is missing.
    #[error("{origin}: {key} is not set")]
    Missing {
        /// The file and cloud, or the environment.
        origin: String,
        /// What is missing.
        key: String,
    },
    /// An authentication type that is not supported.
    #[error("{origin}: auth type '{kind}' is not supported; use password, v3applicationcredential or token")]
    AuthType {
        /// The file and cloud, or the environment.
        origin: String,
        /// As written.
        kind: String,
    },
    /// An interface that does not exist.
    #[error("{origin}: interface")]
    Interface {
        /// The file and cloud, or the environment.
        origin: String,
        /// What is written.
        #[source]
        source: UnknownInterface,
    },
}

/// The cloud that `name` (an option of the command line) or the environment names.
///
/// # Errors
/// What is missing, with where to set it.
pub fn load(name: Option<&str>, environment: &Environment) -> Result<Cloud, CloudsError> {
    match name.or_else(|| environment.get("OS_CLOUD")) {
        Some(name) => file::load(name, environment),
        None if environment.get("OS_AUTH_URL").is_some() => environment::cloud(environment),
        None => Err(CloudsError::NoneGiven),
    }
}

/// Values of one cloud by their names in `clouds.yaml`'s `auth`, or `OS_` variables without the prefix in lower case.
type Values = BTreeMap<String, String>;
