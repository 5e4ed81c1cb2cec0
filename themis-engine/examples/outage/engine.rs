//! An engine as far as reports go: the real listener on the bus, the real inbox, the real admission into the evidence.

use std::fmt;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use themis_decision::Policy;
use themis_decision::evidence::Evidence;
use themis_engine::adapters::bus::listen;
use themis_engine::adapters::clock::MachineClock;
use themis_engine::adapters::senders::Senders;
use themis_engine::calls::Calls;
use themis_engine::ports::Clock;
use themis_engine::{Event, Inbox};
use themis_messaging::Settings;
use themis_messaging::rabbit::RabbitBus;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::{interval, timeout};

const PATIENCE: Duration = Duration::from_secs(60);
const TELL_EVERY: Duration = Duration::from_millis(250);

/// What an engine took in so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Heard {
    /// Reports that were admitted, and those that were not.
    pub(crate) believed: usize,
    pub(crate) refused: usize,
    /// Monitors of which there is evidence.
    pub(crate) observers: usize,
    /// Age of the oldest report that was admitted, from the monitor's clock, which is this machine's.
    pub(crate) oldest: Duration,
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} reports believed, {} refused, of {} monitors; the oldest believed was {} ms old",
            self.believed,
            self.refused,
            self.observers,
            self.oldest.as_millis()
        )
    }
}

/// The child's part: says `{}` when it listens, then what it has heard, again and again.
pub(crate) async fn run(url: &str, name: &str) -> anyhow::Result<()> {
    let bus = RabbitBus::start(Settings::for_url(url)?, name)?;
    let mut inbox = Inbox::default();
    // Nobody calls this engine: there is no leader's answer to give.
    let calls = Calls::default();
    let serving = listen(&bus, name, &inbox.mailbox(), &calls.callers(), Senders::anybody())?;
    for served in &serving {
        served.ready(PATIENCE).await?;
    }
    println!("{}", json!({}));
    let (mut evidence, mut heard) = (Evidence::default(), Heard::default());
    let age_max = Policy::default().report_age_max();
    let mut tell = interval(TELL_EVERY);
    loop {
        tokio::select! {
            event = inbox.next() => {
                let Some(Event::Report(report)) = event else { continue };
                let now = MachineClock.now();
                let age = Duration::from_micros(now.0).saturating_sub(Duration::from_millis(report.clock_ms));
                if evidence.hear_report(*report, now, age_max).is_ok() {
                    heard.believed += 1;
                    heard.oldest = heard.oldest.max(age);
                } else {
                    heard.refused += 1;
                }
            }
            _ = tell.tick() => println!("{}", json!({
                "believed": heard.believed, "refused": heard.refused, "observers": evidence.observers.len(),
                "oldest_ms": heard.oldest.as_millis(),
            })),
        }
    }
}

/// An engine in a process of its own.
pub(crate) struct Child {
    process: tokio::process::Child,
    heard: Arc<Mutex<Heard>>,
}

impl Child {
    /// Starts one; it listens when this returns.
    pub(crate) async fn start(url: &str, name: &str) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--engine", url, name])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(process.stdout.take().context("no output")?).lines();
        let ready = timeout(PATIENCE, lines.next_line())
            .await
            .context("the engine does not start")??;
        ensure!(ready.is_some(), "the engine {name} ended");
        let heard = Arc::<Mutex<Heard>>::default();
        let told = heard.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let said: Value = serde_json::from_str(&line).unwrap();
                let number = |key: &str| said[key].as_u64().unwrap();
                *told.lock().unwrap() = Heard {
                    believed: number("believed") as usize,
                    refused: number("refused") as usize,
                    observers: number("observers") as usize,
                    oldest: Duration::from_millis(number("oldest_ms")),
                };
            }
        });
        Ok(Self { process, heard })
    }

    /// What it said last.
    pub(crate) fn heard(&self) -> Heard {
        *self.heard.lock().unwrap()
    }

    /// SIGKILL.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.process.kill().await?)
    }

    /// SIGSTOP or SIGCONT.
    pub(crate) fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let pid = self.process.id().context("the engine has ended")?.to_string();
        let status = std::process::Command::new("kill").args(["-s", signal, &pid]).status()?;
        ensure!(status.success(), "kill -s {signal} {pid} failed");
        Ok(())
    }
}
