//! The list of reasons and kinds of events: every code that the sources can say has its sentence, and no other.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::printed::expect;

mod table;

use table::{KINDS, REASONS};

/// Crates whose sources are read, from the repository's root.
const SOURCES: &[&str] = &["themis-engine/decision/src", "themis-engine/src"];

/// What stands before a code in the sources.
const BEFORE_REASON: &[&str] = &["Reason::new(", "refused(", "unknown("];
/// What stands before a kind of event.
const BEFORE_KIND: &[&str] = &[".tell(", ".tell_at(", ".hold(", "kind:"];

/// The production sources: without tests and their builders.
fn sources() -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut text = String::new();
    for source in SOURCES {
        read(&root.join(source), &mut text);
    }
    text
}

fn read(directory: &Path, text: &mut String) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if name == "tests" || name == "testing" {
            continue;
        }
        if path.is_dir() {
            read(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = std::fs::read_to_string(&path).expect("a source");
            text.push_str(file.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default());
        }
    }
}

/// The literals that follow one of these openings.
fn literals<'a>(sources: &'a str, openings: &[&str]) -> BTreeSet<&'a str> {
    let after = |opening: &&str| {
        let pieces = sources.split(*opening).skip(1);
        let quoted = pieces.filter_map(|piece| piece.trim_start().strip_prefix('"'));
        // Names of remote errors begin with a capital; codes never do.
        let small = |code: &&str| !code.starts_with(|c: char| c.is_ascii_uppercase());
        let codes = quoted.filter_map(|rest| rest.split('"').next());
        codes.filter(small).collect::<Vec<_>>()
    };
    openings.iter().flat_map(after).collect()
}

fn listed() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    REASONS.iter().flat_map(|(_, reasons)| reasons.iter())
}

#[test]
fn every_code_in_the_sources_has_its_sentence() {
    let sources = sources();
    let listed: BTreeSet<&str> = listed().map(|(code, _)| *code).collect();
    let found = literals(&sources, BEFORE_REASON);
    assert!(found.len() > 60, "the sources are read: {found:?}");
    let missing: Vec<_> = found.difference(&listed).collect();
    assert!(
        missing.is_empty(),
        "add to REASONS in tests/reasons/table.rs: {missing:?}"
    );
    let kinds: BTreeSet<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
    let missing: Vec<_> = literals(&sources, BEFORE_KIND)
        .into_iter()
        .filter(|kind| !kinds.contains(kind))
        .collect();
    assert!(
        missing.is_empty(),
        "add to KINDS in tests/reasons/table.rs: {missing:?}"
    );
}

#[test]
fn every_listed_code_is_said_somewhere() {
    let sources = sources();
    let said = |code: &str| sources.contains(&format!("\"{code}\""));
    for (code, _) in listed() {
        // The one composed code: `confirming_` and the row's own.
        let row = code.strip_prefix("confirming_").unwrap_or(code);
        assert!(said(row), "{code} is said nowhere: remove it from REASONS");
        assert!(
            row.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
            "{code} is not snake_case"
        );
    }
    for (kind, _) in KINDS {
        assert!(said(kind), "{kind} is said nowhere: remove it from KINDS");
    }
    let codes: Vec<_> = listed().map(|(code, _)| code).collect();
    assert_eq!(
        codes.len(),
        codes.iter().collect::<BTreeSet<_>>().len(),
        "a code is listed twice"
    );
}

#[test]
fn list_of_reasons_is_printed() {
    let mut out = "# Reasons and events\n\nA reason is `{\"code\", \"text\", \"data\"}` everywhere: in the API, in \
                   `themis`, in the database. Codes are stable; texts are for people and may change. This list is \
                   printed by a test, which fails when the sources say a code that is not in it.\n"
        .to_owned();
    for (title, reasons) in REASONS {
        let _ = writeln!(out, "\n## {title}\n\n| code | meaning |\n| --- | --- |");
        for (code, meaning) in *reasons {
            let _ = writeln!(out, "| `{code}` | {meaning} |");
        }
    }
    let _ = writeln!(
        out,
        "\n## Kinds of events in an incident\n\n| kind | meaning |\n| --- | --- |"
    );
    for (kind, meaning) in KINDS {
        let _ = writeln!(out, "| `{kind}` | {meaning} |");
    }
    expect("reasons.md", &out);
}
