//! A successor stands where the leader stood, and looks before it acts.

use std::time::Duration;

use super::Story;
use super::story::stop;
use crate::notified::{Stage, Step};

#[test]
fn every_step_has_a_stored_name_of_its_own() {
    for step in Step::ALL {
        assert_eq!(Step::named(step.name()), Some(step));
    }
    assert_eq!(Step::named("evacuate"), None);
}

#[test]
fn a_successor_looks_before_it_stops_or_starts_again() {
    let mut story = Story::begin();
    story.guest_stopped();
    story.seconds(2);
    story.takeover(None);
    let id = themis_core::NotificationId(uuid::Uuid::from_u128(1));
    let stage = story.world.notified.get(id).expect("a recovery").stage.clone();
    assert_eq!(
        stage,
        Stage::Followed {
            step: Step::StopInstance,
            doubtful: true
        }
    );
    assert!(story.seconds(60).is_empty(), "it may have been sent");
    story.shows("h1", "stopped");
    assert_eq!(story.seconds(2).len(), 1);
    story.takeover(None);
    story.shows("h1", "active");
    assert!(story.seconds(2).is_empty());
    assert_eq!(story.statuses(1), ["running", "finished"]);
}

#[test]
fn a_successor_goes_on_confirming() {
    let mut story = Story::begin();
    story.shows("h1", "stopped");
    story.guest_stopped();
    story.seconds(2);
    story.done();
    story.takeover(None);
    story.shows("h1", "active");
    assert!(story.seconds(2).is_empty());
    assert_eq!(story.statuses(1), ["running", "finished"]);
}

#[test]
fn the_one_retry_stays_the_only_one_over_leaders() {
    let mut story = Story::begin();
    story.guest_stopped();
    story.seconds(2);
    story.done();
    story.seconds(185);
    assert_eq!(story.statuses(1), ["running", "error"]);
    story.takeover(Some(Duration::from_secs(60)));
    assert!(story.seconds(55).is_empty());
    assert_eq!(story.seconds(10), [stop("h1")]);
    story.takeover(None);
    let id = themis_core::NotificationId(uuid::Uuid::from_u128(1));
    assert_eq!(story.world.notified.get(id).expect("a recovery").run, 2);
    for _ in 0..800 {
        if !story.second().is_empty() {
            story.done();
        }
    }
    assert_eq!(story.statuses(1).last(), Some(&"failed"));
    assert_eq!(story.statuses(1).iter().filter(|status| **status == "error").count(), 1);
}

#[test]
fn a_leader_that_died_right_after_it_began_the_retry_is_in_its_second_run() {
    let mut story = Story::begin();
    story.guest_stopped();
    story.silent = true;
    story.seconds(190);
    assert_eq!(story.statuses(1), ["running", "error"]);
    // Status `running` was stored, and no row yet of the second run.
    story.takeover(None);
    let id = themis_core::NotificationId(uuid::Uuid::from_u128(1));
    assert_eq!(story.world.notified.get(id).expect("a recovery").run, 2);
}
