//! What the manual page of `themis` says beyond its command line. Nothing is printed here; see
//! [`themis_service::manual`].

use themis_service::manual::{Entry, Manual, Part};

/// The rest of its page.
pub const MANUAL: Manual = Manual {
    volume: 1,
    description: &[
        "themis shows where compute hosts stand and why, and tells Themis what to do. It asks the HTTP API with a Keystone token; \
         what it asks for is done by the leading engine and recorded with your name.",
        "Commands that show something take -f (table, json, yaml, value, csv) and -c COLUMN. Programs should read json: it \
         holds whole values, a table shortens them.",
    ],
    parts: &[
        Part {
            title: "FILES",
            entries: &[Entry::Item(
                "clouds.yaml",
                "Where the cloud is and who you are, chosen by --os-cloud or OS_CLOUD: $OS_CLIENT_CONFIG_FILE, ./clouds.yaml, \
                 ~/.config/openstack/clouds.yaml, /etc/openstack/clouds.yaml. Secrets may stand in secure.yaml beside it.",
            )],
        },
        Part {
            title: "ENVIRONMENT",
            entries: &[
                Entry::Item("OS_CLOUD", "The cloud of clouds.yaml."),
                Entry::Item(
                    "OS_AUTH_URL, OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME, ...",
                    "The same without a file, as for the OpenStack client.",
                ),
                Entry::Item("THEMIS_URL", "As --url."),
                Entry::Item(
                    "THEMIS_POWER_PASSWORD",
                    "The password for power-device set, without --password-file.",
                ),
            ],
        },
        Part {
            title: "EXIT STATUS",
            entries: EXIT_STATUS,
        },
        Part {
            title: "EXAMPLES",
            entries: &[
                Entry::Example(
                    "themis host list",
                    "Every host: state, whether it is protected, and what holds it.",
                ),
                Entry::Example("themis host show compute-3", "One host, and why it is where it is."),
                Entry::Example(
                    "themis power-device set compute-3 --address 10.0.0.73 --username admin --password-file -",
                    "Register its BMC; the password is read from standard input.",
                ),
                Entry::Example(
                    "themis power-device test compute-3",
                    "Let the engine read it now; nothing is switched.",
                ),
                Entry::Example(
                    "themis preflight && themis arm",
                    "Let Themis act once nothing is missing.",
                ),
                Entry::Example("themis incident events --follow", "Watch what happens."),
                Entry::Example(
                    "themis host confirm-dead compute-3 --reason 'unplugged by me, rack 4'",
                    "Vouch that a host is dead that cannot be powered off.",
                ),
                Entry::Example("source <(themis completion bash)", "Complete words in this shell."),
            ],
        },
    ],
    see_also: &[
        "themis-manage(8)",
        "themis-status(8)",
        "themis-engine(8)",
        "openstack(1)",
    ],
};

/// What the exit codes of every command mean, as [`crate::exit`] has them.
pub(crate) const EXIT_STATUS: &[Entry] = &[
    Entry::Item("0", "Done as asked."),
    Entry::Item(
        "1",
        "Refused, or failed; for a test or a preflight: something does not pass.",
    ),
    Entry::Item("2", "The command line, or the client's own configuration, is wrong."),
    Entry::Item("3", "Not authorised: Keystone or the access rules say no."),
    Entry::Item("4", "What is named does not exist."),
    Entry::Item(
        "5",
        "Unavailable: nobody answered, or not now. The same command may succeed later.",
    ),
];
