//! The recovery of a process: maintenance, disable, confirm, and the hosts that are left alone.

use rstest::rstest;
use serde_json::json;
use themis_core::{HostState, Mode, Reason};

use super::Story;
use crate::judge::Change;
use crate::notified::Effect;
use crate::recovery::Outcome;

fn stopped(story: &mut Story, process: &str) {
    story.notify(
        1,
        "PROCESS",
        "h1",
        &json!({"event": "STOPPED", "process_name": process}),
    );
}

fn flagged(story: &Story) -> bool {
    let host = story.host("h1");
    story.changes.contains(&Change::Maintenance { host, on: true })
}

fn disable() -> Effect {
    Effect::DisableService {
        host: "h1".to_owned(),
        reason: "Masakari detected process failed.".to_owned(),
    }
}

#[test]
fn nova_compute_is_disabled_and_seen_disabled_and_its_host_is_on_maintenance() {
    let mut story = Story::begin();
    stopped(&mut story, "nova-compute");
    assert_eq!(story.seconds(2), [disable()]);
    assert!(flagged(&story));
    story.done();
    assert!(story.seconds(3).is_empty());
    assert_eq!(story.statuses(1), ["running"]);
    story.service("h1").disabled = Some("Masakari detected process failed.".to_owned());
    story.seconds(2);
    assert_eq!(story.statuses(1), ["running", "finished"]);
}

#[test]
fn the_flag_of_a_process_does_not_take_the_host_out() {
    let mut story = Story::begin();
    stopped(&mut story, "libvirtd");
    story.seconds(2);
    let host = &story.world.hosts[&story.host("h1")];
    assert!(host.on_maintenance && !host.disabled());
}

#[rstest]
#[case("libvirtd")]
#[case("masakari-instancemonitor")]
fn any_other_process_sets_maintenance_and_nothing_else(#[case] process: &str) {
    let mut story = Story::begin();
    stopped(&mut story, process);
    assert!(story.seconds(2).is_empty());
    assert!(flagged(&story));
    assert_eq!(story.statuses(1), ["running", "finished"]);
    assert!(story.rows().is_empty());
}

#[test]
fn a_started_process_needs_nothing() {
    let mut story = Story::begin();
    story.notify(
        1,
        "PROCESS",
        "h1",
        &json!({"event": "STARTED", "process_name": "nova-compute"}),
    );
    assert!(story.seconds(2).is_empty());
    assert!(!flagged(&story));
    assert_eq!(story.statuses(1), ["finished"]);
}

#[test]
fn a_service_that_is_not_seen_disabled_within_its_time_fails() {
    let mut story = Story::begin();
    stopped(&mut story, "nova-compute");
    story.seconds(2);
    story.done();
    story.seconds(178);
    assert_eq!(story.statuses(1), ["running"]);
    story.seconds(5);
    assert_eq!(story.statuses(1), ["running", "error"]);
    assert_eq!(story.message(), "Failed to disable service nova-compute");
}

#[test]
fn a_lost_answer_is_settled_by_the_next_listing() {
    let mut story = Story::begin();
    stopped(&mut story, "nova-compute");
    story.seconds(2);
    story.lost();
    story.service("h1").disabled = Some(String::new());
    assert!(story.seconds(3).is_empty());
    assert_eq!(story.statuses(1), ["running", "finished"]);

    let mut story = Story::begin();
    stopped(&mut story, "nova-compute");
    story.seconds(2);
    story.lost();
    assert_eq!(story.seconds(4), [disable()], "it does not hold: harmless to repeat");
}

#[test]
fn nova_that_is_away_is_tried_again_until_the_time_is_over() {
    let mut story = Story::begin();
    stopped(&mut story, "nova-compute");
    for _ in 0..400 {
        if !story.second().is_empty() {
            story.answer(Outcome::Retry(Reason::new("nova_unavailable", "away")));
        }
        if story.statuses(1).contains(&"error") {
            break;
        }
    }
    assert_eq!(story.statuses(1), ["running", "error"]);
    assert!((15..25).contains(&story.calls.len()), "{}", story.calls.len());
}

#[rstest]
#[case(HostState::Fencing)]
#[case(HostState::Evacuating)]
#[case(HostState::Recovering)]
#[case(HostState::Disabled)]
fn a_host_in_recovery_or_taken_out_is_left_alone(#[case] state: HostState) {
    let mut story = Story::begin();
    story.state("h1", state);
    stopped(&mut story, "nova-compute");
    assert!(story.seconds(2).is_empty());
    assert!(!flagged(&story));
    assert_eq!(story.statuses(1), ["running", "ignored"]);
}

#[rstest]
#[case(HostState::Checking)]
#[case(HostState::Failed)]
fn a_host_in_doubt_is_waited_for(#[case] state: HostState) {
    let mut story = Story::begin();
    story.state("h1", state);
    stopped(&mut story, "nova-compute");
    assert!(story.seconds(400).is_empty());
    assert!(!flagged(&story));
    story.state("h1", HostState::Active);
    assert_eq!(story.seconds(2), [disable()]);
    assert!(flagged(&story));
}

#[test]
fn a_retry_waits_while_themis_is_disarmed() {
    let mut story = Story::begin();
    stopped(&mut story, "nova-compute");
    story.seconds(2);
    story.answer(Outcome::Failed(Reason::new("nova_refused", "403")));
    assert_eq!(story.statuses(1), ["running", "error"]);
    story.world.mode = Mode::Observe;
    assert!(story.seconds(600).is_empty());
    story.world.mode = Mode::Armed;
    assert_eq!(story.seconds(2), [disable()]);
}

#[test]
fn nothing_is_touched_while_themis_only_observes() {
    let mut story = Story::begin();
    story.world.mode = Mode::Observe;
    stopped(&mut story, "nova-compute");
    assert!(story.seconds(2).is_empty());
    assert!(!flagged(&story));
    assert_eq!(story.statuses(1), ["running", "ignored"]);
}

#[test]
fn a_service_that_somebody_disabled_before_is_told_as_such() {
    let mut story = Story::begin();
    stopped(&mut story, "nova-compute");
    story.seconds(2);
    story.answer(Outcome::Done(json!({"disabled_before": true})));
    let rows = story.rows();
    assert_eq!(rows[1].payload["already"], true);
    assert_eq!(rows[0].payload.get("already"), None);
}

#[test]
fn what_an_earlier_try_of_ours_disabled_is_not_told_as_somebody_elses() {
    let mut story = Story::begin();
    stopped(&mut story, "nova-compute");
    story.seconds(2);
    story.answer(Outcome::Retry(Reason::new("nova_unavailable", "no answer in time")));
    assert_eq!(story.seconds(3), [disable()]);
    story.answer(Outcome::Done(json!({"disabled_before": true})));
    assert_eq!(story.rows().last().expect("a row").payload.get("already"), None);
}
