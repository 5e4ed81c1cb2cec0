//! Logs in oslo.log's default line format, which deployed log shippers parse by a regular expression:
//! `2026-11-20 08:31:17.746 5072 INFO themis.engine [-] text key=value`. UTC; secrets are never passed to it.

use std::fmt;
use std::fs::OpenOptions;

use time::OffsetDateTime;
use time::macros::format_description;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Span, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Registry};

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
        (None, false) => builder.event_format(OsloFormat).with_writer(std::io::stderr).try_init(),
        (None, true) => builder.json().with_writer(std::io::stderr).try_init(),
        (Some(path), json) => {
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|error| anyhow::anyhow!("cannot open [DEFAULT] log_file {}: {error}", path.display()))?;
            if json {
                builder.json().with_writer(file).try_init()
            } else {
                builder.event_format(OsloFormat).with_writer(file).try_init()
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

/// oslo.log's default line format.
#[derive(Debug, Clone, Copy)]
struct OsloFormat;

impl<S, N> FormatEvent<S, N> for OsloFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]");
        let now = OffsetDateTime::now_utc().format(&format).map_err(|_| fmt::Error)?;
        let level = match *event.metadata().level() {
            Level::ERROR => "ERROR",
            Level::WARN => "WARNING",
            Level::INFO => "INFO",
            Level::DEBUG | Level::TRACE => "DEBUG",
        };
        let target = event
            .metadata()
            .target()
            .replacen("themis_", "themis.", 1)
            .replace("::", ".");
        let mut request = RequestId(None);
        if let Some(scope) = context.event_scope() {
            for span in scope {
                if let Some(id) = span.extensions().get::<RequestContext>() {
                    request.0 = Some(id.0.clone());
                }
            }
        }
        write!(
            out,
            "{now} {} {level} {target} [{}] ",
            std::process::id(),
            request.0.as_deref().unwrap_or("-")
        )?;
        let mut line = Line {
            message: String::new(),
            fields: String::new(),
        };
        event.record(&mut line);
        writeln!(out, "{}{}", line.message, line.fields)
    }
}

/// A request's identity, put into a span's extensions by the API so that each line of the request shows it:
/// `<global id or None> <request id> <user> <project> - - <user domain> <project domain>`.
#[derive(Debug, Clone)]
pub struct RequestContext(pub String);

/// Puts a request's identity into its span, or replaces it when more is known of the caller.
pub fn attach(span: &Span, context: RequestContext) {
    span.with_subscriber(|(id, dispatch)| {
        if let Some(data) = dispatch
            .downcast_ref::<Registry>()
            .and_then(|registry| registry.span(id))
        {
            data.extensions_mut().replace(context);
        }
    });
}

struct RequestId(Option<String>);

struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write;
        let text = format!("{value:?}").replace('\n', "\\n");
        if field.name() == "message" {
            self.message = text;
        } else {
            let _ = write!(self.fields, " {}={text}", field.name());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_inside_a_request_shows_who_asks_and_a_line_outside_a_dash() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .event_format(OsloFormat)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::error_span!("request");
            attach(&span, RequestContext("None req-1 - -".to_owned()));
            attach(&span, RequestContext("None req-1 user project".to_owned()));
            span.in_scope(|| tracing::info!(rows = 3, "inside"));
            tracing::info!("outside");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let (inside, outside) = text.split_once('\n').unwrap();
        assert!(inside.ends_with(" [None req-1 user project] inside rows=3"), "{inside}");
        assert!(outside.ends_with(" [-] outside\n"), "{outside}");
    }
}
