//! The command line of `themis-engine`, and what its manual page says beyond it. Nothing is read or started here.

use clap::Parser;
use themis_service::CommonOptions;
use themis_service::manual::{CONFIGURATION, DAEMON_EXIT, Entry, Manual, OVERRIDES, Part, STOP, SUPERVISION};

/// The engine of Themis: decides, fences, evacuates
#[derive(Debug, Parser)]
#[command(name = "themis-engine", version)]
pub struct Options {
    /// Those of every daemon.
    #[command(flatten)]
    pub common: CommonOptions,
}

/// The rest of its page.
pub const MANUAL: Manual = Manual {
    volume: 8,
    description: &[
        "themis-engine hears the host monitors, decides which host has failed, has it powered off until the power-off is read \
         back, and brings its instances back through Nova. Run two or more: one leads, by a lease in the database, the others \
         hear everything and take over within [engine] lease_ttl (10 s).",
        "A new installation observes: it decides and says what it would do, and touches nothing until 'themis arm'.",
    ],
    parts: &[
        Part {
            title: "FILES",
            entries: &[
                CONFIGURATION,
                Entry::Item(
                    "[fencing] key_file",
                    "The key that opens passwords of power devices, the same on every controller. Without it no host can be fenced.",
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
                    "Nothing new is begun; what was sent has some seconds to be answered. A leader gives its lease back, so that \
                     another engine leads at once. Recoveries under way go on there.",
                ),
                Entry::Item("SIGHUP", "Nothing is read again; a line in the log says so."),
            ],
        },
        DAEMON_EXIT,
        Part {
            title: "EXAMPLES",
            entries: &[
                Entry::Example(
                    "themis engine show",
                    "Which engine leads, what it hears, and whether it can act.",
                ),
                Entry::Example("themis preflight", "What would be missing if a host died now."),
            ],
        },
    ],
    see_also: &[
        "themis(1)",
        "themis-api(8)",
        "themis-hostmonitor(8)",
        "themis-manage(8)",
    ],
};
