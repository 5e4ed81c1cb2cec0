//! Each brake holds, says why, and lets go. A brake that holds nobody back in its story would be a decoration.

use std::time::Duration;

use themis_core::{HostState, Mode, PowerDeviceId, SegmentId};
use uuid::Uuid;

use crate::requests::Ask;
use crate::testing::Cluster;
use crate::world::{DeviceRecord, SegmentRecord};

fn crashed_and_failed(count: usize) -> Cluster {
    let mut cluster = Cluster::of(count);
    cluster.crash("h1");
    cluster.until("h1", HostState::Failed);
    cluster
}

/// Runs for two minutes and checks that `host` is held in Failed by that brake.
fn held(cluster: &mut Cluster, host: &str, code: &str) {
    cluster.run(120);
    assert_eq!(
        (cluster.state(host), cluster.hold(host)),
        (HostState::Failed, Some(code)),
        "{}",
        cluster.story()
    );
    assert_eq!(cluster.power_offs(host), 0);
}

#[test]
fn disabled_segment_holds_until_it_is_enabled() {
    let mut cluster = crashed_and_failed(4);
    cluster.set_segment_enabled(false);
    held(&mut cluster, "h1", "segment_disabled");
    cluster.set_segment_enabled(true);
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.told("h1", "hold_released"), ["released"]);
}

#[test]
fn segment_that_observes_holds_although_all_else_is_armed() {
    let mut cluster = crashed_and_failed(4);
    for segment in cluster.world.segments.values_mut() {
        segment.mode = Some(Mode::Observe);
    }
    held(&mut cluster, "h1", "observe_mode");
}

#[test]
fn host_that_this_engine_runs_on_is_left_to_another_engine() {
    let mut cluster = crashed_and_failed(4);
    cluster.world.own_hosts.insert("h1".to_owned());
    held(&mut cluster, "h1", "own_host");
}

#[test]
fn host_that_somebody_else_forced_down_is_left_to_them() {
    let mut cluster = Cluster::of(4);
    cluster.nova.forced_down.insert("h1".to_owned());
    cluster.crash("h1");
    cluster.until("h1", HostState::Failed);
    held(&mut cluster, "h1", "other_manager");
    cluster.nova.forced_down.clear();
    cluster.until("h1", HostState::Evacuated);
}

#[test]
fn third_host_waits_until_one_of_two_recoveries_ends() {
    let mut cluster = Cluster::of(9);
    cluster.nova.stalls = true;
    for (number, host) in ["h1", "h2", "h3"].into_iter().enumerate() {
        cluster.nova.boot(number, host);
        cluster.crash(host);
        cluster.until(host, HostState::Failed);
        cluster.run(70);
    }
    held(&mut cluster, "h3", "too_many_in_recovery");
    cluster.nova.stalls = false;
    for host in ["h1", "h2", "h3"] {
        cluster.until(host, HostState::Evacuated);
    }
}

#[test]
fn destination_that_dies_is_fenced_although_the_recoveries_that_wait_for_it_fill_the_limit() {
    let mut cluster = Cluster::of(9);
    for (number, host) in ["h1", "h2"].into_iter().enumerate() {
        cluster.nova.boot(number, host);
        cluster.crash(host);
    }
    cluster.wait("both on their way to h9", |c| c.nova.posts.len() == 2);
    cluster.run(2);
    cluster.crash("h9");
    for host in ["h9", "h1", "h2"] {
        cluster.until(host, HostState::Evacuated);
    }
    assert_eq!(cluster.nova.posts.len(), 4);
}

#[test]
fn three_hosts_that_fail_together_are_held_for_as_long_as_nobody_looks() {
    let mut cluster = Cluster::of(9);
    for host in ["h1", "h2", "h3"] {
        cluster.crash(host);
    }
    cluster.until("h3", HostState::Failed);
    cluster.run(300);
    for host in ["h1", "h2", "h3"] {
        held(&mut cluster, host, "mass_failure");
    }
    let id = cluster.id("h1");
    assert!(cluster.request(Ask::Retry(id)).done);
    cluster.until("h1", HostState::Evacuated);
}

/// Three of nine hosts fail at once and are held for that.
fn mass_failed() -> Cluster {
    let mut cluster = Cluster::of(9);
    for host in ["h1", "h2", "h3"] {
        cluster.crash(host);
    }
    cluster.until("h3", HostState::Failed);
    held(&mut cluster, "h3", "mass_failure");
    cluster
}

#[test]
fn operators_word_for_one_host_of_a_mass_failure_lets_that_host_through_and_no_other() {
    let mut cluster = mass_failed();
    let id = cluster.id("h1");
    let answer = cluster.request(Ask::Retry(id));
    let said = answer.reason.expect("an answer").text;
    assert!(said.contains("h1 alone") && said.contains("h2, h3 stay held"), "{said}");
    assert_eq!(cluster.told("h1", "request"), ["retried"]);
    cluster.until("h1", HostState::Evacuated);
    // Long after: one of three is evacuated, so that two of them fail now.
    for host in ["h2", "h3"] {
        held(&mut cluster, host, "mass_failure");
    }
    let id = cluster.id("h2");
    assert!(cluster.request(Ask::Retry(id)).done);
    cluster.until("h2", HostState::Evacuated);
    held(&mut cluster, "h3", "mass_failure");
    // All is decided about these; another failure is one of its own.
    let id = cluster.id("h3");
    assert!(cluster.request(Ask::Retry(id)).done);
    cluster.until("h3", HostState::Evacuated);
    cluster.crash("h4");
    cluster.until("h4", HostState::Evacuated);
}

/// Three of nine failed at once; an operator let `h1` through.
fn mass_failed_and_one_evacuated() -> Cluster {
    let mut cluster = mass_failed();
    let id = cluster.id("h1");
    assert!(cluster.request(Ask::Retry(id)).done);
    cluster.until("h1", HostState::Evacuated);
    cluster
}

#[test]
fn host_of_a_mass_failure_that_an_operator_returns_releases_no_other() {
    let mut cluster = mass_failed_and_one_evacuated();
    cluster.power_on("h1");
    let id = cluster.id("h1");
    assert!(cluster.request(Ask::Enable(id)).done);
    for state in [HostState::Recovering, HostState::Active] {
        cluster.until("h1", state);
        for host in ["h2", "h3"] {
            held(&mut cluster, host, "mass_failure");
        }
    }
    // What becomes of it later is another story.
    cluster.crash("h1");
    cluster.until("h1", HostState::Failed);
    cluster.run(5);
    assert_eq!(cluster.hold("h1"), Some("mass_failure"));
    cluster.heal("h1");
    cluster.until("h1", HostState::Active);
    cluster.until("h3", HostState::Evacuated);
}

#[rstest::rstest]
#[case::by_request(|cluster: &mut Cluster| {
    let id = cluster.id("h3");
    assert!(cluster.request(Ask::Disable(id)).done);
})]
#[case::by_the_maintenance_flag(|cluster: &mut Cluster| cluster.host_mut("h3").on_maintenance = true)]
#[case::and_off_the_register(|cluster: &mut Cluster| {
    let id = cluster.id("h3");
    cluster.world.hosts.remove(&id);
    cluster.machines.remove("h3");
})]
fn host_of_a_mass_failure_that_an_operator_takes_out_releases_no_other(#[case] take_out: fn(&mut Cluster)) {
    let mut cluster = mass_failed();
    take_out(&mut cluster);
    for host in ["h1", "h2"] {
        held(&mut cluster, host, "mass_failure");
    }
}

#[test]
fn word_that_let_a_host_through_ends_with_the_fence_that_it_was_for() {
    let mut cluster = mass_failed();
    // Its BMC takes the command and does nothing; then the host is well again.
    cluster.machine("h1").bmc.deaf = true;
    let id = cluster.id("h1");
    assert!(cluster.request(Ask::Retry(id)).done);
    cluster.until("h1", HostState::Fencing);
    cluster.run(5);
    cluster.heal("h1");
    cluster.until("h1", HostState::Checking);
    assert_eq!(cluster.told("h1", "state").last(), Some(&"fence_withdrawn"));
    let sent = cluster.power_offs("h1");
    cluster.crash("h1");
    cluster.until("h1", HostState::Failed);
    cluster.run(60);
    assert_eq!(
        (cluster.state("h1"), cluster.hold("h1")),
        (HostState::Failed, Some("mass_failure"))
    );
    assert_eq!(cluster.power_offs("h1"), sent);
}

#[test]
fn hold_of_a_mass_failure_outlives_the_leader_that_let_one_host_through() {
    let mut cluster = mass_failed();
    let id = cluster.id("h1");
    assert!(cluster.request(Ask::Retry(id)).done);
    cluster.until("h1", HostState::Fencing);
    cluster.run(5);
    cluster.fail_over(crate::testing::Begun::Sent);
    cluster.run(20);
    cluster.world.settled = true;
    cluster.until("h1", HostState::Evacuated);
    for host in ["h2", "h3"] {
        held(&mut cluster, host, "mass_failure");
    }
}

#[test]
fn mass_failure_whose_other_hosts_recover_by_themselves_releases_the_last() {
    let mut cluster = mass_failed();
    cluster.heal("h1");
    cluster.heal("h2");
    cluster.until("h3", HostState::Evacuated);
    assert_eq!(
        (cluster.power_offs("h1"), cluster.power_offs("h2")),
        (0, 0),
        "{}",
        cluster.story()
    );
}

#[test]
fn half_of_a_fleet_that_was_evacuated_does_not_blind_the_rest() {
    let mut cluster = Cluster::of(6);
    for (number, host) in ["h1", "h2", "h3"].into_iter().enumerate() {
        cluster.nova.boot(number, host);
        cluster.crash(host);
        cluster.until(host, HostState::Evacuated);
        cluster.run(90);
    }
    // Three of six are left, the least that can judge one of them.
    assert!(cluster.world.outages.is_empty());
    for host in ["h4", "h5", "h6"] {
        assert_eq!((cluster.state(host), cluster.hold(host)), (HostState::Active, None));
    }
    cluster.crash("h4");
    cluster.until("h4", HostState::Evacuated);
    assert_eq!(cluster.nova.running_on("h4"), 0);
}

#[test]
fn rack_that_lost_its_power_recovers_alone_and_paced() {
    let mut cluster = Cluster::of(9);
    for host in ["h1", "h2", "h3"] {
        cluster.lose_power(host);
    }
    for host in ["h1", "h2", "h3"] {
        cluster.until(host, HostState::Evacuated);
    }
    assert_eq!(cluster.told("h3", "hold").first(), Some(&"too_many_in_recovery"));
}

#[test]
fn segment_that_lost_its_power_as_a_whole_recovers_alone() {
    let mut cluster = Cluster::of(9);
    let rack = SegmentId(Uuid::from_u128(98));
    cluster.world.segments.insert(rack, SegmentRecord::enabled("rack"));
    for host in ["h1", "h2", "h3"] {
        cluster.host_mut(host).segment = rack;
        cluster.lose_power(host);
    }
    for host in ["h1", "h2", "h3"] {
        cluster.until(host, HostState::Evacuated);
    }
}

#[test]
fn half_of_a_pair_that_lost_its_power_is_recovered_on_the_devices_word() {
    let mut cluster = Cluster::of(2);
    cluster.nova.boot(1, "h1");
    cluster.lose_power("h1");
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.nova.running_on("h2"), 1);
}

#[test]
fn half_of_a_pair_that_crashed_is_held_and_the_host_says_why() {
    let mut cluster = Cluster::of(2);
    cluster.crash("h1");
    cluster.run(300);
    assert_eq!(
        (cluster.state("h1"), cluster.hold("h1")),
        (HostState::Active, Some("no_majority"))
    );
    cluster.assert_untouched();
    cluster.heal("h1");
    cluster.run(10);
    assert_eq!(cluster.hold("h1"), None);
}

#[test]
fn more_than_half_of_all_hosts_off_is_a_site_outage() {
    let mut cluster = Cluster::of(5);
    for host in ["h1", "h2", "h3"] {
        cluster.lose_power(host);
    }
    cluster.run(400);
    cluster.assert_untouched();
}

#[test]
fn host_that_dies_right_after_our_power_off_stops_further_ones() {
    let mut cluster = Cluster::of(9);
    cluster.world.policy.mass_failure_hosts = 9;
    cluster.world.policy.hosts_in_recovery_max = 9;
    cluster.crash("h1");
    cluster.until("h1", HostState::Fencing);
    cluster.run(3);
    // The outlet that we switched feeds another host too. A third one fails for a reason of its own.
    cluster.lose_power("h2");
    cluster.world.own_hosts.insert("h2".to_owned());
    cluster.crash("h3");
    cluster.until("h3", HostState::Failed);
    held(&mut cluster, "h3", "collateral");
    cluster.power_on("h2");
    cluster.until("h3", HostState::Evacuated);
}

#[test]
fn device_that_was_never_read_is_not_taken_for_bound() {
    let mut cluster = Cluster::of(4);
    cluster.crash("h1");
    let id = cluster.id("h1");
    let end = cluster.now.plus(Duration::from_secs(90));
    while cluster.now < end {
        cluster.tick();
        cluster.world.evidence.power.remove(&id);
    }
    assert_eq!(
        (cluster.state("h1"), cluster.hold("h1")),
        (HostState::Failed, Some("power_device_unbound"))
    );
    cluster.assert_untouched();
}

#[test]
fn one_outlet_of_two_does_not_speak_for_both() {
    let mut cluster = Cluster::of(4);
    let second = PowerDeviceId(Uuid::from_u128(0x6000));
    let address = "ipmi://h1-second".to_owned();
    cluster.host_mut("h1").devices.push(DeviceRecord {
        id: second,
        accepted: false,
        address,
    });
    cluster.lose_power("h1");
    let id = cluster.id("h1");
    let end = cluster.now.plus(Duration::from_secs(90));
    while cluster.now < end {
        cluster.tick();
        // The second outlet's device is silent from the start.
        cluster
            .world
            .evidence
            .power
            .get_mut(&id)
            .and_then(|power| power.devices.remove(&second));
    }
    assert_eq!(
        (cluster.state("h1"), cluster.hold("h1")),
        (HostState::Failed, Some("power_device_unbound"))
    );
    cluster.assert_untouched();
}

#[test]
fn brake_on_one_host_does_not_hold_another() {
    let mut cluster = Cluster::of(9);
    cluster.world.own_hosts.insert("h1".to_owned());
    cluster.crash("h1");
    cluster.crash("h2");
    cluster.until("h2", HostState::Evacuated);
    assert_eq!(cluster.hold("h1"), Some("own_host"));
}

#[test]
fn recovered_evidence_takes_a_held_host_back_to_checking() {
    let mut cluster = crashed_and_failed(4);
    cluster.set_segment_enabled(false);
    cluster.run(10);
    cluster.heal("h1");
    cluster.until("h1", HostState::Checking);
    cluster.until("h1", HostState::Active);
    cluster.assert_untouched();
}

#[test]
fn operator_who_disables_a_failed_host_ends_its_incident() {
    let mut cluster = crashed_and_failed(4);
    cluster.set_segment_enabled(false);
    cluster.tick();
    let id = cluster.id("h1");
    assert!(cluster.request(Ask::Disable(id)).done);
    cluster.run(120);
    assert_eq!(
        (cluster.state("h1"), cluster.outcomes()),
        (HostState::Disabled, vec!["disabled"])
    );
    cluster.assert_untouched();
}

#[test]
fn operator_cannot_disable_a_host_in_the_middle_of_its_recovery() {
    let mut cluster = Cluster::of(4);
    cluster.crash("h1");
    cluster.until("h1", HostState::Fencing);
    let id = cluster.id("h1");
    let answer = cluster.request(Ask::Disable(id));
    assert_eq!(answer.reason.map(|reason| reason.code).as_deref(), Some("in_recovery"));
}

#[test]
fn arming_names_the_hosts_that_it_could_not_fence() {
    let mut cluster = Cluster::of(4);
    cluster.world.mode = Mode::Observe;
    cluster.machine("h2").bmc.bound = false;
    cluster.run(40);
    let ask = |accept: &[&str]| {
        Ask::Mode(crate::requests::ModeAsk {
            value: Mode::Armed,
            segment_uuid: None,
            accept_unbound: accept.iter().map(|name| (*name).to_owned()).collect(),
        })
    };
    let refused = cluster.request(ask(&[]));
    assert_eq!(
        refused.reason.expect("a reason").data["hosts"],
        serde_json::json!(["h2"])
    );
    assert_eq!(cluster.world.mode, Mode::Observe);
    assert!(cluster.request(ask(&["h2"])).done);
    assert_eq!(cluster.world.mode, Mode::Armed);
}
