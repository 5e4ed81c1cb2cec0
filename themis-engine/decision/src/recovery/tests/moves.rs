//! What is done for each instance, in which order, and how much of it at once.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use themis_core::{HostState, InstanceId, Moment};

use super::super::plan::tell_nova;
use super::super::{Effect, Phase, Recovery, Step, StepEvent, StepRow};
use crate::policy::LocalDisk;
use crate::testing::Cluster;
use crate::testing::nova::{Answers, instance_id};

/// Six hosts; `h1` crashes with guests 1 to `guests`.
fn crashed(guests: usize) -> Cluster {
    let mut cluster = Cluster::of(6);
    for number in 1..=guests {
        cluster.nova.boot(number, "h1");
    }
    cluster.crash("h1");
    cluster
}

fn phase(cluster: &Cluster, number: usize) -> &Phase {
    &cluster.host("h1").recovery.instances[&instance_id(number)].phase
}

fn posted(cluster: &Cluster) -> Vec<InstanceId> {
    cluster.nova.posts.iter().map(|(_, id)| *id).collect()
}

/// The code of the reason for which an instance was left.
fn left(cluster: &Cluster, number: usize) -> String {
    match phase(cluster, number) {
        Phase::Held(reason) | Phase::Failed(reason) => reason.code.clone(),
        other => panic!("{other:?}\n{}", cluster.story()),
    }
}

#[test]
fn nova_is_told_down_before_it_is_told_disabled() {
    let mut recovery = Recovery::default();
    let mut told = Vec::new();
    for _ in 0..4 {
        for (row, effect) in tell_nova(&recovery, Moment(0)) {
            recovery.apply(&row, Some(Moment(0)));
            assert_eq!(tell_nova(&recovery, Moment(0)), [], "nothing is begun beside it");
            recovery.apply(
                &StepRow {
                    event: StepEvent::Succeeded,
                    ..row
                },
                Some(Moment(0)),
            );
            told.extend(effect);
        }
    }
    assert_eq!(told, [Effect::ForceDown, Effect::Disable]);
}

#[test]
fn step_that_fails_is_tried_again_more_and_more_seldom() {
    let mut cluster = crashed(1);
    cluster.nova.answers = Answers::Busy;
    cluster.until("h1", HostState::Fenced);
    cluster.run(100);
    assert_eq!(cluster.hold("h1"), Some("nova_not_told"));
    let rows = cluster.log_of("h1");
    let begun = rows
        .iter()
        .filter(|row| row.step == Step::ForceDown && row.event == StepEvent::Started)
        .count();
    assert!(
        (12..=14).contains(&begun),
        "1, 2, 4, 8 s apart, then 10: not {begun} times"
    );
    cluster.nova.answers = Answers::Well;
    cluster.until("h1", HostState::Evacuated);
}

#[test]
fn listing_that_does_not_succeed_is_shown() {
    let mut cluster = crashed(1);
    cluster.until("h1", HostState::Evacuating);
    cluster.nova.answers = Answers::Busy;
    cluster.run(90);
    assert_eq!(
        (cluster.state("h1"), cluster.hold("h1")),
        (HostState::Evacuating, Some("nova_not_listed"))
    );
    cluster.nova.answers = Answers::Well;
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.nova.posts.len(), 1);
}

#[test]
fn evacuations_of_one_host_are_bounded_and_go_by_priority() {
    let mut cluster = crashed(20);
    for number in [18, 19, 20] {
        let guest = cluster.nova.guests.get_mut(&instance_id(number)).expect("a guest");
        guest.listed.priority = 100 + i64::try_from(number).expect("small");
    }
    cluster.nova.stalls = true;
    cluster.until("h1", HostState::Evacuating);
    cluster.run(30);
    let first: Vec<InstanceId> = [20, 19, 18, 1, 2, 3, 4, 5].map(instance_id).into();
    assert_eq!(posted(&cluster), first);
    cluster.nova.stalls = false;
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.nova.posts.len(), 20);
}

#[test]
fn evacuations_of_all_hosts_together_are_bounded() {
    let mut cluster = crashed(8);
    cluster.world.policy.evacuations_parallel_total = 10;
    for number in 9..=16 {
        cluster.nova.boot(number, "h2");
    }
    cluster.nova.stalls = true;
    cluster.crash("h2");
    cluster.until("h1", HostState::Evacuating);
    cluster.until("h2", HostState::Evacuating);
    cluster.run(30);
    assert_eq!(cluster.nova.posts.len(), 10);
    cluster.nova.stalls = false;
    cluster.until("h1", HostState::Evacuated);
    cluster.until("h2", HostState::Evacuated);
    assert_eq!(cluster.nova.posts.len(), 16);
}

#[test]
fn instance_without_a_valid_host_is_tried_again_and_then_given_up_with_its_reason() {
    let mut cluster = crashed(1);
    cluster.nova.no_valid_host = 2;
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.outcomes(), ["evacuated"]);
    let before: Vec<_> = cluster
        .log_of("h1")
        .into_iter()
        .filter(|row| row.step == Step::Evacuate && row.event == StepEvent::Started)
        .map(|row| row.payload["before"].clone())
        .collect();
    assert_eq!(
        before,
        [json!([]), json!([1]), json!([1, 2])],
        "a failed migration is not taken for the new one"
    );

    let mut cluster = crashed(2);
    cluster.nova.no_valid_host = 100;
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(
        (cluster.outcomes(), cluster.nova.posts.len()),
        (vec!["partly_evacuated"], 6)
    );
    assert_eq!(left(&cluster, 1), "evacuation_failed");
}

#[rstest]
#[case::held(LocalDisk::Hold, 0)]
#[case::rebuilt(LocalDisk::Rebuild, 1)]
fn instance_with_a_local_disk_is_moved_only_when_that_is_allowed(#[case] rule: LocalDisk, #[case] posts: usize) {
    let mut cluster = crashed(1);
    cluster.world.policy.local_disk = rule;
    cluster
        .nova
        .guests
        .get_mut(&instance_id(1))
        .expect("a guest")
        .listed
        .local_disk = true;
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.nova.posts.len(), posts);
    if posts == 0 {
        assert_eq!(left(&cluster, 1), "local_disk");
    }
}

#[test]
fn instance_that_may_run_on_a_living_host_is_left_with_the_reason() {
    let mut cluster = crashed(1);
    cluster
        .nova
        .guests
        .get_mut(&instance_id(1))
        .expect("a guest")
        .listed
        .may_run_on = vec!["h2".to_owned()];
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(
        (left(&cluster, 1).as_str(), cluster.nova.posts.len()),
        ("may_run_elsewhere", 0)
    );
    assert_eq!(cluster.outcomes(), ["partly_evacuated"]);
}

#[test]
fn instance_that_may_run_on_a_dying_host_waits_until_that_is_proven_off() {
    let mut cluster = crashed(1);
    let guest = cluster.nova.guests.get_mut(&instance_id(1)).expect("a guest");
    guest.listed.may_run_on = vec!["h2".to_owned()];
    // The live migration had got as far as that.
    guest.runs_on = ["h2".to_owned()].into();
    cluster.run(10);
    cluster.cut("h2", "storage");
    cluster.until("h1", HostState::Evacuating);
    cluster.run(10);
    assert_eq!(
        (cluster.hold("h1"), cluster.nova.posts.len()),
        (Some("waits_for_another_host"), 0)
    );
    cluster.until("h2", HostState::Evacuated);
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(
        (cluster.nova.posts.len(), cluster.outcomes()),
        (1, vec!["evacuated"; 2])
    );
}

#[test]
fn instance_that_appears_late_is_found_by_the_last_listing() {
    let mut cluster = crashed(3);
    cluster.until("h1", HostState::Evacuating);
    cluster.run(2);
    cluster.nova.boot(4, "h1").runs_on.clear();
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(posted(&cluster), [1, 2, 3, 4].map(instance_id));
    assert!(matches!(phase(&cluster, 4), Phase::Back { .. }));
}

#[test]
fn host_without_instances_is_evacuated_at_once() {
    let mut cluster = crashed(0);
    cluster.until("h1", HostState::Evacuated);
    assert_eq!((cluster.outcomes(), cluster.nova.posts.len()), (vec!["evacuated"], 0));
}

#[rstest]
#[case::stopped("stopped", "stopped")]
#[case::paused("paused", "stopped")]
#[case::failed("error", "active")]
fn former_state_is_restored_as_far_as_it_exists_without_memory(#[case] before: &str, #[case] after: &str) {
    let mut cluster = crashed(1);
    let guest = cluster.nova.guests.get_mut(&instance_id(1)).expect("a guest");
    guest.listed.vm_state = before.to_owned();
    guest.vm_state = before.to_owned();
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.nova.guests[&instance_id(1)].vm_state, after);
    let resets = cluster
        .log_of("h1")
        .iter()
        .filter(|row| row.step == Step::ResetState)
        .count();
    assert_eq!(resets > 0, before == "paused", "only what Nova would not take is reset");
}

#[test]
fn instance_that_was_deleted_meanwhile_is_gone() {
    let mut cluster = crashed(1);
    cluster.nova.stalls = true;
    cluster.wait("an evacuation", |c| c.evacuations("h1") > 0);
    cluster.nova.guests.get_mut(&instance_id(1)).expect("a guest").deleted = true;
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(phase(&cluster, 1), &Phase::Gone);
}

#[test]
fn instance_that_runs_nowhere_is_not_moved() {
    let mut cluster = crashed(1);
    cluster
        .nova
        .guests
        .get_mut(&instance_id(1))
        .expect("a guest")
        .listed
        .vm_state = "shelved_offloaded".to_owned();
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(left(&cluster, 1), "nothing_to_move");
}

#[test]
fn slow_evacuation_is_pointed_out_and_never_repeated() {
    let mut cluster = crashed(1);
    cluster.nova.stalls = true;
    cluster.until("h1", HostState::Evacuating);
    cluster.run(500);
    assert_eq!(cluster.told("h1", "alarm"), ["evacuation_slow"]);
    assert_eq!(cluster.nova.posts.len(), 1);
}

#[test]
fn outage_of_nova_uses_up_no_try_of_an_instance_and_is_said() {
    let mut cluster = crashed(20);
    cluster.until("h1", HostState::Evacuating);
    cluster.wait("a listing", |c| c.host("h1").recovery.listed);
    cluster.nova.answers = Answers::Busy;
    cluster.run(30);
    let begun = cluster.evacuations("h1");
    cluster.run(600);
    assert_eq!(
        (cluster.state("h1"), cluster.hold("h1")),
        (HostState::Evacuating, Some("nova_unavailable")),
        "{}",
        cluster.story()
    );
    let in_ten_minutes = cluster.evacuations("h1") - begun;
    assert!(
        (55..=65).contains(&in_ten_minutes),
        "one in ten seconds, not {in_ten_minutes}"
    );
    // Back, and without room for the first ones at first.
    (cluster.nova.answers, cluster.nova.no_valid_host) = (Answers::Well, 2);
    assert!(cluster.until("h1", HostState::Evacuated) < Duration::from_secs(60));
    assert_eq!(cluster.outcomes(), ["evacuated"], "{}", cluster.story());
    assert_eq!((cluster.nova.running_on("h1"), cluster.nova.posts.len()), (0, 22));
}

#[test]
fn requests_whose_answers_are_lost_for_half_an_hour_use_up_no_try() {
    let mut cluster = crashed(2);
    cluster.until("h1", HostState::Evacuating);
    cluster.wait("a listing", |c| c.host("h1").recovery.listed);
    cluster.nova.answers = Answers::Dropped;
    cluster.run(1800);
    cluster.wait("the hold", |c| c.hold("h1") == Some("evacuations_in_doubt"));
    let sent = cluster.evacuations("h1");
    assert!((20..=32).contains(&sent), "two in each two minutes, not {sent}");
    (cluster.nova.answers, cluster.nova.no_valid_host) = (Answers::Well, 2);
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.outcomes(), ["evacuated"], "{}", cluster.story());
}

#[test]
fn instance_that_nova_refuses_is_tried_as_often_as_it_may_fail_and_then_given_up() {
    let mut cluster = crashed(1);
    cluster.until("h1", HostState::Evacuating);
    cluster.wait("a listing", |c| c.host("h1").recovery.listed);
    cluster.nova.answers = Answers::Refused;
    cluster.wait("a second refusal", |c| {
        c.host("h1").recovery.instances[&instance_id(1)].failures == 2
    });
    cluster.nova.answers = Answers::Well;
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.outcomes(), ["evacuated"]);

    let mut cluster = crashed(1);
    cluster.until("h1", HostState::Evacuating);
    cluster.wait("a listing", |c| c.host("h1").recovery.listed);
    cluster.nova.answers = Answers::Refused;
    cluster.wait("it is given up", |c| matches!(phase(c, 1), Phase::Failed(_)));
    assert_eq!(cluster.evacuations("h1"), 3);
    cluster.nova.answers = Answers::Well;
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(
        (left(&cluster, 1).as_str(), cluster.outcomes()),
        ("nova_refused", vec!["partly_evacuated"])
    );
}

#[test]
fn instance_that_nova_forbids_keeps_no_other_waiting_and_is_given_up_beside_those_that_it_takes() {
    let mut cluster = crashed(12);
    let worst = instance_id(1);
    cluster.nova.guests.get_mut(&worst).expect("a guest").listed.priority = 100;
    cluster.nova.forbidden.insert(worst);
    cluster.world.policy.evacuations_parallel = 1;
    cluster.until("h1", HostState::Evacuating);
    let all_others = cluster.wait("all others to be back", |c| {
        c.host("h1").recovery.progress() == (11, 12)
    });
    assert!(
        all_others < Duration::from_secs(120),
        "{all_others:?}\n{}",
        cluster.story()
    );
    cluster.wait("the hold", |c| c.hold("h1") == Some("nova_unavailable"));
    // It may be a role that was taken away: not a matter of seconds.
    cluster.run(200);
    assert!(matches!(phase(&cluster, 1), Phase::Waiting(_) | Phase::Posting));
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(
        (left(&cluster, 1).as_str(), cluster.outcomes()),
        ("nova_forbidden", vec!["partly_evacuated"])
    );
}

#[test]
fn what_nova_forbids_altogether_is_held_against_no_instance() {
    let mut cluster = crashed(3);
    cluster.nova.forbidden = [1, 2, 3].map(instance_id).into();
    cluster.until("h1", HostState::Evacuating);
    cluster.run(2000);
    assert_eq!(cluster.hold("h1"), Some("nova_unavailable"));
    cluster.nova.forbidden.clear();
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.outcomes(), ["evacuated"], "{}", cluster.story());
}

#[test]
fn resets_without_an_answer_are_repeated_one_at_a_time_and_more_and_more_seldom() {
    let mut cluster = crashed(6);
    for number in 1..=6 {
        let guest = cluster.nova.guests.get_mut(&instance_id(number)).expect("a guest");
        (guest.listed.vm_state, guest.vm_state) = ("paused".to_owned(), "paused".to_owned());
    }
    cluster.until("h1", HostState::Evacuating);
    cluster.wait("a listing", |c| c.host("h1").recovery.listed);
    cluster.nova.answers = Answers::Dropped;
    cluster.run(600);
    let rows = cluster
        .log_of("h1")
        .iter()
        .filter(|row| row.step == Step::ResetState)
        .count();
    assert!(
        (110..=150).contains(&rows),
        "two rows in ten seconds, not {rows} in ten minutes"
    );
    assert_eq!(cluster.hold("h1"), Some("nova_unavailable"));
    cluster.nova.answers = Answers::Well;
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.outcomes(), ["evacuated"]);
}

#[test]
fn request_that_was_not_sent_says_nothing_of_nova() {
    let mut cluster = crashed(1);
    cluster.wait("an evacuation", |c| c.evacuations("h1") > 0);
    let mut recovery = cluster.host("h1").recovery.clone();
    for code in ["not_leading", "proof_old"] {
        let payload = json!({"reason": {"code": code, "text": ""}, "retry": true});
        let row = StepRow::of_instance(Step::Evacuate, instance_id(1), 1, StepEvent::Failed, payload);
        recovery.apply(&row, Some(Moment(0)));
        assert_eq!((&recovery.nova_away, recovery.taken), (&None, false));
        assert!(matches!(
            recovery.instances[&instance_id(1)].phase,
            Phase::Waiting(Some(_))
        ));
    }
}

#[test]
fn successor_knows_what_counted_and_what_did_not() {
    let mut cluster = crashed(3);
    cluster.until("h1", HostState::Evacuating);
    cluster.wait("a listing", |c| c.host("h1").recovery.listed);
    cluster.nova.answers = Answers::Busy;
    cluster.run(120);
    let live = cluster.host("h1").recovery.clone();
    let replayed = Recovery::replay(&cluster.log_of("h1"));
    let tries = |recovery: &Recovery| recovery.nova_away.as_ref().map(|away| away.tries);
    assert_eq!(tries(&replayed), tries(&live));
    assert!(replayed.instances.values().all(|i| i.failures == 0));
}
