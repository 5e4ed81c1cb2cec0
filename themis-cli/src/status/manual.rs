//! What the manual page of `themis-status` says beyond its command line. Nothing is printed here; see
//! [`themis_service::manual`].

use themis_service::manual::{CONFIGURATION, Entry, Manual, OVERRIDES, Part};

/// The rest of its page.
pub const MANUAL: Manual = Manual {
    volume: 8,
    description: &[
        "themis-status upgrade check looks at the configuration, the access rules, the database and its schema, the key of the power \
         devices, and the recoveries under way, and says what stands in the way of new programs. It changes nothing. Run it with \
         the new programs installed and before they are started.",
    ],
    parts: &[
        Part {
            title: "FILES",
            entries: &[CONFIGURATION],
        },
        Part {
            title: "ENVIRONMENT",
            entries: &[OVERRIDES],
        },
        Part {
            title: "EXIT STATUS",
            entries: &[
                Entry::Item("0", "All is well."),
                Entry::Item("1", "Warnings: read them; the programs can run."),
                Entry::Item("2", "Failures: mend them first."),
                Entry::Item(
                    "255",
                    "The check itself broke, for instance without a readable configuration.",
                ),
            ],
        },
        Part {
            title: "EXAMPLES",
            entries: &[Entry::Example(
                "themis-status upgrade check && systemctl restart themis-engine",
                "Restart only when nothing stands in the way.",
            )],
        },
    ],
    see_also: &["themis-manage(8)"],
};
