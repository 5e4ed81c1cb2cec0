//! One fault each, from its cause to what became of it.

use std::time::Duration;

use themis_core::{HostState, Mode};

use crate::testing::Cluster;

/// A cluster of four whose first host runs `guests`.
fn four(guests: usize) -> Cluster {
    let mut cluster = Cluster::of(4);
    for number in 1..=guests {
        cluster.nova.boot(number, "h1");
    }
    cluster
}

const FENCED_AND_MOVED: [HostState; 6] = [
    HostState::Checking,
    HostState::Failed,
    HostState::Fencing,
    HostState::Fenced,
    HostState::Evacuating,
    HostState::Evacuated,
];

#[test]
fn host_crash_is_confirmed_fenced_and_evacuated() {
    let mut cluster = four(20);
    cluster.crash("h1");
    assert!(cluster.until("h1", HostState::Checking) <= Duration::from_secs(12));
    assert!(cluster.until("h1", HostState::Failed) >= cluster.world.policy.confirm_period_silent);
    assert!(cluster.until("h1", HostState::Fenced) <= Duration::from_secs(3));
    let turns = cluster.wait("an evacuation", |c| c.evacuations("h1") > 0);
    assert!(
        turns <= Duration::from_secs(2),
        "force-down, disable, list, post: a turn or two each, not {turns:?}"
    );
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.path("h1"), FENCED_AND_MOVED);
    assert_eq!(cluster.nova.posts.len(), 20, "each instance is posted once");
    assert_eq!(cluster.outcomes(), ["evacuated"]);
    assert_eq!(cluster.told("h1", "observed"), ["accused"]);
    assert_eq!(cluster.nova.running_on("h1"), 0);
}

#[test]
fn host_of_a_segment_that_wants_a_reserved_host_is_recovered_as_auto_and_its_incident_says_so() {
    let mut cluster = four(3);
    cluster.lose_power("h2");
    cluster.until("h2", HostState::Evacuated);
    assert!(cluster.told("h2", "recovery_method").is_empty());
    let mut segments = cluster.world.segments.values_mut();
    segments.next().unwrap().recovery_method = "reserved_host".to_owned();
    cluster.lose_power("h1");
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.told("h1", "recovery_method"), ["recovered_as_auto"]);
    assert_eq!(cluster.nova.running_on("h1"), 0);
}

#[test]
fn power_loss_needs_no_confirm_period() {
    let mut cluster = four(3);
    cluster.lose_power("h1");
    let took = cluster.until("h1", HostState::Failed);
    let hold = cluster.world.policy.off_hold;
    assert!(took >= hold && took <= hold + Duration::from_secs(8), "{took:?}");
    assert_eq!(cluster.host("h1").reason.code, "power_is_off");
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.power_offs("h1"), 1, "off is sent even to a host that reads off");
}

#[test]
fn hung_host_whose_kernel_still_answers_is_fenced_first() {
    let mut cluster = four(3);
    cluster.stop_programs("h1");
    cluster.until("h1", HostState::Checking);
    let took = cluster.until("h1", HostState::Failed);
    assert!(took >= cluster.world.policy.confirm_period, "{took:?}");
    assert_eq!(cluster.nova.running_on("h1"), 3, "its guests go on");
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.path("h1"), FENCED_AND_MOVED);
    assert_eq!(cluster.nova.posts.len(), 3);
}

#[test]
fn zombie_whose_nova_compute_lives_is_left_alone() {
    let mut cluster = four(3);
    cluster.stop_programs("h1");
    cluster.machine("h1").compute = true;
    cluster.run(300);
    assert_eq!(cluster.state("h1"), HostState::Checking);
    cluster.assert_untouched();
}

#[test]
fn storage_cut_is_confirmed_for_its_whole_row() {
    let mut cluster = four(3);
    cluster.cut("h1", "storage");
    cluster.until("h1", HostState::Checking);
    cluster.run(10);
    assert_eq!(cluster.hold("h1"), Some("confirming_critical_network_bad"));
    assert!(cluster.until("h1", HostState::Failed) >= Duration::from_secs(48));
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.path("h1"), FENCED_AND_MOVED);
}

#[test]
fn management_cut_is_tolerated_and_never_fenced() {
    let mut cluster = four(3);
    cluster.cut("h1", "management");
    cluster.until("h1", HostState::Checking);
    cluster.run(300);
    assert_eq!(
        (cluster.state("h1"), cluster.hold("h1")),
        (HostState::Checking, Some("tolerated"))
    );
    assert_eq!(cluster.told("h1", "tolerated"), ["tolerated"], "said once");
    cluster.assert_untouched();
    cluster.heal("h1");
    assert!(cluster.until("h1", HostState::Active) >= cluster.world.policy.clear_period);
    assert_eq!(cluster.outcomes(), ["cleared"]);
}

#[test]
fn blip_of_four_seconds_is_nothing() {
    let mut cluster = four(3);
    cluster.crash("h1");
    cluster.run(4);
    cluster.heal("h1");
    cluster.run(60);
    assert_eq!(cluster.state("h1"), HostState::Active);
    assert_eq!(cluster.opened("h1"), 0);
    cluster.assert_untouched();
}

#[test]
fn agents_dead_on_a_healthy_host_is_unknown_and_nobody_is_fenced() {
    let mut cluster = four(3);
    cluster.machine("h1").agents = false;
    cluster.run(300);
    assert_eq!(
        (cluster.state("h1"), cluster.hold("h1")),
        (HostState::Checking, Some("agent"))
    );
    cluster.assert_untouched();
}

#[test]
fn storage_outage_for_all_fences_nobody_and_cools_down() {
    let mut cluster = four(3);
    cluster.out.insert("storage");
    cluster.run(200);
    cluster.out.clear();
    let now = cluster.now;
    cluster.wait("the network to count again", |c| c.world.outages.is_empty());
    let cooldown = cluster.world.policy.outage_cooldown;
    assert!(cluster.now.since(now) >= cooldown, "{:?}", cluster.now.since(now));
    cluster.run(120);
    cluster.assert_untouched();
    for host in ["h1", "h2", "h3", "h4"] {
        assert_eq!(cluster.state(host), HostState::Active);
    }
}

#[test]
fn host_still_cut_after_an_outage_is_checked_anew() {
    let mut cluster = four(3);
    cluster.out.insert("storage");
    cluster.run(100);
    cluster.cut("h1", "storage");
    cluster.out.clear();
    cluster.run(100);
    cluster.assert_untouched();
    cluster.until("h1", HostState::Checking);
    assert!(cluster.until("h1", HostState::Failed) >= cluster.world.policy.confirm_period);
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(
        cluster.power_offs("h2") + cluster.power_offs("h3") + cluster.power_offs("h4"),
        0
    );
}

#[test]
fn wrong_bmc_is_held_and_nothing_is_evacuated() {
    let mut cluster = four(3);
    cluster.machine("h1").bmc.of_another = true;
    cluster.run(40);
    cluster.crash("h1");
    cluster.until("h1", HostState::Failed);
    cluster.run(300);
    assert_eq!(
        (cluster.state("h1"), cluster.hold("h1")),
        (HostState::Failed, Some("power_device_unbound"))
    );
    cluster.assert_untouched();
}

#[test]
fn observing_says_once_what_it_would_do_and_touches_nothing() {
    let mut cluster = four(3);
    cluster.world.mode = Mode::Observe;
    cluster.crash("h1");
    cluster.until("h1", HostState::Failed);
    cluster.run(300);
    assert_eq!(cluster.told("h1", "would_fence"), ["observe_mode"]);
    cluster.assert_untouched();
}

#[test]
fn arming_later_confirms_anew_before_it_acts() {
    let mut cluster = four(3);
    cluster.world.mode = Mode::Observe;
    cluster.crash("h1");
    cluster.until("h1", HostState::Failed);
    cluster.run(60);
    cluster.world.mode = Mode::Armed;
    cluster.until("h1", HostState::Checking);
    cluster.assert_untouched();
    assert!(cluster.until("h1", HostState::Fencing) >= cluster.world.policy.confirm_period_silent);
    cluster.until("h1", HostState::Evacuated);
}

#[test]
fn host_that_crashed_and_was_back_in_time_is_said_to_have_restarted() {
    let mut cluster = four(3);
    cluster.crash("h1");
    cluster.until("h1", HostState::Checking);
    cluster.power_on("h1");
    cluster.until("h1", HostState::Active);
    assert_eq!(cluster.told("h1", "alarm"), ["rebooted"]);
    assert_eq!(cluster.host("h1").reason.code, "rebooted");
    cluster.assert_untouched();
}

#[test]
fn flapping_link_opens_one_incident() {
    let mut cluster = four(3);
    for _ in 0..12 {
        cluster.cut("h1", "storage");
        cluster.run(12);
        cluster.heal("h1");
        cluster.run(6);
    }
    assert_eq!(cluster.opened("h1"), 1);
    assert_eq!(cluster.state("h1"), HostState::Checking);
    cluster.assert_untouched();
}

#[test]
fn hole_in_the_evidence_restarts_confirmation() {
    let mut cluster = four(3);
    cluster.cut("h1", "storage");
    cluster.until("h1", HostState::Checking);
    cluster.run(45);
    assert_eq!(cluster.state("h1"), HostState::Checking, "not confirmed yet");
    cluster.bus_down = true;
    cluster.run(30);
    cluster.bus_down = false;
    assert!(cluster.until("h1", HostState::Failed) >= cluster.world.policy.confirm_period);
}

#[test]
fn fresh_leader_opens_no_incident_before_it_has_settled() {
    let mut cluster = four(3);
    cluster.world.settled = false;
    cluster.crash("h1");
    cluster.run(60);
    assert_eq!((cluster.state("h1"), cluster.opened("h1")), (HostState::Active, 0));
    cluster.world.settled = true;
    cluster.until("h1", HostState::Checking);
}

#[test]
fn claim_about_a_healthy_host_is_looked_into_and_cleared() {
    let mut cluster = four(3);
    cluster.claim("h1");
    cluster.until("h1", HostState::Checking);
    assert_eq!(cluster.told("h1", "claim"), ["claimed"]);
    let looked = cluster.until("h1", HostState::Active);
    assert!(
        looked >= cluster.world.policy.clear_period,
        "only looked for {looked:?}"
    );
    cluster.assert_untouched();
}

#[test]
fn claim_that_comes_before_our_own_observers_notice_keeps_its_notification() {
    let mut cluster = four(3);
    cluster.crash("h1");
    cluster.claim("h1");
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(
        cluster.opened("h1"),
        1,
        "one incident, with the claim's own notification"
    );
    assert_eq!(cluster.outcomes(), ["evacuated"]);
}

#[test]
fn registered_host_is_active_only_when_it_was_seen_good_long_enough() {
    let mut cluster = four(0);
    cluster.host_mut("h1").state = HostState::Initializing;
    cluster.host_mut("h1").watch.good_since = None;
    assert!(cluster.until("h1", HostState::Active) >= cluster.world.policy.initializing_period);
}

#[test]
fn host_that_was_never_good_is_never_fenced() {
    let mut cluster = four(0);
    cluster.host_mut("h1").state = HostState::Initializing;
    cluster.crash("h1");
    cluster.run(700);
    assert_eq!(cluster.state("h1"), HostState::Initializing);
    assert_eq!(cluster.host("h1").reason.code, "initializing_for_long");
    cluster.assert_untouched();
}

#[test]
fn sign_of_life_from_early_in_a_long_check_does_not_last_for_ever() {
    let mut cluster = four(1);
    cluster.cut("h1", "management");
    cluster.until("h1", HostState::Checking);
    cluster.run(60);
    // Its nova-compute has moved many times since the check began.
    cluster.lose_power("h1");
    assert!(cluster.until("h1", HostState::Failed) <= Duration::from_secs(25));
    assert_eq!(cluster.host("h1").reason.code, "power_is_off");
}
