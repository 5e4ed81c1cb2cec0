//! Fences that do not go smoothly: silent, deaf and refusing devices, an operator's word, a host that recovers.

use std::time::Duration;

use themis_core::{HostState, Mode};

use crate::requests::Ask;
use crate::testing::Cluster;

const MINUTE: Duration = Duration::from_secs(60);

/// Four hosts; `h1` has crashed with three guests and is Fencing behind a BMC that does not answer.
fn dead_bmc() -> Cluster {
    let mut cluster = Cluster::of(4);
    for number in 1..=3 {
        cluster.nova.boot(number, "h1");
    }
    cluster.crash("h1");
    cluster.machine("h1").bmc.answers = false;
    cluster.until("h1", HostState::Fencing);
    cluster
}

#[test]
fn dead_bmc_is_no_proof_however_long_it_is_silent() {
    let mut cluster = dead_bmc();
    cluster.run(550);
    assert_eq!(
        (cluster.state("h1"), cluster.hold("h1")),
        (HostState::Fencing, Some("fence_unreachable"))
    );
    assert_eq!(cluster.told("h1", "alarm"), ["fence_unreachable"], "given once");
    assert_eq!(cluster.nova.posts, []);
}

#[test]
fn power_off_is_sent_for_as_long_as_the_fence_lasts() {
    let mut cluster = dead_bmc();
    cluster.run(55);
    let quick = cluster.power_offs("h1");
    assert!(
        (6..=10).contains(&quick),
        "every 3 s at first, then every 10 s, not {quick} times"
    );
    cluster.run(300);
    let slow = cluster.power_offs("h1") - quick;
    assert!((9..=12).contains(&slow), "every 30 s after that, not {slow} times");
    cluster.machine("h1").bmc.answers = true;
    cluster.until("h1", HostState::Evacuated);
}

#[test]
fn named_operator_may_vouch_for_a_death_that_no_device_can_prove() {
    let mut cluster = dead_bmc();
    cluster.run(30);
    let id = cluster.id("h1");
    assert!(cluster.request(Ask::ConfirmDead(id)).done);
    cluster.lose_power("h1");
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.told("h1", "power_off_proven"), ["operator"]);
    assert_eq!(cluster.nova.posts.len(), 3);
}

#[test]
fn failed_host_without_a_device_waits_for_the_operators_word() {
    let mut cluster = Cluster::of(4);
    cluster.nova.boot(1, "h1");
    cluster.host_mut("h1").devices.clear();
    cluster.crash("h1");
    cluster.until("h1", HostState::Failed);
    cluster.run(300);
    assert_eq!(
        (cluster.state("h1"), cluster.hold("h1")),
        (HostState::Failed, Some("no_power_device"))
    );
    cluster.lose_power("h1");
    let id = cluster.id("h1");
    assert!(cluster.request(Ask::ConfirmDead(id)).done);
    cluster.until("h1", HostState::Evacuated);
}

#[test]
fn confirm_dead_is_refused_at_every_moment_while_its_monitor_speaks() {
    let mut cluster = Cluster::of(4);
    for network in ["management", "storage", "tenant"] {
        cluster.cut("h1", network);
    }
    cluster.machine("h1").bmc.answers = false;
    cluster.until("h1", HostState::Fencing);
    for _ in 0..120 {
        cluster.tick();
        let id = cluster.id("h1");
        let answer = cluster.request(Ask::ConfirmDead(id));
        let code = answer.reason.map(|reason| reason.code);
        assert_eq!(
            (answer.done, code.as_deref()),
            (false, Some("shows_life")),
            "{}",
            cluster.story()
        );
    }
}

#[test]
fn confirm_dead_is_refused_while_the_device_reads_on() {
    let mut cluster = Cluster::of(4);
    cluster.crash("h1");
    cluster.machine("h1").bmc.deaf = true;
    cluster.until("h1", HostState::Fencing);
    let id = cluster.id("h1");
    let answer = cluster.request(Ask::ConfirmDead(id));
    assert_eq!(answer.reason.map(|reason| reason.code).as_deref(), Some("reads_on"));
}

/// `h1` is cut off from storage; its device shows no GUID and an operator accepted it.
fn accepted_device() -> Cluster {
    let mut cluster = Cluster::of(4);
    cluster.nova.boot(1, "h1");
    cluster.machine("h1").bmc.shows_guid = false;
    cluster.host_mut("h1").devices[0].accepted = true;
    cluster.run(40);
    cluster.cut("h1", "storage");
    cluster
}

#[test]
fn accepted_device_is_believed_when_the_host_falls_silent() {
    let mut cluster = accepted_device();
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.nova.running_on("h1"), 0);
}

#[test]
fn accepted_device_of_another_machine_is_found_out_before_anything_is_evacuated() {
    let mut cluster = accepted_device();
    cluster.until("h1", HostState::Failed);
    cluster.machine("h1").bmc.switches_another = true;
    cluster.until("h1", HostState::Fencing);
    cluster.run(200);
    assert_eq!(
        (cluster.state("h1"), cluster.hold("h1")),
        (HostState::Fencing, Some("wrong_power_device"))
    );
    assert_eq!(cluster.nova.posts, []);
}

#[test]
fn vouch_is_void_as_soon_as_others_see_the_host_alive() {
    let mut cluster = dead_bmc();
    let id = cluster.id("h1");
    cluster.nova.stalls = true;
    assert!(cluster.request(Ask::ConfirmDead(id)).done);
    cluster.until("h1", HostState::Evacuating);
    cluster.heal("h1");
    // Its monitor stays dead and its nova-compute too: only its agents tell.
    cluster.machine("h1").monitor = false;
    cluster.machine("h1").compute = false;
    let took = cluster.until("h1", HostState::Fencing);
    assert!(took <= Duration::from_secs(2), "{took:?}");
    assert!(cluster.host("h1").detail.vouched.is_none());
}

#[test]
fn vouched_host_that_lives_after_its_evacuation_is_pointed_out() {
    let mut cluster = Cluster::of(4);
    cluster.crash("h1");
    cluster.machine("h1").bmc.answers = false;
    cluster.until("h1", HostState::Fencing);
    let id = cluster.id("h1");
    assert!(cluster.request(Ask::ConfirmDead(id)).done);
    cluster.until("h1", HostState::Evacuated);
    cluster.heal("h1");
    cluster.run(5);
    assert_eq!(
        cluster.told("h1", "alarm").last(),
        Some(&"vouch_void"),
        "{}",
        cluster.story()
    );
    assert!(cluster.host("h1").detail.vouched.is_none());
}

#[test]
fn device_that_refuses_is_named_at_once() {
    let mut cluster = Cluster::of(4);
    cluster.crash("h1");
    cluster.until("h1", HostState::Failed);
    cluster.machine("h1").bmc.refuses = true;
    cluster.until("h1", HostState::Fencing);
    cluster.run(5);
    assert_eq!(cluster.hold("h1"), Some("fence_refused"));
    cluster.machine("h1").bmc.refuses = false;
    cluster.until("h1", HostState::Evacuated);
}

#[test]
fn fence_is_withdrawn_when_the_host_is_good_again_and_reads_on() {
    let mut cluster = Cluster::of(4);
    cluster.nova.boot(1, "h1");
    cluster.crash("h1");
    cluster.machine("h1").bmc.deaf = true;
    cluster.until("h1", HostState::Fencing);
    cluster.run(20);
    cluster.heal("h1");
    let sent = cluster.power_offs("h1");
    cluster.run(30);
    assert_eq!(
        cluster.state("h1"),
        HostState::Fencing,
        "a command may still take effect"
    );
    assert!(cluster.until("h1", HostState::Checking) <= MINUTE);
    assert!(cluster.power_offs("h1") <= sent + 1, "nothing is sent to a good host");
    cluster.until("h1", HostState::Active);
    assert!(!cluster.host("h1").on_maintenance, "our flag is taken back");
    assert_eq!(cluster.nova.service_calls.len() + cluster.nova.posts.len(), 0);
}

#[test]
fn fence_is_not_withdrawn_once_nova_was_told() {
    let mut cluster = Cluster::of(4);
    cluster.nova.boot(1, "h1");
    cluster.nova.stalls = true;
    cluster.crash("h1");
    cluster.until("h1", HostState::Fenced);
    cluster.run(1);
    cluster.power_on("h1");
    cluster.machine("h1").bmc.deaf = true;
    cluster.until("h1", HostState::Fencing);
    cluster.run(200);
    assert_eq!(cluster.state("h1"), HostState::Fencing, "{}", cluster.story());
    cluster.machine("h1").bmc.deaf = false;
    cluster.until("h1", HostState::Evacuating);
}

#[test]
fn disarming_stops_a_fence_and_arming_goes_on_with_it() {
    let mut cluster = dead_bmc();
    cluster.world.mode = Mode::Observe;
    cluster.tick();
    let sent = cluster.power_offs("h1");
    cluster.run(100);
    assert_eq!(cluster.power_offs("h1"), sent);
    assert_eq!(cluster.hold("h1"), Some("observe_mode"));
    cluster.machine("h1").bmc.answers = true;
    cluster.world.mode = Mode::Armed;
    cluster.until("h1", HostState::Evacuated);
}

#[test]
fn disarming_stops_an_evacuation_and_arming_goes_on_with_it() {
    let mut cluster = Cluster::of(4);
    for number in 1..=20 {
        cluster.nova.boot(number, "h1");
    }
    cluster.crash("h1");
    cluster.wait("an evacuation", |c| c.evacuations("h1") > 0);
    cluster.world.mode = Mode::Observe;
    cluster.tick();
    let sent = cluster.evacuations("h1");
    cluster.run(100);
    assert_eq!(
        (cluster.evacuations("h1"), cluster.hold("h1")),
        (sent, Some("observe_mode"))
    );
    cluster.world.mode = Mode::Armed;
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.nova.posts.len(), 20);
}

#[test]
fn silent_device_during_an_evacuation_is_a_hold_that_an_operator_can_end() {
    let mut cluster = Cluster::of(4);
    for number in 1..=20 {
        cluster.nova.boot(number, "h1");
    }
    cluster.crash("h1");
    cluster.wait("an evacuation", |c| c.evacuations("h1") > 0);
    cluster.machine("h1").bmc.answers = false;
    cluster.run(60);
    let sent = cluster.evacuations("h1");
    assert!(sent < 20);
    assert_eq!(
        (cluster.state("h1"), cluster.hold("h1")),
        (HostState::Evacuating, Some("proof_stale"))
    );
    let id = cluster.id("h1");
    assert!(cluster.request(Ask::ConfirmDead(id)).done);
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.nova.posts.len(), 20);
}

#[test]
fn proof_that_is_not_confirmed_again_grows_too_old_to_post_by() {
    let mut cluster = Cluster::of(4);
    for number in 1..=20 {
        cluster.nova.boot(number, "h1");
    }
    cluster.crash("h1");
    cluster.wait("an evacuation", |c| c.evacuations("h1") > 0);
    cluster.machine("h1").bmc.hangs = true;
    cluster.run(60);
    assert!(
        cluster.evacuations("h1") < 20,
        "the first eight took longer than the proof was young"
    );
    assert_eq!(cluster.hold("h1"), Some("proof_stale"));
    cluster.machine("h1").bmc.hangs = false;
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.nova.posts.len(), 20);
}

#[test]
fn device_that_answers_again_confirms_the_proof_and_the_evacuation_goes_on() {
    let mut cluster = Cluster::of(4);
    for number in 1..=20 {
        cluster.nova.boot(number, "h1");
    }
    cluster.crash("h1");
    cluster.wait("an evacuation", |c| c.evacuations("h1") > 0);
    cluster.machine("h1").bmc.answers = false;
    cluster.run(60);
    cluster.machine("h1").bmc.answers = true;
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.nova.posts.len(), 20);
}

#[test]
fn host_that_reads_off_gets_the_command_again_when_its_answer_was_lost() {
    let mut cluster = Cluster::of(4);
    cluster.nova.boot(1, "h1");
    cluster.lose_power("h1");
    cluster.until("h1", HostState::Failed);
    cluster.machine("h1").bmc.refuses = true;
    cluster.until("h1", HostState::Fencing);
    cluster.tick();
    cluster.machine("h1").bmc.refuses = false;
    let took = cluster.until("h1", HostState::Fenced);
    assert!(took <= Duration::from_secs(30), "{took:?}");
}
