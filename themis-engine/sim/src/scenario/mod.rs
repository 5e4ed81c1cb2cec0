//! The language of scenarios: one sentence of intent, a world, commands with times, and the expected decision log.
//!
//! ```text
//! # A host panics: fenced, then evacuated.
//! hosts 4
//! instances 20 on compute-2
//! until 120
//!
//! at 10 kill compute-2
//! when posted 4 hang compute-3
//! ----
//!    22  state   compute-2  active -> checking (suspected)
//! ```
//!
//! World lines: `hosts N`, `instances N on HOST`, `engines N`, `seed N`, `mode armed|observe`, `policy NAME SECONDS-OR-COUNT`,
//! `until SECONDS`, `expect down N` (instances that run nowhere at the end), `crash-leader after post|commit|effect K`,
//! `end SECONDS after HOST STATE` (earlier than `until`), and `before COMMAND` for what is so from the start. Commands: see [`Command`]. Second 0 is when all hosts are active.

mod parse;

use std::time::Duration;

use themis_core::{HostState, Mode};
use themis_decision::Policy;

use crate::machines::Mood;
use crate::world::Crash;

pub use parse::ScenarioError;

/// A scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What it shows, in one sentence.
    pub intent: String,
    /// How many compute hosts.
    pub hosts: usize,
    /// How many instances on which host.
    pub instances: Vec<(usize, String)>,
    /// How many engines.
    pub engines: u64,
    /// Spreads detection, reports and ids.
    pub seed: u64,
    /// Whether Themis may act.
    pub mode: Mode,
    /// The thresholds.
    pub policy: Policy,
    /// When it ends.
    pub until: Duration,
    /// It ends so long after a host came to a state, if that is earlier.
    pub end: Option<(Duration, String, HostState)>,
    /// How many instances run nowhere at the end.
    pub down: usize,
    /// Where the leader is killed.
    pub crash: Option<Crash>,
    /// What is so from the start.
    pub before: Vec<Command>,
    /// What happens.
    pub steps: Vec<Step>,
    /// The expected log.
    pub expected: Vec<String>,
}

/// A command with its moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub when: When,
    /// What.
    pub command: Command,
}

/// The moment of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// At a second.
    At(Duration),
    /// When so many evacuate requests have reached Nova.
    Posted(usize),
    /// When a host is stored to be in a state.
    State(String, HostState),
}

/// What may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `kill HOST`: its kernel panics.
    Kill(String),
    /// `power HOST on|off`.
    Power(String, bool),
    /// `hang HOST`: every process stops, guests go on.
    Hang(String),
    /// `resume HOST`.
    Resume(String),
    /// `zombie HOST`: nova-compute, monitor and agents die, guests go on.
    Zombie(String),
    /// `agents HOST dead|alive`.
    Agents(String, bool),
    /// `cut HOST NET`.
    Cut(String, String),
    /// `heal HOST`: no network is cut any more.
    Heal(String),
    /// `outage NET`, or its end: `outage-over NET`.
    Outage(String, bool),
    /// `bmc HOST well|silent|refusing|slow|stuck|lying`.
    Bmc(String, Mood),
    /// `wrong-bmc HOST`: its record points to another machine, which is off.
    WrongBmc(String),
    /// `request confirm-dead|retry|enable|disable HOST`, as the API stores it.
    Request(String, String),
    /// `mode armed|observe`, as an operator asks for it.
    Mode(Mode),
    /// `claim HOST`: a Masakari monitor notifies that it stopped.
    Claim(String),
    /// `report SERVER on HOST EVENT VIR_DOMAIN_EVENT`: an instance monitor of Masakari notifies.
    InstanceReport(String, String, String, String),
    /// `process HOST NAME STOPPED|STARTED`: a process monitor of Masakari notifies.
    ProcessReport(String, String, String),
    /// `guest-dies SERVER`: its guest ends; Nova does not notice.
    Guest(String),
    /// `plain SERVER`: its owner does not mark it with `HA_Enabled`.
    Plain(String),
    /// `maintenance HOST on|off`, as an operator sets the flag.
    Maintenance(String, bool),
    /// `compute HOST dead|alive`: its nova-compute.
    Compute(String, bool),
    /// `database away|back`, or `database loses-answer`: the next commit counts, its answer is lost.
    Database(bool),
    /// See [`Command::Database`].
    DatabaseLosesAnswer,
    /// `broker away|back`: nobody hears anything; what waits at its senders goes out when it is back.
    Broker(bool),
    /// `nova away|back`.
    Nova(bool),
    /// `nova loses-answers N`: so many evacuate, stop, start and disable requests count, their answers are lost.
    NovaLosesAnswers(u32),
    /// `nova shows-after S`: it takes so long to show anything; it acts as fast as ever.
    NovaShowsAfter(Duration),
    /// `crash-leader`.
    CrashLeader,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// The line that is not understood, and what would be.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        parse::parse(text)
    }

    /// The names of its hosts.
    #[must_use]
    pub fn host_names(&self) -> Vec<String> {
        (1..=self.hosts).map(|n| format!("compute-{n}")).collect()
    }
}
