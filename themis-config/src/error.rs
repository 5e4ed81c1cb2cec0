//! What can be wrong with a configuration. Each message names the file and what to write instead.

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {file}: {source}; give another with --config-file")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A directory of files cannot be read.
    #[error("cannot read the directory {directory}: {source}; give another with --config-dir")]
    ReadDirectory {
        /// The directory.
        directory: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not INI.
    #[error("{file}, line {line}: {what}")]
    Syntax {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What the parser met.
        what: String,
    },
    /// A section that no program of Themis knows.
    #[error("{file}: unknown section [{section}]{hint}")]
    UnknownSection {
        /// The file.
        file: String,
        /// The section.
        section: String,
        /// "; did you mean [x]?" or nothing.
        hint: String,
    },
    /// A key that the section does not have.
    #[error("{file}: unknown key '{key}' in [{section}]{hint}")]
    UnknownKey {
        /// Where it stands.
        file: String,
        /// The section.
        section: String,
        /// The key.
        key: String,
        /// "; did you mean 'x'?" or nothing.
        hint: String,
    },
    /// A value of the wrong kind.
    #[error("{file}: [{section}] {key}: {what}")]
    BadValue {
        /// Where it stands.
        file: String,
        /// The section.
        section: String,
        /// The key.
        key: String,
        /// What is wanted.
        what: String,
    },
    /// A key without default that is absent.
    #[error("{file}: [{section}] {key} is not set; it has no default")]
    Missing {
        /// The file that should have it.
        file: String,
        /// The section.
        section: String,
        /// The key.
        key: String,
    },
}
