//! The two forms of a log line: oslo.log's default, which deployed log shippers parse by a regular expression, and its
//! JSON form, one object per line.

use std::fmt;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::request;

/// `2026-11-20 08:31:17.746 5072 INFO themis.engine [-] text key=value`.
#[derive(Debug, Clone, Copy)]
pub(super) struct OsloLine;

/// Keys as oslo.log's `JSONFormatter` names them; fields of an event stand under `extra`.
#[derive(Debug, Clone, Copy)]
pub(super) struct OsloJson;

impl<S, N> FormatEvent<S, N> for OsloLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let (level, _) = level(event.metadata());
        let request = request::of(context).map_or_else(|| "-".to_owned(), |request| request.to_string());
        let said = Said::of(event);
        write!(
            out,
            "{} {} {level} {} [{request}] {}",
            now()?,
            std::process::id(),
            logger(event.metadata()),
            on_one_line(&said.message)
        )?;
        for (name, value) in &said.fields {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            write!(out, " {name}={}", on_one_line(&text))?;
        }
        writeln!(out)
    }
}

impl<S, N> FormatEvent<S, N> for OsloJson
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let (level, number) = level(event.metadata());
        let said = Said::of(event);
        let object = json!({
            "message": said.message,
            "asctime": now()?,
            "name": logger(event.metadata()),
            "levelname": level,
            "levelno": number,
            "process": std::process::id(),
            "context": request::of(context).map_or_else(|| json!({}), |request| request.json()),
            "extra": said.fields,
        });
        writeln!(out, "{object}")
    }
}

fn now() -> Result<String, fmt::Error> {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]");
    OffsetDateTime::now_utc().format(&format).map_err(|_| fmt::Error)
}

/// Python's name and number of a level.
fn level(metadata: &Metadata<'_>) -> (&'static str, u8) {
    match *metadata.level() {
        Level::ERROR => ("ERROR", 40),
        Level::WARN => ("WARNING", 30),
        Level::INFO => ("INFO", 20),
        Level::DEBUG | Level::TRACE => ("DEBUG", 10),
    }
}

fn logger(metadata: &Metadata<'_>) -> String {
    let target = metadata.target().replacen("themis_", "themis.", 1);
    target.replace("::", ".")
}

/// A log shipper takes a line for a record.
fn on_one_line(text: &str) -> String {
    text.replace('\r', "\\r").replace('\n', "\\n")
}

/// What an event says.
struct Said {
    message: String,
    fields: Map<String, Value>,
}

impl Said {
    fn of(event: &Event<'_>) -> Self {
        let mut said = Self {
            message: String::new(),
            fields: Map::new(),
        };
        event.record(&mut said);
        said
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.fields.insert(field.name().to_owned(), json!(value));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.fields.insert(field.name().to_owned(), json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.insert(field.name().to_owned(), json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.fields.insert(field.name().to_owned(), json!(value));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::Registry;
    use tracing_subscriber::fmt::format::DefaultFields;

    use super::*;
    use crate::logging::{RequestContext, attach};

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

    fn caller() -> RequestContext {
        RequestContext {
            request_id: "req-1".to_owned(),
            user_id: Some("user".to_owned()),
            project_id: Some("project".to_owned()),
            user_domain_id: Some("default".to_owned()),
            ..RequestContext::default()
        }
    }

    fn logged<F>(format: F) -> Vec<String>
    where
        F: FormatEvent<Registry, DefaultFields> + Send + Sync + 'static,
    {
        use tracing_subscriber::layer::SubscriberExt;
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .event_format(format)
            .with_writer(move || writer.clone());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::error_span!("request");
            attach(
                &span,
                RequestContext {
                    request_id: "req-1".to_owned(),
                    ..RequestContext::default()
                },
            );
            attach(&span, caller());
            span.in_scope(|| tracing::warn!(rows = 3, host = "a\nb", "inside\nit"));
            tracing::info!("outside");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_line_inside_a_request_shows_who_asks_and_a_line_outside_a_dash() {
        let lines = logged(OsloLine);
        let pid = std::process::id();
        let name = "themis.service.logging.format.tests";
        let (time, inside) = lines[0].split_at(23);
        assert_eq!(
            inside,
            format!(" {pid} WARNING {name} [None req-1 user project - - default -] inside\\nit rows=3 host=a\\nb")
        );
        assert_eq!((&time[4..5], &time[10..11], &time[19..20]), ("-", " ", "."), "{time}");
        assert_eq!(lines[1][23..], format!(" {pid} INFO {name} [-] outside"));
    }

    #[test]
    fn the_json_form_holds_the_same_with_the_request_s_ids() {
        let lines = logged(OsloJson);
        let inside: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(inside["message"], "inside\nit");
        assert_eq!(
            (&inside["levelname"], &inside["levelno"]),
            (&json!("WARNING"), &json!(30))
        );
        assert_eq!(inside["extra"], json!({"rows": 3, "host": "a\nb"}));
        assert_eq!(
            (
                &inside["context"]["request_id"],
                &inside["context"]["user_id"],
                &inside["context"]["global_request_id"]
            ),
            (&json!("req-1"), &json!("user"), &Value::Null)
        );
        let outside: Value = serde_json::from_str(&lines[1]).unwrap();
        assert_eq!(
            (&outside["message"], &outside["context"]),
            (&json!("outside"), &json!({}))
        );
    }
}
