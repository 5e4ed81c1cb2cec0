//! What the manual page of `themis-manage` says beyond its command line. Nothing is printed here; see
//! [`themis_service::manual`].

use themis_service::manual::{CONFIGURATION, Entry, Manual, OVERRIDES, Part};

use crate::themis::manual::EXIT_STATUS;

/// The rest of its page.
pub const MANUAL: Manual = Manual {
    volume: 8,
    description: &[
        "themis-manage works on the controller, over the database and files named in the configuration: it brings the schema up to \
         date, copies what Masakari left, removes old rows, makes the key that seals passwords of power devices, and checks the \
         configuration. It never talks to the API and changes nothing in Nova. Run it as the user of the daemons, so that what it \
         writes is theirs.",
    ],
    parts: &[
        Part {
            title: "FILES",
            entries: &[
                CONFIGURATION,
                Entry::Item(
                    "/etc/masakari/masakari.conf",
                    "Where db import-masakari may read Masakari's database URL from (--from-file).",
                ),
            ],
        },
        Part {
            title: "ENVIRONMENT",
            entries: &[
                OVERRIDES,
                Entry::Item(
                    "THEMIS_IMPORT_FROM",
                    "As --from of db import-masakari, without showing a password in the list of processes.",
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
                    "themis-manage config check",
                    "Read the configuration as the daemons do.",
                ),
                Entry::Example(
                    "themis-manage db sync",
                    "Once before the first start, and once per upgrade.",
                ),
                Entry::Example(
                    "themis-manage keys create /etc/themis/fencing.key",
                    "Once; then copy the file to every controller. An existing file is never replaced.",
                ),
                Entry::Example(
                    "themis-manage db import-masakari --from-file /etc/masakari/masakari.conf --dry-run",
                    "What would be copied.",
                ),
                Entry::Example("themis-manage db purge --age-in-days 90", "For a nightly timer."),
            ],
        },
    ],
    see_also: &["themis-status(8)", "themis-api(8)", "themis-engine(8)"],
};
