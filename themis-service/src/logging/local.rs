//! Log lines for the machine's own log: syslog's `/dev/log`, or journald's socket. One datagram a line, in the same format
//! as in a file. Who listens there may be slow or away; a line that cannot be handed over at once is dropped, for the
//! program must not wait for its log.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

const SYSLOG: &str = "/dev/log";
const JOURNAL: &str = "/run/systemd/journal/socket";
/// As in `syslog.h`, in the order of their numbers; those between 11 and 16 have no name.
const FACILITIES: [&str; 12] = [
    "KERN", "USER", "MAIL", "DAEMON", "AUTH", "SYSLOG", "LPR", "NEWS", "UUCP", "CRON", "AUTHPRIV", "FTP",
];
const LOCAL0: u8 = 16;

/// `syslog_log_facility`: `LOG_LOCAL0`, or `local0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facility(u8);

impl std::str::FromStr for Facility {
    type Err = anyhow::Error;
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let upper = text.trim().to_ascii_uppercase();
        let name = upper.strip_prefix("LOG_").unwrap_or(&upper);
        let local = name.strip_prefix("LOCAL").and_then(|number| number.parse::<u8>().ok());
        let named = FACILITIES.iter().zip(0..).find(|(known, _)| **known == name);
        local
            .filter(|number| *number < 8)
            .map(|number| LOCAL0 + number)
            .or_else(|| named.map(|(_, number)| number))
            .map(Self)
            .ok_or_else(|| {
                anyhow::anyhow!(
                    "[DEFAULT] syslog_log_facility: '{text}' is none; write LOG_USER, LOG_DAEMON or LOG_LOCAL0 to 7"
                )
            })
    }
}

/// How a line is told.
#[derive(Debug, Clone, Copy)]
enum Form {
    Syslog,
    Journal,
}

/// The machine's log.
#[derive(Debug)]
pub(super) struct LocalLog {
    socket: UnixDatagram,
    path: PathBuf,
    form: Form,
    program: String,
    facility: Facility,
}

impl LocalLog {
    pub(super) fn syslog(program: &str, facility: Facility) -> io::Result<Self> {
        Self::at(SYSLOG.into(), Form::Syslog, program, facility)
    }

    pub(super) fn journal(program: &str, facility: Facility) -> io::Result<Self> {
        Self::at(JOURNAL.into(), Form::Journal, program, facility)
    }

    fn at(path: PathBuf, form: Form, program: &str, facility: Facility) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        let program = program.to_owned();
        Ok(Self {
            socket,
            path,
            form,
            program,
            facility,
        })
    }

    /// Syslog takes the time of arrival where none is told; the line itself bears ours.
    fn datagram(&self, severity: u8, line: &str) -> String {
        let (facility, program) = (self.facility.0, &self.program);
        match self.form {
            Form::Syslog => format!("<{}>{program}: {line}", facility * 8 + severity),
            Form::Journal => format!(
                "PRIORITY={severity}\nSYSLOG_FACILITY={facility}\nSYSLOG_IDENTIFIER={program}\nMESSAGE={line}\n"
            ),
        }
    }
}

/// One line of a known severity.
#[derive(Debug)]
pub(super) struct Line<'a> {
    log: &'a LocalLog,
    severity: u8,
}

impl io::Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        let datagram = self.log.datagram(self.severity, line.trim_end());
        drop(self.log.socket.send_to(datagram.as_bytes(), &self.log.path));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LocalLog {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { log: self, severity: 6 }
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> Line<'a> {
        let severity = match *about.level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        Line { log: self, severity }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn facilities_are_known_as_oslo_log_knows_them() {
        let number = |text: &str| text.parse::<Facility>().map(|facility| facility.0);
        assert_eq!((number("LOG_USER").unwrap(), number("daemon").unwrap()), (1, 3));
        assert_eq!((number("LOG_LOCAL0").unwrap(), number("local7").unwrap()), (16, 23));
        for wrong in ["LOG_LOCAL8", "", "LOG_"] {
            let error = number(wrong).unwrap_err().to_string();
            assert!(error.contains("syslog_log_facility"), "{error}");
        }
    }

    fn received(form: Form) -> Vec<String> {
        let path = std::env::temp_dir().join(format!("themis-{form:?}-{}", std::process::id()));
        let server = UnixDatagram::bind(&path).unwrap();
        server.set_nonblocking(true).unwrap();
        let log = LocalLog::at(path.clone(), form, "themis-x", Facility(16)).unwrap();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .event_format(super::super::format::OsloLine);
        let subscriber = tracing_subscriber::registry().with(layer.with_writer(log));
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!("one\ntwo");
            tracing::info!("three");
        });
        std::fs::remove_file(&path).unwrap();
        let mut buffer = [0; 4096];
        let mut next = || {
            server
                .recv(&mut buffer)
                .ok()
                .map(|n| String::from_utf8_lossy(&buffer[..n]).into_owned())
        };
        std::iter::from_fn(&mut next).collect()
    }

    #[test]
    fn syslog_hears_facility_severity_program_and_line() {
        let heard = received(Form::Syslog);
        assert_eq!(heard.len(), 2, "{heard:?}");
        assert!(
            heard[0].starts_with("<131>themis-x: 2") && heard[0].ends_with(" [-] one\\ntwo"),
            "{heard:?}"
        );
        assert!(
            heard[1].starts_with("<134>themis-x: 2") && heard[1].ends_with(" [-] three"),
            "{heard:?}"
        );
    }

    #[test]
    fn the_journal_hears_the_same_in_fields_and_nobody_who_is_away_is_waited_for() {
        let heard = received(Form::Journal);
        let head = "PRIORITY=3\nSYSLOG_FACILITY=16\nSYSLOG_IDENTIFIER=themis-x\nMESSAGE=2";
        assert!(
            heard[0].starts_with(head) && heard[0].ends_with(" [-] one\\ntwo\n"),
            "{heard:?}"
        );
        let nowhere = LocalLog::at("/nonexistent/log".into(), Form::Syslog, "x", Facility(1)).unwrap();
        assert_eq!(io::Write::write(&mut nowhere.make_writer(), b"gone\n").unwrap(), 5);
    }
}
