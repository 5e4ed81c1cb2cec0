//! The command line of `themis-api`, and what its manual page says beyond it. Nothing is read or started here.

use clap::Parser;
use themis_service::CommonOptions;
use themis_service::manual::{CONFIGURATION, DAEMON_EXIT, Entry, Manual, OVERRIDES, Part, STOP, SUPERVISION};

/// The HTTP API of Themis: Masakari's /v1 and Themis's own /themis/v1
#[derive(Debug, Parser)]
#[command(name = "themis-api", version)]
pub struct Options {
    /// Those of every daemon.
    #[command(flatten)]
    pub common: CommonOptions,
}

/// The rest of its page.
pub const MANUAL: Manual = Manual {
    volume: 8,
    description: &[
        "themis-api checks, stores and wakes: it answers Masakari's clients and monitors under /v1 and Themis's own under \
         /themis/v1, keeps what they say in the database, and wakes the engines. It never decides, fences or evacuates. \
         Several may run behind a load balancer; they share nothing but the database.",
        "It listens in plain HTTP on [api] listen and port (15868). A proxy in front ends TLS.",
    ],
    parts: &[
        Part {
            title: "FILES",
            entries: &[
                CONFIGURATION,
                Entry::Item(
                    "/etc/themis/policy.yaml, /etc/themis/policy.d",
                    "Access rules that differ from the defaults, beside the first configuration file; may be absent. \
                     policy.yaml.sample shows all rules.",
                ),
                Entry::Item(
                    "[fencing] key_file",
                    "The key that seals passwords of power devices, the same on every controller. Without it none can be registered.",
                ),
                Entry::Item(
                    "/etc/themis/healthcheck_disable",
                    "While it exists, /healthcheck answers 503, so that a load balancer takes the node out.",
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
                    "No new connection is taken; requests under way have [api] graceful_shutdown_timeout (60 s) to end.",
                ),
                Entry::Item(
                    "SIGHUP",
                    "Reads the access rules and Keystone's public keys (jws_keys_dir) again. What cannot be read leaves the last \
                     good ones in force, with an error in the log. Other options need a restart.",
                ),
            ],
        },
        DAEMON_EXIT,
        Part {
            title: "EXAMPLES",
            entries: &[
                Entry::Example(
                    "curl http://controller:15868/",
                    "The versions; needs no token. What load balancers ask.",
                ),
                Entry::Example(
                    "curl http://127.0.0.1:9868/readiness",
                    "Whether it can read the database, with [api] metrics_listen = 127.0.0.1:9868.",
                ),
            ],
        },
    ],
    see_also: &["themis(1)", "themis-engine(8)", "themis-manage(8)", "themis-status(8)"],
};
