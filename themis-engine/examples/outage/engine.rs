//! The program `themis-engine`, as an operator starts it, and what it says of itself on `metrics_listen`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

#[path = "../../../themis-core/testing/mortal.rs"]
mod mortal;

/// How long it may take to be ready.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// An engine's configuration, which outlives its processes.
pub(crate) struct Engine {
    pub(crate) name: String,
    program: PathBuf,
    file: PathBuf,
    metrics_port: u16,
    process: Option<Child>,
}

/// A copy of the program that was built: a build in between must not change it halfway.
fn program(at: &Path) -> anyhow::Result<PathBuf> {
    let copy = at.join("themis-engine");
    if !copy.exists() {
        let this = std::env::current_exe()?;
        let built = this
            .parent()
            .and_then(Path::parent)
            .context("no directory of programs")?;
        let program = built.join("themis-engine");
        let copied = std::fs::copy(&program, &copy);
        copied.with_context(|| format!("no {}; cargo build -p themis-engine", program.display()))?;
    }
    Ok(copy)
}

/// What an engine counted so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Messages of monitors that were given to its handler.
    pub(crate) handled: f64,
    /// Of them, those that came more than ten and more than thirty seconds after they were sent.
    pub(crate) late: f64,
    pub(crate) stale: f64,
    /// Reports that it did not believe.
    pub(crate) refused: f64,
    /// It leads.
    pub(crate) leads: bool,
}

impl Engine {
    /// One whose broker is at `transport_url`; not started.
    pub(crate) async fn new(at: &Path, name: &str, transport_url: &str, connection: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let metrics_port = listener.local_addr()?.port();
        let (file, log) = (at.join(format!("{name}.conf")), at.join(format!("{name}.log")));
        let networks =
            ["management", "storage", "tenant"].map(|name| format!("[network:{name}]\nimportance = critical\n"));
        // Neither Keystone nor Nova is there: nothing is fenced or evacuated, and it hears and judges all the same.
        let text = format!(
            "[DEFAULT]\ntransport_url = {transport_url}\nlog_file = {log}\n[database]\nconnection = {connection}\n\
             [keystone_authtoken]\nauth_url = http://127.0.0.1:9/\nusername = themis\npassword = x\n\
             [engine]\nname = {name}\nmetrics_listen = 127.0.0.1:{metrics_port}\nsettle_period = 12\n\
             [detection]\ninitializing_period = 5\n{networks}",
            log = log.display(),
            networks = networks.concat(),
        );
        std::fs::write(&file, text)?;
        Ok(Self {
            name: name.to_owned(),
            program: program(at)?,
            file,
            metrics_port,
            process: None,
        })
    }

    /// Starts a process; it is ready when this returns.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        let process = Command::from(mortal::mortal(&self.program))
            .arg("--config-file")
            .arg(&self.file)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        self.process = Some(process);
        let ready = async {
            while !self
                .ask("/readiness")
                .await
                .is_ok_and(|answer| answer.contains("200 OK"))
            {
                sleep(Duration::from_millis(100)).await;
            }
        };
        if timeout(PATIENCE, ready).await.is_err() {
            bail!("{} is not ready: {:?}", self.name, self.ask("/readiness").await);
        }
        Ok(())
    }

    async fn ask(&self, path: &str) -> anyhow::Result<String> {
        let ask = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.metrics_port)).await?;
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok(answer)
        };
        timeout(ANSWER_WITHIN, ask).await.context("no answer")?
    }

    /// What it counted in its present process.
    pub(crate) async fn counts(&self) -> anyhow::Result<Counts> {
        let shown = self.ask("/metrics").await?;
        let value = |name: &str| {
            let line = shown
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.parse::<f64>().ok()).unwrap_or(0.0)
        };
        let delay = "themis_bus_handling_delay_seconds";
        let within = |bound: &str| {
            value(&format!(
                "{delay}_bucket{{topic=\"themis_observations\",le=\"{bound}\"}}"
            ))
        };
        let handled = value(&format!("{delay}_count{{topic=\"themis_observations\"}}"));
        Ok(Counts {
            handled,
            late: handled - within("10"),
            stale: handled - within("30"),
            refused: value("themis_engine_reports_refused_total"),
            leads: value("themis_engine_leading") == 1.0,
        })
    }

    fn pid(&self) -> anyhow::Result<u32> {
        let process = self.process.as_ref().and_then(Child::id);
        process.with_context(|| format!("{} has ended", self.name))
    }

    /// Resident memory.
    pub(crate) fn resident_mb(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line
            .and_then(|line| line.split_whitespace().next())
            .context("no VmRSS")?;
        Ok(kib.parse::<f64>()? / 1024.0)
    }

    /// SIGKILL.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill().await?;
        }
        Ok(())
    }

    /// SIGSTOP or SIGCONT.
    pub(crate) fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let pid = self.pid()?.to_string();
        let status = std::process::Command::new("kill").args(["-s", signal, &pid]).status()?;
        ensure!(status.success(), "kill -s {signal} {pid} failed");
        Ok(())
    }
}
