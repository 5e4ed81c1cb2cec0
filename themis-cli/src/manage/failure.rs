//! Why a command of `themis-manage` did not do what it was asked.

use std::path::PathBuf;

use themis_config::ConfigError;
use themis_db::StoreError;
use themis_db::connect::ConnectError;
use themis_db::masakari::import::ImportError;
use themis_fencing::seal::SealError;

use themis_openstack::config::SectionError;
use themis_openstack::policy::PolicyError;

use crate::exit::Exit;

/// A failure. The text is what the administrator reads.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A section, or a file that it names, cannot be used.
    #[error(transparent)]
    Section(#[from] SectionError),
    /// The access rules cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The database cannot be opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database did not do it.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// `--max_rows` out of range.
    #[error("--max-rows must be greater than 0, or -1 for as many rows as there are")]
    MaxRows,
    /// `--age_in_days` out of range.
    #[error("--age-in-days must not be negative")]
    AgeNegative,
    /// `--age_in_days` before all time.
    #[error("--age-in-days is at most the count of days since 1970")]
    AgeTooLarge,
    /// Where to import from is not said.
    #[error(
        "name Masakari's database: --from-file FILE (its URL, or /etc/masakari/masakari.conf), the variable THEMIS_IMPORT_FROM, \
         or --from URL"
    )]
    NoFrom,
    /// The file with the URL cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    FromFile {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file has no URL.
    #[error("{} holds neither a URL alone nor [database] connection", file.display())]
    FromFileEmpty {
        /// The file.
        file: PathBuf,
    },
    /// Masakari's database cannot be opened.
    #[error("the database to import from: {0}")]
    From(#[source] ConnectError),
    /// Nothing was imported, or not all.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Some rows were left as they are.
    #[error("the rows named as conflicts were left as they are; everything else was copied")]
    ImportConflicts {
        /// What was done, and which rows.
        report: String,
    },
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
    /// What was done all the same, for standard output.
    #[must_use]
    pub fn report(&self) -> Option<&str> {
        match self {
            Self::ImportConflicts { report } => Some(report),
            _ => None,
        }
    }

    /// The exit code.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::MaxRows | Self::AgeNegative | Self::AgeTooLarge | Self::NoFrom => Exit::Usage,
            Self::FromFile { .. } | Self::FromFileEmpty { .. } => Exit::Usage,
            Self::Section(_) | Self::Policy(_) => Exit::Usage,
            Self::Connect(error) | Self::From(error) => match error {
                ConnectError::Target(_) | ConnectError::SslMode { .. } => Exit::Usage,
                ConnectError::Denied { .. } => Exit::NotAuthorised,
                ConnectError::NoDatabase { .. } => Exit::NotFound,
                _ => Exit::Unavailable,
            },
            Self::Store(error) | Self::Import(ImportError::Store(error)) if error.is_outage() => Exit::Unavailable,
            Self::Import(_) | Self::ImportConflicts { .. } => Exit::Failed,
            Self::Store(_) | Self::KeyExists { .. } | Self::KeyFile { .. } | Self::Key(_) => Exit::Failed,
        }
    }
}
