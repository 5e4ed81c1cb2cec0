//! Command-line options that all daemons share.

use std::path::PathBuf;

/// `--config-file`, `--config-dir`, `--debug`.
#[derive(Debug, Clone, clap::Args)]
pub struct CommonOptions {
    /// Configuration file; may be given several times, a later file wins
    #[arg(long, value_name = "FILE", default_value = "/etc/themis/themis.conf")]
    pub config_file: Vec<PathBuf>,
    /// Directory of further files (*.conf, in the order of their names) that win over --config-file; may be given several
    /// times. /etc/themis/themis.conf.d if it exists and none is given
    #[arg(long, value_name = "DIRECTORY")]
    pub config_dir: Vec<PathBuf>,
    /// Log at level DEBUG, whatever [DEFAULT] debug says
    #[arg(long)]
    pub debug: bool,
}
