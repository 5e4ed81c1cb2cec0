//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Administer Themis: its database, keys and configuration.
#[derive(Debug, Parser)]
#[command(name = "themis-manage", version, max_term_width = 100)]
pub struct Command {
    /// Where values come from.
    #[command(flatten)]
    pub files: ConfigFiles,
    /// What.
    #[command(subcommand)]
    pub(super) noun: Noun,
}

/// `--config-file`.
#[derive(Debug, Args)]
pub struct ConfigFiles {
    /// Configuration file; may be given several times, a later file wins
    #[arg(long, global = true, value_name = "FILE", default_value = "/etc/themis/themis.conf")]
    pub config_file: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Noun {
    /// The database's schema
    #[command(subcommand)]
    Db(Db),
    /// The key that seals the passwords of power devices
    #[command(subcommand)]
    Keys(Keys),
    /// The configuration
    #[command(subcommand)]
    Config(Config),
}

#[derive(Debug, Subcommand)]
pub(super) enum Db {
    /// Bring the schema up to date; run it once per upgrade, before the new daemons start
    Sync,
    /// Show where the schema stands
    Version,
}

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Write a new key to a file that does not exist yet
    Create {
        /// Name it in [fencing] key_file of every controller
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Read the configuration as the daemons do and say what is wrong
    Check,
}
