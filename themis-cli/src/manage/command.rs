//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use secrecy::SecretString;

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

/// `--config-file` and `--config-dir`.
#[derive(Debug, Args)]
pub struct ConfigFiles {
    /// Configuration file; may be given several times, a later file wins
    #[arg(long, global = true, value_name = "FILE", default_value = "/etc/themis/themis.conf")]
    pub config_file: Vec<PathBuf>,
    /// Directory of further files (*.conf, in the order of their names) that win over --config-file; may be given several
    /// times. /etc/themis/themis.conf.d if it exists and none is given
    #[arg(long, global = true, value_name = "DIRECTORY")]
    pub config_dir: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Noun {
    /// The database: its schema, its old rows, and what Masakari left
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
    /// Bring the schema up to date, before the new daemons start
    ///
    /// Changes nothing when there is nothing to do. Killed in the middle it is gone on with by the next; several may run
    /// at once. A database that Masakari used is taken over as it is, if its tables
    /// are those of Masakari 22 (revision 13adff5efb9a): stop Masakari for good first. Notifications that Masakari had not
    /// finished are set to 'failed' and listed. Any other tables of these names are refused, with every difference.
    Sync,
    /// Show where the schema stands
    Version,
    /// Remove rows that ended long ago
    ///
    /// As masakari-manage does it: deleted segments, hosts and vmoves by the time of their deletion; notifications that
    /// are finished, failed or ignored by the time of their last change. With a notification go its vmoves,
    /// corroborations, incidents, decision records and workflow logs; settled requests and refused reports go too. What an
    /// open incident or an unsettled notification needs stays. Rows go in small batches; a purge that is cut off is gone on with by the next.
    Purge(Purge),
    /// Copy segments, hosts, notifications and vmoves from a database of Masakari
    ///
    /// Uuids, times and, where they are free, the integer ids stay. May be run again: what is there already is left
    /// alone, what differs is named and left as it is here. The source is only read. Notifications that Masakari had not
    /// finished are copied as 'failed' and listed: nobody is fenced for a report that may be days old. Stop Masakari
    /// before the last run: two engines must never work on the same hosts.
    ImportMasakari(Import),
}

#[derive(Debug, Args)]
pub(super) struct Purge {
    /// Keep what ended within so many days
    #[arg(
        long,
        alias = "age_in_days",
        value_name = "DAYS",
        default_value_t = 30,
        allow_negative_numbers = true
    )]
    pub(super) age_in_days: i64,
    /// Remove so many rows at most, all tables together; -1: as many as there are
    #[arg(long, alias = "max_rows", value_name = "ROWS", default_value_t = -1, allow_negative_numbers = true)]
    pub(super) max_rows: i64,
    /// Only say what would be removed
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// Masakari's database as a URL; a password in it is seen by everybody who lists processes
    #[arg(
        long,
        value_name = "mysql://USER:PASSWORD@HOST/NAME",
        env = "THEMIS_IMPORT_FROM",
        hide_env_values = true
    )]
    pub(super) from: Option<SecretString>,
    /// A file to read that URL from: the URL alone, or a configuration file with [database] connection, for instance
    /// /etc/masakari/masakari.conf
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    pub(super) from_file: Option<PathBuf>,
    /// Only say what would be copied
    #[arg(long)]
    pub(super) dry_run: bool,
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
    /// Read the configuration, and the files that it names, as the daemons do and say what is wrong
    Check,
}
