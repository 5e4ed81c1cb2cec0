//! Logs in oslo.log's default line format, which deployed log shippers parse by a regular expression:
//! `2026-11-20 08:31:17.746 5072 INFO themis.engine [-] text key=value`. UTC; secrets are never passed to it.

mod format;
mod request;

use std::fs::OpenOptions;

use tracing_subscriber::EnvFilter;

use format::{OsloJson, OsloLine};
pub use request::{RequestContext, attach};

themis_config::section! {
    /// Logging options of `[DEFAULT]`, under oslo.log's names.
    pub struct LoggingSection("default", shared) {
        /// Log at level DEBUG instead of INFO.
        pub debug: bool = "false",
        /// File to append log lines to; standard error when empty.
        pub log_file: Option<std::path::PathBuf>,
        /// One JSON object per line instead of oslo.log's default format.
        pub use_json: bool = "false",
    }
}

/// Installs the process's logger.
///
/// # Errors
/// The log file cannot be opened, or a logger is installed already.
pub fn install(section: &LoggingSection, debug: bool) -> anyhow::Result<()> {
    let level = if debug || section.debug { "debug" } else { "info" };
    let filter = EnvFilter::try_from_env("THEMIS_LOG")
        .unwrap_or_else(|_| EnvFilter::new(format!("warn,lapin=off,themis={level},{}", ours(level))));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    let installed = match (&section.log_file, section.use_json) {
        (None, false) => builder.event_format(OsloLine).with_writer(std::io::stderr).try_init(),
        (None, true) => builder.event_format(OsloJson).with_writer(std::io::stderr).try_init(),
        (Some(path), json) => {
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|error| anyhow::anyhow!("cannot open [DEFAULT] log_file {}: {error}", path.display()))?;
            if json {
                builder.event_format(OsloJson).with_writer(file).try_init()
            } else {
                builder.event_format(OsloLine).with_writer(file).try_init()
            }
        }
    };
    installed.map_err(|error| anyhow::anyhow!("logging: {error}"))
}

fn ours(level: &str) -> String {
    [
        "core",
        "config",
        "service",
        "openstack",
        "messaging",
        "fencing",
        "db",
        "decision",
        "engine",
        "api",
        "hostmonitor",
    ]
    .map(|name| format!("themis_{name}={level}"))
    .join(",")
}
