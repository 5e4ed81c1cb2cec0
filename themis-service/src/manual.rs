//! What a page of the manual says beyond the command line: files, signals, exit status, examples. Each program keeps its
//! text beside its options, as data; `cargo xtask man` sets it together with what clap knows of the options.
//!
//! Nothing is printed or formatted here. Text is plain: the printer alone knows how a page is marked up.

/// What one program's page holds besides name, synopsis and options.
#[derive(Debug, Clone, Copy)]
pub struct Manual {
    /// The volume: 1 for everybody's programs, 8 for daemons and administration.
    pub volume: u8,
    /// What the program does, in some sentences; a paragraph each.
    pub description: &'static [&'static str],
    /// The other parts, in their order on the page.
    pub parts: &'static [Part],
    /// Other pages, as `themis-manage(8)`.
    pub see_also: &'static [&'static str],
}

/// One part of a page.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Its title, in capitals.
    pub title: &'static str,
    /// Its contents.
    pub entries: &'static [Entry],
}

/// One paragraph of a part.
#[derive(Debug, Clone, Copy)]
pub enum Entry {
    /// A paragraph.
    Text(&'static str),
    /// A word, and below it what it means.
    Item(&'static str, &'static str),
    /// A command to type, and what for.
    Example(&'static str, &'static str),
}

/// Files that every daemon reads.
pub const CONFIGURATION: Entry = Entry::Item(
    "/etc/themis/themis.conf",
    "The configuration, unless --config-file names others, and the files of /etc/themis/themis.conf.d. One file serves all \
     programs; each reads its sections and refuses an unknown key in a section of Themis's own. It holds passwords: \
     root:themis, mode 0640. themis.conf.sample shows every option with its default.",
);
/// How the environment overrides the configuration.
pub const OVERRIDES: Entry = Entry::Item(
    "THEMIS_<SECTION>__<KEY>",
    "Overrides one option, for instance THEMIS_ENGINE__LEASE_TTL=8. Hyphens and colons of a section's name are written _.",
);
/// What the service manager gives.
pub const SUPERVISION: Entry = Entry::Item(
    "NOTIFY_SOCKET, WATCHDOG_USEC",
    "Set by systemd: the program says when it is ready, and then at half the watchdog's time that it still runs.",
);
/// What ends every daemon in order.
pub const STOP: &str = "SIGTERM, SIGINT";
/// How every daemon ends.
pub const DAEMON_EXIT: Part = Part {
    title: "EXIT STATUS",
    entries: &[
        Entry::Item("0", "Stopped in order."),
        Entry::Item(
            "1",
            "It could not start, or could not go on. The last line on standard error and in the log says why and what to mend.",
        ),
        Entry::Item("2", "The command line is wrong."),
    ],
};
