//! `themis-status upgrade check`, in the manner of every OpenStack service: 0 all is well, 1 warnings, 2 failures, 255
//! the check itself broke. Run before new code starts; it changes nothing.

mod checks;
pub mod manual;
mod report;

use clap::{Parser, Subcommand};
use themis_config::Source;

use crate::exit::one_line;
use crate::manage::ConfigFiles;

/// Look for what stands in the way of an upgrade.
#[derive(Debug, Parser)]
#[command(name = "themis-status", version, max_term_width = 100)]
pub struct Command {
    /// Where values come from.
    #[command(flatten)]
    files: ConfigFiles,
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// Before and after an upgrade
    #[command(subcommand)]
    Upgrade(Upgrade),
}

#[derive(Debug, Subcommand)]
enum Upgrade {
    /// Check that the new version can run
    ///
    /// Exit code: 0 all is well, 1 warnings, 2 failures, 255 the check itself broke.
    Check {
        /// Print JSON, with results as numbers: 0 success, 1 warning, 2 failure
        #[arg(long)]
        json: bool,
    },
}

/// Does what the command says: what to print, and the exit code.
pub async fn run(command: Command) -> (String, u8) {
    let Noun::Upgrade(Upgrade::Check { json }) = command.noun;
    let files = &command.files;
    let source = match Source::load_with_directories(&files.config_file, &files.config_dir, std::env::vars()) {
        Ok(source) => source,
        Err(error) => return (format!("themis-status: {}\n", one_line(&error)), 255),
    };
    let findings = checks::all(&source, &command.files.config_file).await;
    report::shown(&findings, json)
}
