//! Thousands at once: who gets a place, who waits, and that what is held keeps no place from others.

use themis_core::{HostState, Reason};

use super::Story;
use super::story::{instance_payload, stop};
use crate::recovery::Outcome;

fn running(story: &Story, numbers: std::ops::Range<u128>) -> usize {
    numbers.filter(|number| story.statuses(*number) == ["running"]).count()
}

#[test]
fn recoveries_are_bounded_and_taken_up_a_few_at_a_time() {
    let mut story = Story::begin();
    story.guests_stopped(100, 20, "h1");
    story.guests_stopped(200, 20, "h2");
    story.second();
    assert_eq!(running(&story, 100..220), 2);
    story.seconds(60);
    assert_eq!(running(&story, 100..220), 8);
    assert_eq!(story.sights, 8);
}

#[test]
fn the_guests_of_one_host_leave_places_to_those_of_others() {
    let mut story = Story::begin();
    story.guests_stopped(100, 500, "h2");
    story.seconds(60);
    assert_eq!(running(&story, 100..600), 6);
    story.guest_stopped();
    assert_eq!(story.seconds(2), [stop("h1")]);
}

#[test]
fn a_process_does_not_queue_behind_instances() {
    let mut story = Story::begin();
    story.guests_stopped(100, 500, "h2");
    story.guests_stopped(600, 500, "h3");
    story.second();
    let payload = serde_json::json!({"event": "STOPPED", "process_name": "nova-compute"});
    story.notify(1, "PROCESS", "h1", &payload);
    assert_eq!(story.seconds(2).len(), 1);
}

#[test]
fn what_is_held_by_its_host_keeps_no_place_and_is_not_looked_at_but_says_why() {
    let mut story = Story::begin();
    story.state("h2", HostState::Failed);
    story.guests_stopped(100, 200, "h2");
    story.guest_stopped();
    assert_eq!(story.seconds(3), [stop("h1")]);
    story.seconds(10);
    assert_eq!(running(&story, 100..300), 200);
    assert!(story.message().contains("h2 is failed"), "{}", story.message());
    assert!(story.sights <= 1, "{}", story.sights);
}

#[test]
fn what_was_held_goes_on_in_turns_when_its_host_is_well() {
    let mut story = Story::begin();
    story.state("h2", HostState::Checking);
    story.guests_stopped(100, 200, "h2");
    story.seconds(3600);
    story.state("h2", HostState::Active);
    story.second();
    assert!((1..=2).contains(&story.sights), "{}", story.sights);
    story.seconds(30);
    assert_eq!(story.sights, 8, "as many as there are places");
    assert_eq!(running(&story, 100..300), 200, "no time ran while they waited");
}

#[test]
fn an_instance_that_was_stopped_when_its_host_failed_gives_its_place_to_others_meanwhile() {
    let mut story = Story::begin();
    story.guests_stopped(100, 6, "h2");
    for number in 100..106 {
        let id = themis_core::InstanceId(uuid::Uuid::from_u128(1000 + number));
        story.others.insert(id, super::story::server("h2", "active"));
    }
    for _ in 0..10 {
        let begun = story.second().len();
        story.done_last(begun);
    }
    assert_eq!(story.calls.len(), 6, "all six were asked to stop");
    story.state("h2", HostState::Failed);
    story.guests_stopped(300, 4, "h1");
    story.guests_stopped(400, 2, "h3");
    story.seconds(30);
    assert_eq!(running(&story, 300..402), 6);
}

#[test]
fn a_failed_attempt_is_not_repeated_when_another_notification_brought_the_instance_back() {
    let mut story = Story::begin();
    story.guest_stopped();
    story.seconds(2);
    story.answer(Outcome::Failed(Reason::new("nova_refused", "409")));
    assert_eq!(story.statuses(1), ["running", "error"]);
    story.notify(2, "VM", "h1", &instance_payload("IO_ERROR", "IO_ERROR_REPORT"));
    assert_eq!(story.seconds(2), [stop("h1")]);
    story.shows("h1", "stopped");
    story.done();
    story.seconds(2);
    story.done();
    story.shows("h1", "active");
    story.second();
    assert_eq!(story.statuses(2), ["running", "finished"]);
    assert!(story.seconds(300).is_empty(), "it runs: a stop would interrupt it");
    assert_eq!(story.statuses(1), ["running", "error", "ignored"]);
}

#[test]
fn what_is_reported_of_an_instance_after_its_start_was_sent_is_no_news_of_before() {
    let mut story = Story::begin();
    story.guest_stopped();
    assert_eq!(story.seconds(2), [stop("h1")]);
    story.shows("h1", "stopped");
    story.done();
    story.notify(2, "VM", "h1", &instance_payload("IO_ERROR", "IO_ERROR_REPORT"));
    story.seconds(2);
    story.done();
    // Started, and crashed once more; Nova shows it as active until it looks.
    story.now = story.now.plus(std::time::Duration::from_millis(500));
    story.notify(3, "VM", "h1", &instance_payload("LIFECYCLE", "STOPPED_FAILED"));
    story.shows("h1", "active");
    assert_eq!(story.seconds(4), [stop("h1")], "for what was reported last");
    let last = |number| story.statuses(number).last().map(ToString::to_string);
    assert_eq!(last(1).as_deref(), Some("finished"));
    assert_eq!(last(2).as_deref(), Some("ignored"));
    assert_eq!(last(3).as_deref(), Some("running"));
}
