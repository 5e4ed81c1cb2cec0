//! The first lines of every daemon: TLS provider, configuration (checked), logging; and what it tells systemd.

use themis_config::{KnownSection, Source};

use crate::CommonOptions;
use crate::logging::{self, LoggingSection};

/// What a daemon has after its start.
#[derive(Debug)]
pub struct Start {
    /// The checked configuration.
    pub source: Source,
}

/// Reads and checks the configuration, installs the TLS provider and the logger.
///
/// # Errors
/// One line that names the file, the key and the fix.
pub fn start(program: &str, options: &CommonOptions, known: &[KnownSection]) -> anyhow::Result<Start> {
    // Two TLS back ends in one binary would make rustls panic at first use; choosing one here makes that impossible.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let source = Source::load_with_directories(&options.config_file, &options.config_dir, std::env::vars())?;
    source.check(known)?;
    logging::install(&source.section::<LoggingSection>()?, options.debug)?;
    log_panics();
    tracing::info!("{program} {} starts", env!("CARGO_PKG_VERSION"));
    for warning in source.warnings(known) {
        tracing::warn!("{warning}");
    }
    Ok(Start { source })
}

/// A task that breaks says so in the log, where it is looked for, and not only on a standard error that nobody keeps.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let what = panic.payload_as_str().unwrap_or("no word");
        tracing::error!("a part of the program broke at {place}: {what}");
    }));
}

/// Tells the service manager that the program is ready, and from then on, at half the watchdog's time, that it still runs;
/// nothing without one. Call inside tokio's runtime.
///
/// The sign comes from a task beside the program's own: it says that the runtime still turns, not that each part does its
/// work. An engine whose work stands still loses its lease; a monitor's silence is seen by the engines.
pub fn ready() {
    drop(sd_notify::notify(&[sd_notify::NotifyState::Ready]));
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else {
        return;
    };
    tokio::spawn(async move {
        let mut beats = tokio::time::interval(limit / 2);
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            drop(sd_notify::notify(&[sd_notify::NotifyState::Watchdog]));
        }
    });
}

/// An error with its causes in one line, whatever `RUST_BACKTRACE` says; a cause that is told already is not told twice.
#[must_use]
pub fn in_one_line(error: &anyhow::Error) -> String {
    let tell = |told: String, cause: String| {
        if told.contains(&cause) {
            told
        } else {
            format!("{told}: {cause}")
        }
    };
    error.chain().map(ToString::to_string).reduce(tell).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_in_which_no_cause_is_told_twice() {
        let error = anyhow::anyhow!("refused")
            .context("cannot connect (refused)")
            .context("no database");
        assert_eq!(in_one_line(&error), "no database: cannot connect (refused)");
    }
}
