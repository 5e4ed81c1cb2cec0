//! Command-line options that all daemons share.

use std::path::PathBuf;

/// `--config-file`, `--debug`.
#[derive(Debug, Clone, clap::Args)]
pub struct CommonOptions {
    /// Configuration file; may be given several times, a later file wins
    #[arg(long, value_name = "FILE", default_value = "/etc/themis/themis.conf")]
    pub config_file: Vec<PathBuf>,
    /// Log at level DEBUG, whatever [DEFAULT] debug says
    #[arg(long)]
    pub debug: bool,
}
