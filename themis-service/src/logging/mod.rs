//! Logs in oslo.log's default line format, which deployed log shippers parse by a regular expression:
//! `2026-11-20 08:31:17.746 5072 INFO themis.engine [-] text key=value`. UTC; secrets are never passed to it.
//!
//! Where the lines go is said under oslo.log's names: a file (`file`), syslog or the journal (`local`), standard error;
//! several at once if need be.

mod file;
mod format;
mod levels;
mod local;
mod request;

use std::path::{Path, PathBuf};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use file::WatchedFile;
use format::{OsloJson, OsloLine};
use local::LocalLog;
pub use request::{RequestContext, attach};

themis_config::section! {
    /// Logging options of `[DEFAULT]`, under oslo.log's names.
    pub struct LoggingSection("default", shared) {
        /// Log at level DEBUG instead of INFO.
        pub debug: bool = "false",
        /// File to append log lines to, in log_dir if that is set. It is opened anew when it was moved. Standard error when neither is set.
        pub log_file | "logfile": Option<PathBuf>,
        /// Directory of the log file; without log_file each program writes a file of its own there, themis-api.log for instance.
        pub log_dir | "logdir": Option<PathBuf>,
        /// One JSON object per line instead of oslo.log's default format.
        pub use_json: bool = "false",
        /// Log to standard error too.
        pub use_stderr: bool = "false",
        /// Log to syslog too, by /dev/log.
        pub use_syslog: bool = "false",
        /// Facility for syslog and journal: LOG_USER, LOG_DAEMON, LOG_LOCAL0 to LOG_LOCAL7 and so on.
        pub syslog_log_facility: String = "LOG_USER",
        /// Log to the journal of systemd, instead of standard error when no file is set.
        pub use_journal: bool = "false",
        /// Levels of parts of Themis, such as themis.engine=DEBUG. Names of Python's libraries have no effect.
        pub default_log_levels: Vec<String> = "",
    }
}

impl LoggingSection {
    /// As oslo.log puts it together.
    fn file(&self, program: &str) -> Option<PathBuf> {
        let directory = self.log_dir.as_deref();
        match (&self.log_file, directory) {
            (Some(file), directory) => Some(directory.unwrap_or_else(|| Path::new("")).join(file)),
            (None, Some(directory)) => Some(directory.join(format!("{program}.log"))),
            (None, None) => None,
        }
    }
}

type Sink = Box<dyn Layer<Registry> + Send + Sync>;

/// Installs the process's logger.
///
/// # Errors
/// The log file cannot be opened, an option makes no sense, or a logger is installed already.
pub fn install(section: &LoggingSection, debug: bool) -> anyhow::Result<()> {
    let filter = levels::filter(debug || section.debug, &section.default_log_levels)?;
    tracing_subscriber::registry()
        .with(sinks(section, &program())?)
        .with(filter)
        .try_init()
        .map_err(|error| anyhow::anyhow!("logging: {error}"))
}

/// Installs a logger that tells everything on standard error, for a command line that is asked to.
///
/// # Errors
/// A logger is installed already.
pub fn install_for_debugging() -> anyhow::Result<()> {
    tracing_subscriber::registry()
        .with(sink(std::io::stderr, false))
        .with(levels::filter(true, &[])?)
        .try_init()
        .map_err(|error| anyhow::anyhow!("logging: {error}"))
}

fn sinks(section: &LoggingSection, program: &str) -> anyhow::Result<Vec<Sink>> {
    let json = section.use_json;
    let facility = section.syslog_log_facility.parse()?;
    let mut sinks = Vec::new();
    let file = section.file(program);
    if let Some(path) = &file {
        let open = WatchedFile::open(path.clone())
            .map_err(|error| anyhow::anyhow!("cannot open [DEFAULT] log_file {}: {error}", path.display()))?;
        sinks.push(sink(open, json));
    }
    if section.use_journal {
        sinks.push(sink(LocalLog::journal(program, facility)?, json));
    }
    if section.use_syslog {
        sinks.push(sink(LocalLog::syslog(program, facility)?, json));
    }
    // As in oslo.log, syslog alone is not enough to be silent otherwise.
    if section.use_stderr || (file.is_none() && !section.use_journal) {
        sinks.push(sink(std::io::stderr, json));
    }
    Ok(sinks)
}

fn sink<W>(writer: W, json: bool) -> Sink
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer);
    if json {
        layer.event_format(OsloJson).boxed()
    } else {
        layer.event_format(OsloLine).boxed()
    }
}

/// The name under which this program was started.
fn program() -> String {
    let first = std::env::args_os().next().map(PathBuf::from);
    let name = first.as_deref().and_then(Path::file_name);
    name.map_or_else(|| "themis".to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use themis_config::Source;

    use super::*;

    fn section(text: &str) -> LoggingSection {
        Source::from_text("t.conf", &format!("[DEFAULT]\n{text}"))
            .unwrap()
            .section()
            .unwrap()
    }

    #[test]
    fn file_and_directory_are_put_together_as_oslo_log_does() {
        let file = |text: &str| section(text).file("themis-api").map(|path| path.display().to_string());
        assert_eq!(file(""), None);
        assert_eq!(
            file("log_dir = /var/log/themis\n").as_deref(),
            Some("/var/log/themis/themis-api.log")
        );
        assert_eq!(
            file("log_dir = /var/log\nlog_file = x.log\n").as_deref(),
            Some("/var/log/x.log")
        );
        assert_eq!(
            file("log_dir = /var/log\nlog_file = /tmp/x.log\n").as_deref(),
            Some("/tmp/x.log")
        );
        assert_eq!(file("logfile = x.log\n").as_deref(), Some("x.log"));
    }

    #[test]
    fn lines_go_where_oslo_log_would_send_them() {
        let count = |text: &str| sinks(&section(text), "x").map(|sinks| sinks.len());
        assert_eq!(count("").unwrap(), 1);
        assert_eq!(count("use_journal = true\n").unwrap(), 1);
        assert_eq!(count("use_syslog = true\n").unwrap(), 2);
        assert_eq!(count("log_file = /dev/null\n").unwrap(), 1);
        assert_eq!(
            count("log_file = /dev/null\nuse_stderr = true\nuse_syslog = 1\n").unwrap(),
            3
        );
        let error = count("log_file = /nonexistent/x.log\n").unwrap_err().to_string();
        assert!(
            error.starts_with("cannot open [DEFAULT] log_file /nonexistent/x.log"),
            "{error}"
        );
    }
}
