//! The words of the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::output::Shape;

/// High availability for compute hosts: see where hosts stand, and tell Themis what to do.
#[derive(Debug, Parser)]
#[command(name = "themis", version, max_term_width = 100)]
pub struct Command {
    /// Where and as whom.
    #[command(flatten)]
    pub connection: Connection,
    /// What.
    #[command(subcommand)]
    pub noun: Noun,
}

/// Options of every command.
#[derive(Debug, Args)]
pub struct Connection {
    /// Cloud of clouds.yaml; otherwise OS_CLOUD or the OS_* variables
    #[arg(long, global = true, value_name = "NAME")]
    pub os_cloud: Option<String>,
    /// Address of Themis, instead of the catalogue's entry of type instance-ha
    #[arg(long, global = true, value_name = "URL", env = "THEMIS_URL")]
    pub url: Option<String>,
    /// Log what is done, to standard error
    #[arg(long, global = true)]
    pub debug: bool,
}

/// What it is about.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Compute hosts: where they stand and why
    #[command(subcommand)]
    Host(Host),
    /// How hosts are powered off
    #[command(subcommand)]
    PowerDevice(PowerDevice),
    /// Whether Themis acts
    #[command(subcommand)]
    Mode(Mode),
    /// What would be missing if Themis were armed now; ends with 1 when something is
    Preflight(Preflight),
    /// The engine that leads
    #[command(subcommand)]
    Engine(Engine),
    /// The monitors that are heard, and whose word counts
    #[command(subcommand)]
    Observer(Observer),
    /// What can hold a failure back
    #[command(subcommand)]
    Brake(Brake),
    /// What bad networks mean for the hosts of a segment
    #[command(subcommand)]
    Matrix(Matrix),
    /// Let Themis act, after a look at what would be protected
    Arm(Arm),
    /// Let Themis only watch and say what it would do
    Observe(Observe),
    /// What happened to hosts
    #[command(subcommand)]
    Incident(Incident),
    /// Play scenario files in simulated time
    Simulate(Simulate),
    /// Print the words of this command line for a shell to complete: source <(themis completion bash)
    Completion {
        /// The shell that is to read it
        shell: Shell,
    },
}

/// `themis host`.
#[derive(Debug, Subcommand)]
pub enum Host {
    /// All hosts
    List(Shape),
    /// One host, with what every network and power device says
    Show {
        /// Name or UUID
        host: String,
        /// How the answer is shown.
        #[command(flatten)]
        shape: Shape,
    },
    /// Who reported what about a host, from where, and what each was answered; last said first
    Reports {
        /// Name or UUID
        host: String,
        /// How the answer is shown.
        #[command(flatten)]
        shape: Shape,
    },
    /// Take a disabled or evacuated host back
    Enable(Ask),
    /// Ignore a host
    Disable(Ask),
    /// Try a held or failed recovery again
    Retry(Ask),
    /// Vouch that a host is dead; it is recorded with your name
    ConfirmDead {
        /// Name or UUID
        host: String,
        /// How you know
        #[arg(long)]
        reason: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Something asked about a host.
#[derive(Debug, Args)]
pub struct Ask {
    /// Name or UUID
    pub host: String,
    /// Why; it is recorded
    #[arg(long, default_value = "", hide_default_value = true)]
    pub reason: String,
}

/// `themis power-device`.
#[derive(Debug, Subcommand)]
pub enum PowerDevice {
    /// The devices of a host
    List {
        /// Name or UUID
        host: String,
        /// How the answer is shown.
        #[command(flatten)]
        shape: Shape,
    },
    /// Register a device, or change the account of a registered one
    Set(SetPowerDevice),
    /// Read the devices of a host now, by the leading engine; nothing is switched. Ends with 1 when one does not pass
    Test {
        /// Name or UUID
        host: String,
        /// Only this device: UUID
        device: Option<String>,
        /// How the answer is shown.
        #[command(flatten)]
        shape: Shape,
    },
    /// Remove a device
    Delete {
        /// Name or UUID
        host: String,
        /// UUID of the device
        device: String,
    },
}

/// `themis power-device set`. The password is never an argument: every user of the machine could read it.
#[derive(Debug, Args)]
pub struct SetPowerDevice {
    /// Name or UUID
    pub host: String,
    /// Host name or address of the device
    #[arg(long)]
    pub address: String,
    /// Account on the device
    #[arg(long)]
    pub username: String,
    /// File whose first line is the password; - is standard input. Otherwise THEMIS_POWER_PASSWORD
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Kind of device; ipmi is the only one
    #[arg(long, default_value = "ipmi")]
    pub driver: String,
    /// Port; 623 for ipmi when it is not given
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Which system or outlet of the device; none for ipmi
    #[arg(long, default_value = "", hide_default_value = true)]
    pub system: String,
    /// 1 to 9. Devices of level 1 are tried first; all of one level together
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=9))]
    pub level: i64,
    /// Take the device for this host's though it tells no identity to prove it by, and why; it is recorded
    #[arg(long, value_name = "REASON")]
    pub accept_unbound: Option<String>,
    /// How the answer is shown.
    #[command(flatten)]
    pub shape: Shape,
}

/// `themis mode`.
#[derive(Debug, Subcommand)]
pub enum Mode {
    /// Observe or armed, for all and for single segments
    Show(Shape),
}

/// `themis preflight`.
#[derive(Debug, Args)]
pub struct Preflight {
    /// Only this segment: name or UUID
    #[arg(long)]
    pub segment: Option<String>,
    /// How the answer is shown.
    #[command(flatten)]
    pub shape: Shape,
}

/// `themis engine`.
#[derive(Debug, Subcommand)]
pub enum Engine {
    /// Which engine leads, what it hears, and whether it can act
    Show(Shape),
}

/// `themis observer`.
#[derive(Debug, Subcommand)]
pub enum Observer {
    /// All monitors that the leading engine has heard, with the reasons why their word does not count
    List(Shape),
}

/// `themis brake`.
#[derive(Debug, Subcommand)]
pub enum Brake {
    /// All brakes: which hold now, whom, why, and what releases them
    List(Shape),
}

/// `themis matrix`.
#[derive(Debug, Subcommand)]
pub enum Matrix {
    /// The decision matrix: which networks are bad, what that demands, how long it must hold
    Show {
        /// Name or UUID of the segment
        segment: String,
        /// How the answer is shown.
        #[command(flatten)]
        shape: Shape,
    },
}

/// `themis arm`.
#[derive(Debug, Args)]
pub struct Arm {
    /// Only this segment: name or UUID
    #[arg(long)]
    pub segment: Option<String>,
    /// Arm though this host has no power device that is proven to be its own: it stays unprotected; may be given several times
    #[arg(long, value_name = "HOST")]
    pub accept_unbound: Vec<String>,
    /// Why; it is recorded
    #[arg(long, default_value = "", hide_default_value = true)]
    pub reason: String,
}

/// `themis observe`.
#[derive(Debug, Args)]
pub struct Observe {
    /// Only this segment: name or UUID
    #[arg(long)]
    pub segment: Option<String>,
    /// Why; it is recorded
    #[arg(long, default_value = "", hide_default_value = true)]
    pub reason: String,
}

/// `themis incident`.
#[derive(Debug, Subcommand)]
pub enum Incident {
    /// Incidents, newest first
    List {
        /// Only of this host: name or UUID
        #[arg(long)]
        host: Option<String>,
        /// Only those that go on
        #[arg(long)]
        open: bool,
        /// How the answer is shown.
        #[command(flatten)]
        shape: Shape,
    },
    /// One incident with its steps
    Show {
        /// UUID, or a host for its latest
        incident: String,
        /// How the answer is shown.
        #[command(flatten)]
        shape: Shape,
    },
    /// What happened, as a timeline
    Events {
        /// UUID, or a host for its latest; without it the latest, and with --follow whatever comes
        incident: Option<String>,
        /// Go on until the incident ends
        #[arg(long)]
        follow: bool,
        /// How the answer is shown.
        #[command(flatten)]
        shape: Shape,
    },
}

/// `themis simulate`. Everything after the word goes to themis-simulate.
#[derive(Debug, Args)]
pub struct Simulate {
    /// Scenario files and options
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "FILE"
    )]
    pub arguments: Vec<OsString>,
}
