//! Recoveries that notifications ask for: the leader killed at every row boundary, the host dying at every moment, and
//! what the rows say afterwards.

use themis_sim::run::{Play, play};
use themis_sim::scenario::Scenario;
use themis_sim::world::Crash;

const INSTANCE: &str = "# A guest crashes.
hosts 4
engines 2
instances 2 on compute-2
policy nova_request_horizon 20
until 90
at 5 guest-dies vm-01
at 5 report vm-01 on compute-2 LIFECYCLE STOPPED_FAILED
";

const PROCESS: &str = "# nova-compute is given up.
hosts 4
engines 2
instances 2 on compute-2
until 60
at 5 process compute-2 nova-compute STOPPED
";

/// More would mean that a play no longer ends by itself.
const POINTS_MAX: usize = 60;

fn scenario(text: &str, crash: Option<Crash>) -> Scenario {
    let mut scenario = Scenario::parse(text).expect("a scenario");
    scenario.crash = crash;
    scenario
}

fn lines(play: &Play, what: &str) -> usize {
    play.log.iter().filter(|line| line.contains(what)).count()
}

/// Kills the leader at every point that `points` counts; the successor ends what it began.
fn crash_everywhere(text: &str, points: usize, at: impl Fn(usize) -> Crash, check: impl Fn(&Play)) {
    assert!((2..POINTS_MAX).contains(&points), "{points} points");
    for k in 1..=points {
        let crash = at(k);
        let play = play(&scenario(text, Some(crash)), false).expect("a play");
        let log = play.log.join("\n");
        assert!(log.contains("crash   engine-1"), "{crash:?}: nobody was killed\n{log}");
        assert_eq!(play.verdict.broken, Vec::<String>::new(), "{crash:?}\n{log}");
        let statuses: Vec<&str> = play.notifications.iter().map(|(status, _)| status.as_str()).collect();
        assert_eq!(statuses, ["finished"], "{crash:?}\n{log}");
        check(&play);
    }
}

fn instance_was_handled_once(play: &Play) {
    let log = play.log.join("\n");
    assert_eq!(lines(play, "stop taken"), 1, "{log}");
    assert_eq!(lines(play, "start taken"), 1, "{log}");
}

fn service_was_disabled_once(play: &Play) {
    let log = play.log.join("\n");
    assert_eq!(lines(play, "nova    compute-2  disabled"), 1, "{log}");
    assert_eq!(play.maintenance, ["compute-2"], "{log}");
}

#[test]
fn a_leader_that_dies_after_any_commit_of_an_instances_recovery_is_succeeded() {
    let whole = play(&scenario(INSTANCE, None), false).expect("a play");
    assert!(whole.counts.commits > 4, "{:?}", whole.counts);
    crash_everywhere(
        INSTANCE,
        whole.counts.commits,
        Crash::AfterCommit,
        instance_was_handled_once,
    );
}

#[test]
fn a_leader_that_dies_after_any_request_of_an_instances_recovery_is_succeeded() {
    let whole = play(&scenario(INSTANCE, None), false).expect("a play");
    crash_everywhere(
        INSTANCE,
        whole.counts.effects,
        Crash::AfterEffect,
        instance_was_handled_once,
    );
}

#[test]
fn a_leader_that_dies_at_any_point_of_a_processs_recovery_is_succeeded() {
    let whole = play(&scenario(PROCESS, None), false).expect("a play");
    crash_everywhere(
        PROCESS,
        whole.counts.commits,
        Crash::AfterCommit,
        service_was_disabled_once,
    );
    assert_eq!(whole.counts.effects, 1);
    let text = PROCESS;
    let killed = play(&scenario(text, Some(Crash::AfterEffect(1))), false).expect("a play");
    assert_eq!(killed.notifications[0].0, "finished", "{}", killed.log.join("\n"));
    service_was_disabled_once(&killed);
}

#[test]
fn a_host_that_dies_at_any_moment_of_an_instances_recovery_leaves_it_running_once() {
    for step in 0..8 {
        let at = f64::from(step).mul_add(0.4, 10.0);
        for fault in ["kill compute-2", "hang compute-2"] {
            let text = format!(
                "# A host fails.\nhosts 4\ninstances 3 on compute-2\npolicy confirm_period 20\n\
                 policy nova_request_horizon 20\nuntil 110\n\
                 at 10 report vm-01 on compute-2 LIFECYCLE STOPPED_FAILED\nat {at:.1} {fault}\n"
            );
            let play = play(&Scenario::parse(&text).expect("a scenario"), false).expect("a play");
            let log = play.log.join("\n");
            assert_eq!(play.verdict.broken, Vec::<String>::new(), "{fault} at {at:.1}\n{log}");
            assert_ne!(play.notifications[0].0, "running", "{fault} at {at:.1}\n{log}");
        }
    }
}

#[test]
fn maintenance_for_a_process_is_the_operators_to_clear_and_does_not_disable_the_host() {
    let text = "# A process fails.\nhosts 4\ninstances 1 on compute-2\nuntil 40\n\
                at 5 process compute-2 libvirtd STOPPED\n";
    let flagged = play(&Scenario::parse(text).expect("a scenario"), false).expect("a play");
    assert_eq!(flagged.maintenance, ["compute-2"]);
    assert!(!flagged.log.join("\n").contains("disabled"), "{:?}", flagged.log);
    let text = format!("{text}at 20 maintenance compute-2 off\nat 25 maintenance compute-2 on\n");
    let cleared = play(&Scenario::parse(&text).expect("a scenario"), false).expect("a play");
    // The flag that the operator set afterwards is the operator's: the host is taken out.
    assert!(
        cleared.log.join("\n").contains("compute-2  active -> disabled"),
        "{:?}",
        cleared.log
    );
}

/// A host dies between the decision and the request, while the executor's last look takes its time: what was decided
/// before must not be sent after.
#[test]
fn nothing_decided_before_a_host_died_is_sent_after_it_however_slow_nova_is() {
    for fault in ["kill compute-2", "hang compute-2", "power compute-2 off"] {
        for slow in [6, 8, 12] {
            // The first look ends `slow` seconds after the report; then it is decided, and looked at once more.
            let dies = 5 + slow + 1;
            let quick = dies + 30;
            let text = format!(
                "# A slow Nova.\nhosts 4\nengines 2\ninstances 2 on compute-2\npolicy confirm_period 20\n\
                 policy nova_request_horizon 20\nuntil 200\nat 3 guest-dies vm-01\nat 4 nova shows-after {slow}\n\
                 at 5 report vm-01 on compute-2 LIFECYCLE STOPPED_FAILED\n\
                 at {dies} {fault}\nat {quick} nova shows-after 0\n"
            );
            let play = play(&Scenario::parse(&text).expect("a scenario"), false).expect("a play");
            let log = play.log.join("\n");
            assert_eq!(play.verdict.broken, Vec::<String>::new(), "{fault}, {slow} s\n{log}");
            assert_eq!(lines(&play, "stop_instance started"), 1, "it was decided\n{log}");
            assert_eq!(lines(&play, "stop taken"), 0, "{fault}, {slow} s\n{log}");
        }
    }
}
