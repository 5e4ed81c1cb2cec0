//! The oracle is honest: it sees an instance that runs twice, and one that is lost. A check that cannot fail proves nothing.

use themis_sim::run::play;
use themis_sim::scenario::Scenario;

#[test]
fn an_instance_that_runs_twice_is_seen() {
    // The one thing that Themis cannot know: a power device that shows the right identity and lies.
    let text = "# A lying power device.
instances 2 on compute-2
until 150
at 10 hang compute-2
at 11 bmc compute-2 lying
";
    let play = play(&Scenario::parse(text).expect("a scenario"), false).expect("a play");
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
