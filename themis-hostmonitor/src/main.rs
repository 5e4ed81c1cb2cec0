//! The host monitor as a program: options, configuration, bus, and the monitor itself.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use themis_config::KnownSection;
use themis_hostmonitor::check::outlook;
use themis_hostmonitor::config::{self, MonitorConfig};
use themis_hostmonitor::monitor::{self, Surroundings};
use themis_hostmonitor::options::Options;
use themis_hostmonitor::readiness;
use themis_hostmonitor::serf::guard;
use themis_messaging::rabbit::RabbitBus;
use themis_messaging::{Bus, Settings};
use themis_service::logging::LoggingSection;
use themis_service::{health, signals, start};

const PROGRAM: &str = "themis-hostmonitor";
const BUS_END_DEADLINE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let Err(error) = dispatch() else {
        return ExitCode::SUCCESS;
    };
    // One line, whatever RUST_BACKTRACE says: the text names the fix.
    let _ = writeln!(std::io::stderr(), "{PROGRAM}: {}", start::in_one_line(&error));
    ExitCode::FAILURE
}

fn dispatch() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|argument| argument == guard::ARGUMENT) {
        return become_agent(&arguments.collect::<Vec<_>>());
    }
    let options = Options::parse();
    // One thread: the work is small, and the kernel ends the agents with the thread that started them.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(options))
}

fn become_agent(arguments: &[OsString]) -> anyhow::Result<()> {
    let [parent, program, rest @ ..] = arguments else {
        anyhow::bail!("exec-agent is for the monitor's own use")
    };
    let parent = parent
        .to_str()
        .and_then(|text| text.parse().ok())
        .context("exec-agent is for the monitor's own use")?;
    Err(guard::exec(parent, Path::new(program), rest).into())
}

async fn run(options: Options) -> anyhow::Result<()> {
    let mut known = config::sections();
    known.extend(themis_messaging::config::sections());
    known.push(KnownSection::of::<LoggingSection>());
    let source = start::start(PROGRAM, &options.common, &known)?.source;
    let config = MonitorConfig::read(&source, &kernel_name())?;
    let settings = Settings::read(&source)?;
    let surroundings = Surroundings {
        search_path: std::env::var_os("PATH").unwrap_or_default(),
        launcher: "/proc/self/exe".into(),
    };
    if options.check {
        return check(&config, &surroundings).await;
    }

    let stop = signals::stop_token()?;
    signals::outlive_hangup()?;
    let bus = RabbitBus::start(settings, PROGRAM)?;
    let board = monitor::board(&config);
    if let Some(address) = config.metrics_listen {
        let recorder = health::install_metrics()?;
        let (bus, board) = (bus.clone(), board.clone());
        let asked: health::Readiness = Arc::new(move || {
            let outcome = readiness::check(&bus.away(), &board);
            Box::pin(async { outcome })
        });
        let served = health::serve_with_readiness(address, recorder, asked, stop.clone());
        tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::error!("no metrics: {error}");
            }
        });
    }
    start::ready();
    monitor::run(config, board, Arc::new(bus.clone()), surroundings, stop).await?;
    bus.stop(BUS_END_DEADLINE).await;
    Ok(())
}

async fn check(config: &MonitorConfig, surroundings: &Surroundings) -> anyhow::Result<()> {
    let outlook = outlook(config, surroundings).await;
    let mut out = std::io::stdout().lock();
    for line in &outlook.lines {
        writeln!(out, "{line}")?;
    }
    anyhow::ensure!(!outlook.lacking, "something needed is missing, see above");
    Ok(())
}

fn kernel_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
