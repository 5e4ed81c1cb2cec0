//! The command line of `themis-hostmonitor`, and what its manual page says beyond it. Nothing is read or started here.

use clap::Parser;
use themis_service::CommonOptions;
use themis_service::manual::{CONFIGURATION, DAEMON_EXIT, Entry, Manual, OVERRIDES, Part, STOP, SUPERVISION};

/// Watches the peers of this host on each network, and reports what it sees to the engines
#[derive(Debug, Parser)]
#[command(name = "themis-hostmonitor", version)]
pub struct Options {
    /// Those of every daemon.
    #[command(flatten)]
    pub common: CommonOptions,
    /// Print what this configuration means on this host, and end; status 1 when something needed is missing
    #[arg(long)]
    pub check: bool,
}

/// The rest of its page.
pub const MANUAL: Manual = Manual {
    volume: 8,
    description: &[
        "themis-hostmonitor runs on every compute host, and on controllers as a witness ([hostmonitor] witness = true). For each \
         [network:NAME] that names its host in peers it starts and supervises one serf agent, watches the interface's carrier, \
         and reports to the engines over RabbitMQ which peers are alive. It answers their probes and questions. It never decides \
         and never acts on another host.",
        "It needs root, or the capability CAP_NET_RAW and a readable [hostmonitor] system_uuid_file.",
    ],
    parts: &[
        Part {
            title: "FILES",
            entries: &[
                CONFIGURATION,
                Entry::Item(
                    "/run/themis",
                    "Configuration, pid files and snapshots of the serf agents ([hostmonitor] runtime_dir). One monitor at a time.",
                ),
                Entry::Item(
                    "/sys/class/dmi/id/product_uuid",
                    "The host's system UUID, by which a power device is proven to be this host's.",
                ),
            ],
        },
        Part {
            title: "ENVIRONMENT",
            entries: &[OVERRIDES, SUPERVISION],
        },
        Part {
            title: "SIGNALS",
            entries: &[
                Entry::Item(
                    STOP,
                    "The serf agents end with it. While the whole host is being shut down ([hostmonitor] shutdown_command says \
                     'stopping') they leave in order and nobody is alarmed; else their peers see them fail.",
                ),
                Entry::Item("SIGHUP", "Nothing is read again; a line in the log says so."),
            ],
        },
        DAEMON_EXIT,
        Part {
            title: "EXAMPLES",
            entries: &[
                Entry::Example(
                    "themis-hostmonitor --check",
                    "What this host's configuration means: its name, addresses, serf, and what is missing.",
                ),
                Entry::Example(
                    "themis observer list",
                    "Which monitors the engines hear, and whose word counts.",
                ),
            ],
        },
    ],
    see_also: &["themis(1)", "themis-engine(8)", "serf"],
};
