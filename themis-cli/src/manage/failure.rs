//! Why a command of `themis-manage` did not do what it was asked.

use std::path::PathBuf;

use themis_config::ConfigError;
use themis_db::StoreError;
use themis_db::connect::ConnectError;
use themis_fencing::seal::SealError;

use crate::exit::Exit;

/// A failure. The text is what the administrator reads.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database cannot be opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database did not do it.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// A key would be replaced.
    #[error(
        "{} exists already and is left as it is: passwords sealed with a key are lost with it; name another file",
        file.display()
    )]
    KeyExists {
        /// The file.
        file: PathBuf,
    },
    /// The key file cannot be written.
    #[error("cannot write {}: {source}", file.display())]
    KeyFile {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No key could be made.
    #[error(transparent)]
    Key(#[from] SealError),
}

impl Failure {
    /// The exit code.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::Connect(ConnectError::Target(_) | ConnectError::SslMode { .. }) => Exit::Usage,
            Self::Connect(ConnectError::Denied { .. }) => Exit::NotAuthorised,
            Self::Connect(ConnectError::NoDatabase { .. }) => Exit::NotFound,
            Self::Connect(_) => Exit::Unavailable,
            Self::Store(error) if error.is_outage() => Exit::Unavailable,
            Self::Store(_) | Self::KeyExists { .. } | Self::KeyFile { .. } | Self::Key(_) => Exit::Failed,
        }
    }
}
