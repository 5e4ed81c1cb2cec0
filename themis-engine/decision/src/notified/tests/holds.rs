//! What holds a recovery back although its host is Active: an engine that has not heard enough, a claim, a network that
//! is out; and what is said of a start that a dying host left behind.

use themis_core::{HostState, NetworkName, NotificationId, Reason};

use super::Story;
use super::story::{start, stop};
use crate::recovery::Outcome;
use crate::world::{Claim, Outage};

#[test]
fn an_engine_that_has_only_begun_to_hear_starts_nothing() {
    let mut story = Story::begin();
    story.shows("h1", "stopped");
    story.world.deaf = true;
    story.guest_stopped();
    assert!(story.seconds(14).is_empty(), "Nova holds a dead host up for a minute");
    assert_eq!(story.statuses(1), ["running"]);
    story.world.deaf = false;
    assert_eq!(story.seconds(2), [start("h1")]);
}

#[test]
fn a_host_that_somebody_claims_to_be_dead_is_not_started_on_before_that_is_looked_into() {
    let mut story = Story::begin();
    let id = story.host("h1");
    let claim = Claim {
        notification: NotificationId(uuid::Uuid::from_u128(9)),
        reason: Reason::new("claimed", "a monitor's notification says that h1 stopped"),
    };
    story.world.hosts.get_mut(&id).expect("a host").watch.claim = Some(claim);
    story.guest_stopped();
    assert!(story.seconds(300).is_empty());
    assert!(story.message().contains("says that h1 stopped"), "{}", story.message());
    story.world.hosts.get_mut(&id).expect("a host").watch.claim = None;
    assert_eq!(story.seconds(2), [stop("h1")]);
}

fn outage(story: &mut Story, network: &str) {
    let (since, last) = (story.now, story.now);
    let reason = Reason::new("network_out", format!("{network} fails for 3 of 3 hosts"));
    story
        .world
        .outages
        .insert(NetworkName::new(network), Outage { since, last, reason });
}

#[test]
fn guests_are_left_as_they_are_while_a_critical_network_is_out() {
    let mut story = Story::begin();
    outage(&mut story, "storage");
    story.guest_stopped();
    assert!(story.seconds(3600).is_empty(), "stopped, they could not be started");
    assert_eq!(
        story.message(),
        "storage fails for 3 of 3 hosts: no instance is stopped or started meanwhile"
    );
    story.world.outages.clear();
    assert_eq!(story.seconds(2), [stop("h1")]);
}

#[test]
fn a_tolerated_network_that_is_out_holds_no_guest_back() {
    let mut story = Story::begin();
    outage(&mut story, "management");
    story.guest_stopped();
    assert_eq!(story.seconds(2), [stop("h1")]);
}

#[test]
fn a_start_that_a_dying_host_left_behind_is_told_to_the_end_and_over_a_change_of_leaders() {
    let mut story = Story::begin();
    story.shows("h1", "stopped");
    story.guest_stopped();
    assert_eq!(story.seconds(2), [start("h1")]);
    story.done();
    story.state("h1", HostState::Evacuated);
    story.shows("h2", "stopped");
    assert_eq!(story.seconds(4), [start("h2")]);
    story.answer(Outcome::Done(serde_json::json!({})));
    story.takeover(None);
    story.shows("h2", "active");
    story.seconds(2);
    assert_eq!(story.statuses(1), ["running", "finished"]);
    let message = story.message();
    assert!(message.contains("queue of nova-compute on h1"), "{message}");
}

#[test]
fn a_host_is_asked_for_a_sign_of_life_right_before_anything_is_sent_to_it() {
    let mut story = Story::begin();
    story.seconds(3);
    story.mute = true;
    story.seconds(3);
    story.guest_stopped();
    assert!(story.seconds(4).is_empty(), "its last report is seconds old");
    assert_eq!(story.asked, [story.host("h1")]);
    assert_eq!(story.message(), "", "an answer is usual");
    story.mute = false;
    assert_eq!(story.seconds(2), [stop("h1")]);
    story.mute = true;
    story.done();
    story.seconds(3);
    story.shows("h1", "stopped");
    assert!(story.seconds(8).is_empty(), "it may have died since");
    assert!(story.message().contains("does not answer"), "{}", story.message());
    story.mute = false;
    assert_eq!(story.seconds(2), [start("h1")]);
}

#[test]
fn a_host_without_a_monitor_of_ours_is_not_waited_for() {
    let mut story = Story::begin();
    story.world.evidence.observers.remove("h1");
    story.guest_stopped();
    assert_eq!(story.seconds(2), [stop("h1")]);
    assert!(story.asked.is_empty());
}
