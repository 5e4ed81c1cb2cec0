//! The pages of the manual, `docs/man/NAME.VOLUME`: options as clap knows them, and what each program says of its files,
//! signals and exit status (`themis_service::manual`). Printed from the code; a test compares them with the committed ones.

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};
use themis_service::manual::{Entry, Manual};

/// Where the pages are kept.
pub(crate) const FOLDER: &str = "docs/man";
/// Options of every command, told once on each page.
const SHARED: [&str; 9] = [
    "help",
    "version",
    "format",
    "columns",
    "config_file",
    "config_dir",
    "os_cloud",
    "url",
    "debug",
];

/// All pages: file name and text.
pub(crate) fn pages() -> Vec<(String, String)> {
    let programs: [(Command, &Manual); 6] = [
        (
            themis_cli::themis::Command::command(),
            &themis_cli::themis::manual::MANUAL,
        ),
        (
            themis_cli::manage::Command::command(),
            &themis_cli::manage::manual::MANUAL,
        ),
        (
            themis_cli::status::Command::command(),
            &themis_cli::status::manual::MANUAL,
        ),
        (themis_api::options::Options::command(), &themis_api::options::MANUAL),
        (
            themis_engine::options::Options::command(),
            &themis_engine::options::MANUAL,
        ),
        (
            themis_hostmonitor::options::Options::command(),
            &themis_hostmonitor::options::MANUAL,
        ),
    ];
    programs
        .into_iter()
        .map(|(mut command, manual)| {
            command.build();
            let file = format!("{}.{}", command.get_name(), manual.volume);
            (file, page(&command, manual))
        })
        .collect()
}

/// Writes what has changed.
pub(crate) fn write(root: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(root.join(FOLDER))?;
    for (file, text) in pages() {
        std::fs::write(root.join(FOLDER).join(file), text)?;
    }
    Ok(())
}

fn page(command: &Command, manual: &Manual) -> String {
    let name = command.get_name();
    let volume = manual.volume.to_string();
    let version = command.get_version().unwrap_or_default();
    let mut roff = Roff::new();
    roff.control(
        "TH",
        [
            name.to_uppercase().as_str(),
            &volume,
            "",
            &format!("Themis {version}"),
            "Themis",
        ],
    );
    roff.control("nh", []).control("ad", ["l"]);
    roff.control("SH", ["NAME"]);
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    roff.text([roman(format!("{name} - {}", about.trim_end_matches('.')))]);
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([roman(usage(command))]);
    roff.control("SH", ["DESCRIPTION"]);
    for (at, paragraph) in manual.description.iter().enumerate() {
        if at > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(*paragraph)]);
    }
    // With what an apostrophe is; the parts below need it once.
    let mut text = roff.render();
    text.push_str(&options(command, ".SH OPTIONS\n", &[]));
    let mut told = Roff::new();
    let commands = leaves(command);
    if !commands.is_empty() {
        told.control("SH", ["COMMANDS"]);
        text.push_str(&told.to_roff());
        text.extend(commands.iter().map(leaf));
    }
    text.push_str(&rest(manual));
    text
}

/// The commands at the ends of the tree, under their whole names.
fn leaves(command: &Command) -> Vec<Command> {
    let under = command.get_subcommands().filter(|sub| sub.get_name() != "help");
    under
        .flat_map(|sub| {
            let deeper = leaves(sub);
            if deeper.is_empty() { vec![sub.clone()] } else { deeper }
        })
        .collect()
}

fn leaf(command: &Command) -> String {
    let mut roff = Roff::new();
    let name = command.get_bin_name().unwrap_or_default();
    roff.control("SS", [name]);
    let hidden = hide(command.clone(), &SHARED);
    let shape = if hidden.get_arguments().any(|argument| argument.get_id() == "format") {
        " [-f FORMAT] [-c COLUMN]..."
    } else {
        ""
    };
    roff.text([roman(format!("{}{shape}", usage(&hidden)))]);
    let about = command.get_long_about().or(command.get_about());
    for paragraph in about.map(ToString::to_string).unwrap_or_default().split("\n\n") {
        roff.control("PP", []);
        roff.text([roman(paragraph.replace('\n', " "))]);
    }
    roff.to_roff() + &options(command, "", &SHARED)
}

/// clap's words for the options, under `heading`, without those named; nothing when none is left.
fn options(command: &Command, heading: &str, without: &[&str]) -> String {
    let mut out = Vec::new();
    let shown = Man::new(hide(command.clone(), without)).render_options_section(&mut out);
    let text = String::from_utf8_lossy(&out);
    let body: String = text
        .lines()
        .filter(|line| !(line.starts_with(".SH ") || line.starts_with(".ie ") || line.starts_with(".el ")))
        .map(|line| format!("{line}\n"))
        .collect();
    if shown.is_err() || body.trim().is_empty() {
        return String::new();
    }
    format!("{heading}{body}")
}

fn hide(command: Command, names: &[&str]) -> Command {
    command.mut_args(|argument| {
        let hidden = names.contains(&argument.get_id().as_str());
        argument.hide(hidden)
    })
}

fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage: ").to_owned()
}

/// The hand-written parts.
fn rest(manual: &Manual) -> String {
    let mut roff = Roff::new();
    for part in manual.parts {
        roff.control("SH", [part.title]);
        for entry in part.entries {
            match entry {
                Entry::Text(text) => roff.control("PP", []).text([roman(*text)]),
                Entry::Item(word, text) => roff.control("TP", []).text([italic(*word)]).text([roman(*text)]),
                Entry::Example(command, text) => roff.control("TP", []).text([bold(*command)]).text([roman(*text)]),
            };
        }
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(manual.see_also.join(", "))]);
    roff.to_roff()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_pages_are_what_the_code_says() {
        let root = crate::root();
        let mut expected: Vec<String> = pages().iter().map(|(file, _)| file.clone()).collect();
        for (file, text) in pages() {
            let committed = std::fs::read_to_string(root.join(FOLDER).join(&file)).unwrap_or_default();
            assert!(committed == text, "{file}: run: cargo xtask man --write");
        }
        let folder = std::fs::read_dir(root.join(FOLDER)).unwrap();
        let mut kept: Vec<String> = folder
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        expected.sort();
        kept.sort();
        assert_eq!(kept, expected, "a page of no program");
    }

    #[test]
    fn every_command_has_its_place_and_every_page_its_parts() {
        let pages = pages();
        let (_, themis) = pages.iter().find(|(file, _)| file == "themis.1").unwrap();
        for wanted in [
            ".SS \"themis host confirm-dead\"",
            "\\-\\-password\\-file",
            ".SH \"EXIT STATUS\"",
            "OS_CLOUD",
        ] {
            assert!(themis.contains(wanted), "no {wanted} in:\n{themis}");
        }
        for (file, text) in &pages {
            for part in [
                "NAME",
                "SYNOPSIS",
                "DESCRIPTION",
                "OPTIONS",
                "FILES",
                "\"EXIT STATUS\"",
                "\"SEE ALSO\"",
            ] {
                assert!(text.contains(&format!(".SH {part}\n")), "{file} has no {part}");
            }
        }
    }
}
