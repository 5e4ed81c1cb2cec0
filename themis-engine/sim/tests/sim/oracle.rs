//! The oracle is honest: it sees an instance that runs twice, and one that is lost. A check that cannot fail proves nothing.

use std::process::Command;

use themis_sim::run::play;
use themis_sim::scenario::Scenario;

/// The one thing that Themis cannot know: a power device that shows the right identity and lies.
const LIE: &str = "# A lying power device.
instances 2 on compute-2
until 150
at 10 hang compute-2
at 11 bmc compute-2 lying
";

#[test]
fn an_instance_that_runs_twice_is_seen() {
    let play = play(&Scenario::parse(LIE).expect("a scenario"), false).expect("a play");
    assert!(
        play.verdict.broken.iter().any(|text| text.contains("runs twice")),
        "{:?}",
        play.log
    );
}

#[test]
fn an_instance_that_is_lost_is_seen() {
    let text = "# Observed only.\ninstances 3 on compute-2\nmode observe\nuntil 30\nat 10 kill compute-2\n";
    let play = play(&Scenario::parse(text).expect("a scenario"), false).expect("a play");
    assert_eq!(play.verdict.down, 3);
    assert!(
        play.verdict.broken.iter().any(|text| text.contains("run nowhere")),
        "{:?}",
        play.log
    );
}

#[test]
fn the_command_says_by_its_exit_code_whether_the_promises_were_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let simulate = |text: &str| {
        let file = folder.path().join("scenario.txt");
        std::fs::write(&file, text).expect("a file");
        let output = Command::new(env!("CARGO_BIN_EXE_themis-simulate")).arg(&file).output();
        let output = output.expect("themis-simulate runs");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let (code, said) = simulate(LIE);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("BROKEN: vm-01 runs twice"), "{said}");
    let (code, said) = simulate("# Nothing happens.\ninstances 1 on compute-1\nuntil 5\n");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("all promises were kept"), "{said}");
    assert_eq!(simulate("# Nothing.\nfly").0, Some(1));
}
