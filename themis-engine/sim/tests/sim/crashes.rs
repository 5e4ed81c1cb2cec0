//! The leader is killed at every row boundary of a recovery: after each commit, and after each request that reached the
//! outside before its outcome was stored. The standby finishes each time; nothing is lost, nothing runs twice.

use themis_core::HostState;
use themis_sim::run::{Play, play};
use themis_sim::scenario::Scenario;
use themis_sim::world::Crash;

const CRASH: &str = "# A host crash, small.
hosts 4
engines 2
instances 4 on compute-2
policy evacuations_parallel 2
until 260
end 5 after compute-2 evacuated
at 5 kill compute-2
";

/// More would mean that a play no longer ends by itself.
const POINTS_MAX: usize = 200;

fn scenario(crash: Option<Crash>) -> Scenario {
    let mut scenario = Scenario::parse(CRASH).expect("a scenario");
    scenario.crash = crash;
    scenario
}

fn assert_finished(play: &Play, crash: Crash) {
    let log = play.log.join("\n");
    assert_eq!(play.verdict.broken, Vec::<String>::new(), "{crash:?}\n{log}");
    let evacuated = ("compute-2".to_owned(), HostState::Evacuated);
    assert!(play.states.contains(&evacuated), "{crash:?}: not evacuated\n{log}");
    assert!(log.contains("crash   engine-1"), "{crash:?}: nobody was killed\n{log}");
    assert_eq!(play.verdict.posts, 4, "{crash:?}: an instance was posted again\n{log}");
}

fn crash_everywhere(points: usize, at: impl Fn(usize) -> Crash) {
    assert!((5..POINTS_MAX).contains(&points), "{points} points");
    for k in 1..=points {
        let crash = at(k);
        let play = play(&scenario(Some(crash)), false).expect("a play");
        assert_finished(&play, crash);
    }
}

#[test]
fn a_leader_that_dies_after_any_commit_is_succeeded() {
    let whole = play(&scenario(None), false).expect("a play");
    crash_everywhere(whole.counts.commits, Crash::AfterCommit);
}

#[test]
fn a_leader_that_dies_after_any_effect_and_before_its_outcome_is_succeeded() {
    let whole = play(&scenario(None), false).expect("a play");
    crash_everywhere(whole.counts.effects, Crash::AfterEffect);
}
