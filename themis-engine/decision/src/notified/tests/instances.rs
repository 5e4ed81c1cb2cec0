//! The recovery of one instance: what is acted on, what holds it, what is sent and when it is over.

use std::time::Duration;

use rstest::rstest;
use themis_core::{HostState, Mode, Reason};

use super::Story;
use super::story::{INSTANCE, instance_payload, reset, server, start, stop};
use crate::notified::ACTED_ON;
use crate::recovery::Outcome;

#[test]
fn a_failed_guest_is_stopped_started_where_it_is_and_seen_active() {
    let mut story = Story::begin();
    story.guest_stopped();
    assert_eq!(story.seconds(2), [stop("h1")]);
    story.done();
    assert!(story.seconds(3).is_empty(), "accepted is not stopped");
    story.shows("h1", "stopped");
    assert_eq!(story.seconds(2), [start("h1")]);
    story.done();
    assert!(story.seconds(5).is_empty());
    story.shows("h1", "active");
    story.second();
    assert_eq!(story.statuses(1), ["running", "finished"]);
    let told = [
        "stop_instance started",
        "stop_instance succeeded",
        "start_instance started",
        "start_instance succeeded",
        "confirm_instance started",
        "confirm_instance succeeded",
    ];
    assert_eq!(story.told(), told);
}

#[rstest]
#[case("LIFECYCLE", "STOPPED_FAILED", true)]
#[case("QEMU_GUEST_AGENT_ERROR", "STOPPED_FAILED", true)]
#[case("IO_ERROR", "IO_ERROR_REPORT", true)]
#[case("LIFECYCLE", "STOPPED_DESTROYED", false)]
#[case("LIFECYCLE", "SHUTDOWN_FINISHED", false)]
#[case("IO_ERROR", "IO_ERROR_STOP", false)]
#[case("IO_ERROR", "STOPPED_FAILED", false)]
#[case("REBOOT", "UNKNOWN", false)]
#[case("WATCHDOG", "WATCHDOG_RESET", false)]
#[case("anything", "else", false)]
fn the_table_of_events_is_masakaris(#[case] event: &str, #[case] domain_event: &str, #[case] acted_on: bool) {
    assert_eq!(ACTED_ON.contains(&(event, domain_event)), acted_on);
    let mut story = Story::begin();
    story.notify(1, "VM", "h1", &instance_payload(event, domain_event));
    assert_eq!(story.seconds(2) == [stop("h1")], acted_on);
    let expected: &[&str] = if acted_on { &["running"] } else { &["ignored"] };
    assert_eq!(story.statuses(1), expected);
}

#[rstest]
#[case("True", true)]
#[case(" yes", true)]
#[case("t", true)]
#[case("1", true)]
#[case("False", false)]
#[case("", false)]
#[case("2", false)]
fn an_instance_that_is_not_marked_is_skipped(#[case] mark: &str, #[case] recovered: bool) {
    let mut story = Story::begin();
    if let Some(sight) = &mut story.server {
        sight.metadata.insert("HA_Enabled".to_owned(), mark.to_owned());
    }
    story.guest_stopped();
    assert_eq!(!story.seconds(2).is_empty(), recovered);
    if !recovered {
        assert_eq!(story.statuses(1), ["running", "finished"]);
        assert!(story.message().contains("not Ha_Enabled"));
    }
}

#[test]
fn process_all_instances_recovers_unmarked_ones_and_the_key_is_configurable() {
    let mut story = Story::begin();
    story.server.as_mut().expect("a server").metadata.clear();
    story.world.policy.instance_process_all = true;
    story.guest_stopped();
    assert_eq!(story.seconds(2), [stop("h1")]);

    let mut story = Story::begin();
    story.world.policy.instance_ha_key = "guarded".to_owned();
    story.guest_stopped();
    assert!(story.seconds(2).is_empty());
}

#[rstest]
#[case("paused")]
#[case("rescued")]
fn a_paused_or_rescued_instance_is_ignored(#[case] vm_state: &str) {
    let mut story = Story::begin();
    story.shows("h1", vm_state);
    story.guest_stopped();
    assert!(story.seconds(2).is_empty());
    assert_eq!(story.statuses(1), ["running", "ignored"]);
}

#[test]
fn a_resized_instance_is_reset_to_active_before_it_is_stopped() {
    let mut story = Story::begin();
    story.shows("h1", "resized");
    story.guest_stopped();
    assert_eq!(story.seconds(2), [reset("h1")]);
    story.done();
    story.shows("h1", "active");
    assert_eq!(story.seconds(2), [stop("h1")]);
}

#[test]
fn an_instance_that_is_stopped_already_is_only_started() {
    let mut story = Story::begin();
    story.shows("h1", "stopped");
    story.guest_stopped();
    assert_eq!(story.seconds(2), [start("h1")]);
}

#[test]
fn an_instance_that_is_gone_or_elsewhere_is_left_alone() {
    let mut story = Story::begin();
    story.server = None;
    story.guest_stopped();
    assert!(story.seconds(2).is_empty());
    assert_eq!(story.statuses(1), ["running", "ignored"]);

    let mut story = Story::begin();
    story.shows("h2", "active");
    story.guest_stopped();
    assert!(story.seconds(2).is_empty());
    assert!(story.message().contains("is on h2, not on h1"));
}

#[test]
fn nothing_is_touched_while_themis_only_observes_and_it_says_what_it_would_have_done() {
    let mut story = Story::begin();
    story.world.mode = Mode::Observe;
    story.guest_stopped();
    assert!(story.seconds(3).is_empty());
    assert_eq!(story.statuses(1), ["running", "ignored"]);
    assert!(story.message().contains("would have been stopped and started on h1"));
}

#[test]
fn a_disabled_segment_ignores_in_masakaris_own_words() {
    let mut story = Story::begin();
    for segment in story.world.segments.values_mut() {
        segment.enabled = false;
    }
    story.guest_stopped();
    assert!(story.seconds(2).is_empty());
    assert_eq!(story.statuses(1), ["ignored"]);
    assert_eq!(story.message(), "Recovery aboart: the segment HA is disabled.");
}

#[rstest]
#[case(HostState::Checking)]
#[case(HostState::Failed)]
#[case(HostState::Fencing)]
#[case(HostState::Fenced)]
fn nothing_is_started_before_the_hosts_fate_is_known(#[case] state: HostState) {
    let mut story = Story::begin();
    story.state("h1", state);
    story.guest_stopped();
    assert!(story.seconds(600).is_empty(), "held for as long as it takes");
    assert_eq!(story.statuses(1), ["running"]);
    story.state("h1", HostState::Active);
    assert_eq!(story.seconds(2), [stop("h1")]);
}

#[test]
fn nothing_is_sent_to_a_host_that_somebody_accuses() {
    let mut story = Story::begin();
    story.shows("h1", "stopped");
    let id = story.host("h1");
    let accused = Reason::new("accused", "h1 accused on storage by h2");
    let now = story.now;
    story.world.hosts.get_mut(&id).expect("a host").watch.first_accusation = Some((now, accused));
    story.guest_stopped();
    assert!(story.seconds(300).is_empty());
    story.world.hosts.get_mut(&id).expect("a host").watch.first_accusation = None;
    assert_eq!(story.seconds(2), [start("h1")]);
}

#[rstest]
#[case(HostState::Evacuating)]
#[case(HostState::Evacuated)]
#[case(HostState::Recovering)]
#[case(HostState::Disabled)]
fn an_instance_of_a_host_in_recovery_is_left_to_that(#[case] state: HostState) {
    let mut story = Story::begin();
    story.state("h1", state);
    story.guest_stopped();
    assert!(story.seconds(2).is_empty());
    assert_eq!(story.statuses(1), ["running", "ignored"]);
}

#[test]
fn no_start_is_sent_to_a_host_whose_nova_compute_is_down() {
    let mut story = Story::begin();
    story.shows("h1", "stopped");
    story.service("h1").up = false;
    story.guest_stopped();
    assert!(
        story.seconds(170).is_empty(),
        "it would lie in the queue until the host returns"
    );
    story.service("h1").up = true;
    assert_eq!(story.seconds(2), [start("h1")]);
}

#[test]
fn an_instance_that_was_stopped_here_is_started_where_its_hosts_recovery_brought_it() {
    let mut story = Story::begin();
    story.guest_stopped();
    story.seconds(2);
    story.done();
    story.shows("h1", "stopped");
    story.second();
    story.state("h1", HostState::Checking);
    assert!(story.seconds(300).is_empty());
    story.state("h1", HostState::Evacuating);
    assert!(story.seconds(20).is_empty());
    story.shows("h2", "stopped");
    assert_eq!(story.seconds(2), [start("h2")]);
    story.done();
    story.shows("h2", "active");
    story.second();
    assert_eq!(story.statuses(1), ["running", "finished"]);
}

#[test]
fn a_start_that_was_sent_to_a_host_that_died_is_sent_again_where_the_instance_is_now() {
    let mut story = Story::begin();
    story.shows("h1", "stopped");
    story.guest_stopped();
    assert_eq!(story.seconds(2), [start("h1")]);
    story.done();
    story.state("h1", HostState::Evacuated);
    story.shows("h2", "stopped");
    assert_eq!(story.seconds(4), [start("h2")]);
}

#[test]
fn an_instance_that_does_not_stop_fails_and_is_tried_once_more_then_given_up() {
    let mut story = Story::begin();
    story.guest_stopped();
    story.seconds(2);
    story.done();
    assert!(story.seconds(185).is_empty());
    assert_eq!(story.statuses(1), ["running", "error"]);
    assert_eq!(story.message(), format!("Failed to stop instance {INSTANCE}"));
    assert_eq!(story.seconds(120), [stop("h1")], "after two minutes");
    story.done();
    story.seconds(400);
    assert_eq!(story.statuses(1), ["running", "error", "running", "failed"]);
    assert_eq!(story.calls.len(), 2);
}

#[test]
fn an_instance_that_is_not_active_within_its_time_fails() {
    let mut story = Story::begin();
    story.shows("h1", "stopped");
    story.guest_stopped();
    story.seconds(2);
    story.done();
    story.seconds(59);
    assert_eq!(story.statuses(1), ["running"]);
    story.seconds(3);
    assert_eq!(story.statuses(1), ["running", "error"]);
}

#[test]
fn what_nova_refuses_fails_at_once() {
    let mut story = Story::begin();
    story.guest_stopped();
    story.seconds(2);
    story.answer(Outcome::Failed(Reason::new("nova_refused", "409 locked")));
    assert_eq!(story.statuses(1), ["running", "error"]);
}

#[test]
fn a_lost_answer_is_looked_at_and_repeated_only_when_nothing_came_of_it_within_the_horizon() {
    let mut story = Story::begin();
    story.guest_stopped();
    story.seconds(2);
    story.lost();
    assert!(story.seconds(119).is_empty());
    assert_eq!(story.seconds(5), [stop("h1")]);

    let mut story = Story::begin();
    story.guest_stopped();
    story.seconds(2);
    story.lost();
    story.shows("h1", "stopped");
    assert_eq!(story.seconds(2), [start("h1")], "it holds: nothing is repeated");
}

#[test]
fn nova_that_does_not_answer_is_waited_for_and_then_the_recovery_fails() {
    let mut story = Story::begin();
    story.silent = true;
    story.guest_stopped();
    story.seconds(170);
    assert_eq!(story.statuses(1), ["running"]);
    story.seconds(20);
    assert_eq!(story.statuses(1), ["running", "error"]);
}

#[test]
fn one_instance_has_one_recovery_at_a_time_and_what_was_reported_before_it_is_answered_by_it() {
    let mut story = Story::begin();
    story.guest_stopped();
    story.notify(2, "VM", "h1", &instance_payload("IO_ERROR", "IO_ERROR_REPORT"));
    assert_eq!(story.seconds(3), [stop("h1")]);
    story.shows("h1", "stopped");
    story.done();
    story.seconds(2);
    story.done();
    story.shows("h1", "active");
    story.second();
    assert_eq!(story.statuses(1), ["running", "finished"]);
    assert_eq!(story.statuses(2), ["ignored"]);
}

#[test]
fn a_notification_that_grew_old_is_given_up_whatever_it_waits_for() {
    let mut story = Story::begin();
    story.state("h1", HostState::Failed);
    story.world.policy.notification_expiry = Duration::from_secs(86_400);
    story.guest_stopped();
    story.seconds(5);
    assert_eq!(story.statuses(1), ["running"]);
    story.now = story.now.plus(Duration::from_secs(86_400));
    story.second();
    assert_eq!(story.statuses(1), ["running", "failed"]);
    assert!(story.calls.is_empty());
}

#[test]
fn nova_at_work_on_the_instance_is_not_disturbed() {
    let mut story = Story::begin();
    let mut busy = server("h1", "active");
    busy.task_state = Some("migrating".to_owned());
    story.server = Some(busy);
    story.guest_stopped();
    assert!(story.seconds(60).is_empty());
    story.shows("h1", "active");
    assert_eq!(story.seconds(2), [stop("h1")]);
}

#[test]
fn an_instance_that_somebody_paused_before_the_retry_is_left_alone() {
    let mut story = Story::begin();
    story.guest_stopped();
    story.seconds(2);
    story.answer(Outcome::Failed(Reason::new("nova_refused", "409 locked")));
    story.shows("h1", "paused");
    assert!(story.seconds(130).is_empty());
    assert_eq!(story.statuses(1), ["running", "error", "running", "ignored"]);
}
