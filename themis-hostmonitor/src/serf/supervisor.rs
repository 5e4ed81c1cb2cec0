//! Keeps one serf agent running. Every exit is a failure, whatever its status; the agent is started again after a
//! growing pause. What the agent says is not looked at here (see [`super::watch`]), only whether it lives.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use secrecy::{ExposeSecret, SecretString};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::backoff::Backoff;
use super::client::Client;
use super::guard;
use super::left_over::{self, LeftOverError};
use super::output::{self, LastWords};
use super::program::{self, ProgramError, find};
use super::settings::{AgentFiles, agent_settings, write_private};
use crate::config::NetworkConfig;

const LEAVE_DEADLINE: Duration = Duration::from_secs(4);
const TERMINATE_DEADLINE: Duration = Duration::from_secs(2);
/// An agent that ends by itself so soon, and so often in a row, refuses its configuration.
const REFUSAL_UPTIME: Duration = Duration::from_secs(3);
const REFUSALS: u32 = 3;

/// What the supervisor is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Keep it running.
    Run,
    /// End it; its peers will see it failed.
    Stop,
    /// Let it leave, then end it: the host is being shut down in order.
    Leave,
}

/// How the process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// Not running; to be started soon.
    Down,
    /// Running since then.
    Running(Instant),
    /// Cannot be started, or ends at once each time; it is tried again.
    Refused,
}

/// What is needed to run the agent of one network.
#[derive(Debug, Clone)]
pub struct Agent {
    /// This host.
    pub host: String,
    /// The network.
    pub network: NetworkConfig,
    /// `[hostmonitor] serf_binary`.
    pub binary: String,
    /// Where programs are looked for.
    pub search_path: OsString,
    /// This very program, which guards the agent's start.
    pub launcher: PathBuf,
    /// Its files.
    pub files: AgentFiles,
    /// Key of its RPC port.
    pub rpc_key: SecretString,
}

/// Why an agent was not started. It is tried again in any case.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error(transparent)]
    LeftOver(#[from] LeftOverError),
    #[error("cannot write {file}: {source}")]
    File { file: String, source: std::io::Error },
    #[error("cannot start a process: {0}")]
    Spawn(std::io::Error),
}

/// The supervisor of one agent.
#[derive(Debug)]
pub struct Supervisor {
    agent: Agent,
    process: watch::Sender<Process>,
    orders: watch::Receiver<Order>,
    hung: Arc<Notify>,
    backoff: Backoff,
    early_exits: u32,
    complaint: Option<String>,
}

/// How the attendance of a running agent ended.
enum Ended {
    Exited(Option<ExitStatus>),
    Ordered(Order),
}

impl Supervisor {
    /// A supervisor that has not begun. `hung` asks for an agent that runs and does not answer to be replaced.
    #[must_use]
    pub fn new(agent: Agent, orders: watch::Receiver<Order>, hung: Arc<Notify>) -> (Self, watch::Receiver<Process>) {
        let (process, seen) = watch::channel(Process::Down);
        let supervisor = Self {
            agent,
            process,
            orders,
            hung,
            backoff: Backoff::default(),
            early_exits: 0,
            complaint: None,
        };
        (supervisor, seen)
    }

    /// Runs until it is ordered to stop; no process and no file with a key is left then.
    pub async fn run(mut self) {
        self.keep_running().await;
        for file in [&self.agent.files.pid, &self.agent.files.config] {
            drop(std::fs::remove_file(file));
        }
    }

    async fn keep_running(&mut self) {
        loop {
            let began = Instant::now();
            match self.start().await {
                Ok((mut child, words)) => match self.attend(&mut child).await {
                    Ended::Exited(status) => self.note_exit(status, began.elapsed(), words).await,
                    Ended::Ordered(order) => return self.end(child, order).await,
                },
                Err(error) => self.complain(&error),
            }
            let pause = self.backoff.failed(began.elapsed(), rand::random::<f64>());
            tokio::select! {
                () = sleep(pause) => {}
                _ = self.orders.wait_for(|order| *order != Order::Run) => return,
            }
        }
    }

    async fn start(&mut self) -> Result<(Child, LastWords), StartError> {
        let Agent { files, network, .. } = &self.agent;
        let program = find(&self.agent.binary, &self.agent.search_path)?;
        if let Some(pid) = left_over::end(&files.pid, &files.config).await? {
            tracing::warn!(
                "ended the serf agent {pid} of network {} that an earlier monitor left behind",
                network.name
            );
        }
        let settings = agent_settings(network, &self.agent.host, &self.agent.rpc_key, &files.snapshot);
        let write = |path: &Path, bytes: &[u8]| {
            let file = path.display().to_string();
            write_private(path, bytes).map_err(|source| StartError::File { file, source })
        };
        write(&files.config, settings.to_string().as_bytes())?;
        let mut command = Command::new(&self.agent.launcher);
        command
            .arg(guard::ARGUMENT)
            .arg(std::process::id().to_string())
            .arg(&program)
            .args(["agent", &left_over::config_argument(&files.config)])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Apart from a terminal's Ctrl-C, which is for the monitor.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(StartError::Spawn)?;
        if let Some(pid) = child.id() {
            write(&files.pid, pid.to_string().as_bytes())?;
        }
        let words = output::listen(&mut child, network.name.0.clone());
        self.process.send_replace(Process::Running(Instant::now()));
        tracing::debug!(
            "serf agent of network {} started, process {}",
            network.name,
            child.id().unwrap_or_default()
        );
        Ok((child, words))
    }

    async fn attend(&mut self, child: &mut Child) -> Ended {
        loop {
            tokio::select! {
                status = child.wait() => return Ended::Exited(status.ok()),
                changed = self.orders.wait_for(|order| *order != Order::Run) => {
                    return Ended::Ordered(changed.map_or(Order::Stop, |order| *order));
                }
                () = self.hung.notified() => {
                    tracing::warn!("serf agent of network {} runs but does not answer; replacing it", self.agent.network.name);
                    signal(child, Signal::KILL);
                }
            }
        }
    }

    async fn note_exit(&mut self, status: Option<ExitStatus>, uptime: Duration, words: LastWords) {
        let network = &self.agent.network.name;
        metrics::counter!("themis_hostmonitor_agent_exits_total", "network" => network.0.clone()).increment(1);
        let by_itself = status.is_some_and(|status| status.code().is_some());
        self.early_exits = if by_itself && uptime < REFUSAL_UPTIME {
            self.early_exits + 1
        } else {
            0
        };
        let refused = self.early_exits >= REFUSALS;
        self.process
            .send_replace(if refused { Process::Refused } else { Process::Down });
        let how = status.map_or_else(|| "in an unknown way".to_owned(), |status| status.to_string());
        let said = if by_itself { words.last().await } else { None };
        let said = said.map(|line| format!("; its last words: {line}")).unwrap_or_default();
        // An agent that ends at once is told of until it counts as refused, not at each further try.
        if self.early_exits <= REFUSALS {
            let next = if refused {
                "; it refuses its configuration, trying again now and then"
            } else {
                "; starting it again"
            };
            tracing::warn!(
                "serf agent of network {network} ended after {:.1} s ({how}){said}{next}",
                uptime.as_secs_f64()
            );
        }
        if !refused {
            self.complaint = None;
        }
    }

    fn complain(&mut self, error: &StartError) {
        self.process.send_replace(Process::Refused);
        let text = error.to_string();
        if self.complaint.as_ref() != Some(&text) {
            tracing::error!(
                "serf agent of network {} is not running: {text}; trying again",
                self.agent.network.name
            );
            self.complaint = Some(text);
        }
    }

    async fn end(&self, mut child: Child, order: Order) {
        if order == Order::Leave {
            self.leave(&mut child).await;
        }
        signal(&child, Signal::TERM);
        if timeout(TERMINATE_DEADLINE, child.wait()).await.is_err() {
            signal(&child, Signal::KILL);
            drop(timeout(TERMINATE_DEADLINE, child.wait()).await);
        }
        self.process.send_replace(Process::Down);
    }

    /// The agent tells its peers that it leaves, and ends.
    async fn leave(&self, child: &mut Child) {
        let network = &self.agent.network;
        let leave = async {
            Client::connect(network.rpc, self.agent.rpc_key.expose_secret(), LEAVE_DEADLINE)
                .await?
                .leave()
                .await
        };
        match leave.await {
            Ok(()) => drop(timeout(LEAVE_DEADLINE, child.wait()).await),
            Err(error) => tracing::warn!(
                "serf agent of network {} did not leave: {error}; peers will see it failed",
                network.name
            ),
        }
    }
}

/// Warns once when the installed serf is one whose member list deserves distrust.
pub async fn warn_of_old_serf(binary: &str, search_path: &OsString) {
    let Ok(path) = find(binary, search_path) else { return };
    let version = program::version(&path).await.unwrap_or_default();
    if let Some(text) = program::distrust(&version) {
        tracing::warn!("{text}");
    }
}

/// The child has not been waited for, so its number is still its own.
fn signal(child: &Child, signal: Signal) {
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, signal);
    }
}
