//! A leader dies at any moment; another goes on from what was stored, and nothing is posted twice.

use themis_core::HostState;

use crate::testing::nova::Answers;
use crate::testing::{Begun, Cluster};

fn crashed(guests: usize) -> Cluster {
    let mut cluster = Cluster::of(4);
    for number in 1..=guests {
        cluster.nova.boot(number, "h1");
    }
    cluster.crash("h1");
    cluster
}

/// Gives the new leader time to settle, as the engine does.
fn settle(cluster: &mut Cluster) {
    cluster.run(cluster.world.policy.settle_period.as_secs());
    cluster.world.settled = true;
}

#[test]
fn leader_killed_right_after_an_evacuate_request_posts_nothing_twice() {
    for begun in [Begun::Sent, Begun::Unsent] {
        let mut cluster = crashed(20);
        cluster.wait("an evacuation", |c| c.evacuations("h1") > 0);
        cluster.fail_over(begun);
        settle(&mut cluster);
        cluster.until("h1", HostState::Evacuated);
        assert_eq!(cluster.nova.posts.len(), 20, "{begun:?}\n{}", cluster.story());
        assert_eq!(cluster.outcomes(), ["evacuated"]);
    }
}

#[test]
fn leader_may_die_at_any_time_of_a_recovery() {
    // From the crash to the last instance it takes some 45 seconds; the moments of interest lie after the 27th.
    for second in [5, 15, 25].into_iter().chain(26..46) {
        for begun in [Begun::Sent, Begun::Unsent] {
            let mut cluster = crashed(12);
            cluster.run(second);
            cluster.fail_over(begun);
            settle(&mut cluster);
            cluster.until("h1", HostState::Evacuated);
            assert_eq!(
                cluster.nova.posts.len(),
                12,
                "at {second} s, {begun:?}\n{}",
                cluster.story()
            );
            assert_eq!(cluster.nova.running_on("h1"), 0);
        }
    }
}

#[test]
fn new_leader_confirms_a_failure_for_itself_before_it_fences() {
    let mut cluster = crashed(1);
    cluster.set_segment_enabled(false);
    cluster.until("h1", HostState::Failed);
    cluster.run(30);
    cluster.fail_over(Begun::Unsent);
    cluster.set_segment_enabled(true);
    settle(&mut cluster);
    assert_eq!(cluster.state("h1"), HostState::Checking);
    cluster.assert_untouched();
    assert!(cluster.until("h1", HostState::Fencing) >= cluster.world.policy.confirm_period_silent);
}

#[test]
fn new_leader_does_not_fence_what_recovered_meanwhile() {
    let mut cluster = crashed(1);
    cluster.set_segment_enabled(false);
    cluster.until("h1", HostState::Failed);
    cluster.fail_over(Begun::Unsent);
    cluster.heal("h1");
    cluster.set_segment_enabled(true);
    settle(&mut cluster);
    cluster.until("h1", HostState::Active);
    cluster.assert_untouched();
}

#[test]
fn new_leader_does_not_take_its_own_deafness_for_silence() {
    let mut cluster = crashed(1);
    cluster.cut("h1", "storage");
    cluster.until("h1", HostState::Checking);
    cluster.heal("h1");
    // The host is well; the new leader hears nobody, and the device reads off for a while.
    cluster.machine("h1").bmc.of_another = true;
    cluster.machine("h1").bmc.answers = true;
    cluster.bus_down = true;
    cluster.fail_over(Begun::Unsent);
    cluster.run(14);
    assert_eq!(cluster.state("h1"), HostState::Checking);
    cluster.assert_untouched();
}

#[test]
fn takeover_in_the_middle_of_lost_answers_waits_for_the_migrations_to_appear() {
    let mut cluster = crashed(8);
    cluster.until("h1", HostState::Evacuating);
    cluster.wait("an evacuation", |c| c.evacuations("h1") > 0);
    cluster.nova.answers = Answers::Lost;
    cluster.run(1);
    cluster.fail_over(Begun::Sent);
    cluster.nova.answers = Answers::Well;
    settle(&mut cluster);
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.nova.posts.len(), 8);
}

/// A host that was proven off, whose power came back, and whose leader died then: it reads off again by the next one's
/// first reading.
#[test]
fn proof_that_the_power_made_void_is_not_taken_up_by_the_next_leader() {
    let mut cluster = crashed(4);
    cluster.nova.stalls = true;
    cluster.wait("an evacuation", |c| c.evacuations("h1") > 0);
    cluster.power_on("h1");
    // Nobody can send it anything.
    cluster.machine("h1").bmc.deaf = true;
    cluster.until("h1", HostState::Fencing);
    assert_eq!(cluster.host("h1").detail.returns, 1);
    cluster.fail_over(Begun::Unsent);
    cluster.lose_power("h1");
    let sent = cluster.power_offs("h1");
    let took = cluster.until("h1", HostState::Fenced);
    assert!(cluster.power_offs("h1") > sent, "{}", cluster.story());
    assert!(took >= cluster.world.policy.off_hold, "{took:?}\n{}", cluster.story());
}

#[test]
fn evacuated_host_that_was_switched_on_stays_unproven_for_the_next_leader() {
    let mut cluster = crashed(1);
    cluster.until("h1", HostState::Evacuated);
    let off = |cluster: &Cluster| crate::host::proven_off(&cluster.world, cluster.now).contains("h1");
    cluster.wait("a reading", off);
    cluster.fail_over(Begun::Unsent);
    settle(&mut cluster);
    let read_often = |cluster: &mut Cluster| {
        // As while another host is in recovery.
        for _ in 0..120 {
            let id = cluster.id("h1");
            let device = crate::testing::cluster::device_of(id);
            cluster.read_power(id, device);
            cluster.tick();
        }
    };
    read_often(&mut cluster);
    assert!(off(&cluster), "the command is in the log, and it reads off throughout");
    cluster.power_on("h1");
    read_often(&mut cluster);
    cluster.lose_power("h1");
    cluster.fail_over(Begun::Unsent);
    settle(&mut cluster);
    read_often(&mut cluster);
    assert!(!off(&cluster), "it was on in between: {}", cluster.story());
}

#[test]
fn host_that_an_operator_vouched_for_is_not_proven_by_readings_after_a_takeover() {
    let mut cluster = crashed(1);
    cluster.nova.stalls = true;
    cluster.machine("h1").bmc.answers = false;
    cluster.until("h1", HostState::Fencing);
    cluster.run(20);
    let id = cluster.id("h1");
    assert!(cluster.request(crate::requests::Ask::ConfirmDead(id)).done);
    cluster.until("h1", HostState::Evacuating);
    cluster.fail_over(Begun::Unsent);
    cluster.machine("h1").bmc.answers = true;
    cluster.lose_power("h1");
    cluster.run(30);
    let policy = &cluster.world.policy;
    let power = &cluster.world.evidence.power[&id];
    assert!(power.off_for(cluster.now).is_some(), "it is read");
    assert_eq!(power.proof(policy.off_apart, policy.off_hold), None);
}

#[test]
fn host_whose_monitor_reports_after_its_last_reading_of_off_is_a_member_again() {
    let mut cluster = crashed(1);
    cluster.until("h1", HostState::Evacuated);
    cluster.run(90);
    let roll = |cluster: &Cluster| crate::eligibility::Roll::of(&cluster.world, cluster.now).off;
    assert_eq!(roll(&cluster), ["h1".to_owned()].into());
    cluster.machine("h1").bmc.hangs = true;
    cluster.power_on("h1");
    cluster.run(15);
    assert_eq!(roll(&cluster), [].into());
}
