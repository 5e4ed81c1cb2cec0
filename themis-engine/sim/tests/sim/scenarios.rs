//! Every file of `scenarios/` plays as its log says; `UPDATE_EXPECT=1` rewrites the logs. Read the difference before you
//! commit it: a log that shows something wrong is a defect, not an expectation.

use std::fmt::Write as _;
use std::path::PathBuf;

use themis_sim::run::play;
use themis_sim::scenario::Scenario;

/// The scenarios that were promised; a missing file must not pass unseen.
const PROMISED: [&str; 26] = [
    "host-crash",
    "power-loss",
    "hang",
    "zombie",
    "storage-cut",
    "tenant-cut",
    "management-cut",
    "blip",
    "agents-dead",
    "storage-outage",
    "wrong-bmc",
    "observe",
    "dead-bmc",
    "power-back",
    "dest-hangs",
    "dest-back",
    "mass-failure",
    "engine-crash",
    "database-away",
    "broker-away",
    "vm-crash",
    "vm-host-dies",
    "vm-host-already-dead",
    "vm-nova-away",
    "vm-expires",
    "process-down",
];

fn files() -> Vec<(String, PathBuf)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries = std::fs::read_dir(folder).expect("the folder of scenarios");
    let mut files: Vec<(String, PathBuf)> = entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), path))
        .collect();
    files.sort();
    files
}

fn read(path: &PathBuf) -> (String, Scenario) {
    let text = std::fs::read_to_string(path).expect("a scenario file");
    let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (text, scenario)
}

fn difference(expected: &[String], played: &[String]) -> String {
    let mut out = String::new();
    for index in 0..expected.len().max(played.len()) {
        let (old, new) = (expected.get(index), played.get(index));
        if old != new {
            old.map(|line| writeln!(out, "  - {line}"));
            new.map(|line| writeln!(out, "  + {line}"));
        }
    }
    out
}

#[test]
fn every_scenario_plays_as_its_log_says() {
    let rewrite = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = String::new();
    for (name, path) in files() {
        let (text, scenario) = read(&path);
        let play = play(&scenario, false).expect("a play");
        for broken in &play.verdict.broken {
            writeln!(wrong, "{name}: BROKEN: {broken}").expect("text");
        }
        if rewrite {
            let head = text.split("\n----").next().expect("a head");
            let log = play.log.join("\n");
            std::fs::write(&path, format!("{head}\n----\n{log}\n")).expect("the file can be written");
        } else if play.log != scenario.expected {
            writeln!(wrong, "{name}:\n{}", difference(&scenario.expected, &play.log)).expect("text");
        }
    }
    assert!(wrong.is_empty(), "UPDATE_EXPECT=1 rewrites logs\n{wrong}");
}

#[test]
fn every_promised_scenario_is_there() {
    let names: Vec<String> = files().into_iter().map(|(name, _)| name).collect();
    for promised in PROMISED {
        assert!(names.iter().any(|name| name == promised), "{promised} is missing");
    }
}

#[test]
fn the_same_seed_gives_the_same_log_line_by_line() {
    for name in ["host-crash", "dest-hangs", "engine-crash"] {
        let (_, path) = files()
            .into_iter()
            .find(|(known, _)| known == name)
            .expect("the scenario");
        let (_, scenario) = read(&path);
        let (once, again) = (play(&scenario, false), play(&scenario, false));
        assert_eq!(once.expect("a play"), again.expect("a play"), "{name}");
    }
}

#[test]
fn promises_hold_with_other_seeds() {
    for (name, path) in files() {
        let (_, mut scenario) = read(&path);
        scenario.seed += 1000;
        let play = play(&scenario, false).expect("a play");
        assert_eq!(
            play.verdict.broken,
            Vec::<String>::new(),
            "{name} with seed {}",
            scenario.seed
        );
    }
}

#[test]
fn a_line_that_is_not_understood_is_named() {
    let error = |text: &str| Scenario::parse(text).expect_err("an error").to_string();
    assert!(
        error("# intent\nhosts 4\nat 10 explode compute-2").starts_with("line 3: 'explode compute-2' is no command")
    );
    assert!(error("# intent\nhost 4").starts_with("line 2: 'host' begins no line"));
    assert!(error("# intent\nat soon kill compute-1").contains("line 2: 'soon' is no number of seconds"));
    assert!(error("# intent\nhosts 2\nat 1 kill compute-3").contains("no host 'compute-3'"));
    assert!(error("hosts 2").contains("one sentence of intent"));
}
