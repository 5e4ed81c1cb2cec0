//! A host shows life after it was proven off, or is returned to service by an operator.

use rstest::rstest;
use themis_core::HostState;

use crate::requests::Ask;
use crate::testing::Cluster;
use crate::testing::nova::Answers;

/// Four hosts; `h1` has crashed with twenty guests, some of them are on their way.
fn evacuating() -> Cluster {
    let mut cluster = Cluster::of(4);
    for number in 1..=20 {
        cluster.nova.boot(number, "h1");
    }
    cluster.crash("h1");
    cluster.wait("an evacuation", |c| c.evacuations("h1") > 0);
    cluster.run(1);
    cluster
}

fn returned_in_time(cluster: &Cluster) -> Vec<HostState> {
    cluster
        .path("h1")
        .into_iter()
        .skip_while(|state| *state != HostState::Evacuating)
        .collect()
}

const ONCE_MORE: [HostState; 5] = [
    HostState::Evacuating,
    HostState::Fencing,
    HostState::Fenced,
    HostState::Evacuating,
    HostState::Evacuated,
];

#[test]
fn power_that_comes_back_voids_the_proof_and_the_host_is_fenced_once_more() {
    let mut cluster = evacuating();
    cluster.power_on("h1");
    cluster.until("h1", HostState::Fencing);
    let sent = cluster.evacuations("h1");
    cluster.until("h1", HostState::Fenced);
    assert_eq!(cluster.evacuations("h1"), sent, "nothing is posted without a proof");
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(returned_in_time(&cluster), ONCE_MORE);
    assert_eq!(cluster.nova.posts.len(), 20, "each instance was posted once");
    assert_eq!(cluster.told("h1", "proof_void"), ["power_came_back"]);
}

#[test]
fn second_return_of_power_is_held_until_somebody_looks() {
    let mut cluster = evacuating();
    for _ in 0..2 {
        cluster.until("h1", HostState::Evacuating);
        cluster.power_on("h1");
        cluster.until("h1", HostState::Fencing);
    }
    cluster.run(120);
    assert_eq!(
        (cluster.state("h1"), cluster.hold("h1")),
        (HostState::Fencing, Some("power_returned"))
    );
    let id = cluster.id("h1");
    assert!(cluster.request(Ask::Retry(id)).done);
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.nova.posts.len(), 20);
}

#[test]
fn second_return_of_power_is_answered_by_power_off_while_nova_may_yet_begin_an_evacuation() {
    let mut cluster = evacuating();
    cluster.nova.answers = Answers::Dropped;
    let in_doubt = |cluster: &Cluster| cluster.host("h1").recovery.doubtful().count();
    cluster.wait("answers are missing", |c| in_doubt(c) > 0);
    for _ in 0..2 {
        cluster.until("h1", HostState::Evacuating);
        cluster.power_on("h1");
        cluster.until("h1", HostState::Fencing);
    }
    let begun = cluster.evacuations("h1");
    cluster.run(15);
    assert!(!cluster.machine("h1").powered, "{}", cluster.story());
    cluster.power_on("h1");
    cluster.run(15);
    assert!(!cluster.machine("h1").powered);
    assert_eq!(
        (cluster.state("h1"), cluster.hold("h1"), cluster.evacuations("h1")),
        (HostState::Fencing, Some("power_returned"), begun),
        "nothing more is posted until somebody looks"
    );
    cluster.nova.answers = Answers::Well;
    cluster.wait("it is known what came of them", |c| in_doubt(c) == 0);
    cluster.power_on("h1");
    cluster.run(15);
    let powered = cluster.machine("h1").powered;
    assert!(powered, "nothing is in doubt any more: it is left to whoever does it");
    let id = cluster.id("h1");
    assert!(cluster.request(Ask::Retry(id)).done);
    cluster.until("h1", HostState::Evacuated);
}

#[test]
fn second_return_of_power_ends_by_the_word_of_an_operator_who_pulled_the_plug() {
    let mut cluster = evacuating();
    for _ in 0..2 {
        cluster.until("h1", HostState::Evacuating);
        cluster.power_on("h1");
        cluster.until("h1", HostState::Fencing);
    }
    cluster.wait("the hold", |c| c.hold("h1") == Some("power_returned"));
    cluster.lose_power("h1");
    cluster.machine("h1").bmc.answers = false;
    cluster.run(60);
    let id = cluster.id("h1");
    let answer = cluster.request(Ask::ConfirmDead(id));
    assert!(answer.done, "{:?}", answer.reason);
    cluster.until("h1", HostState::Evacuated);
    assert_eq!((cluster.nova.posts.len(), cluster.nova.running_on("h1")), (20, 0));
}

#[test]
fn power_restored_by_itself_after_the_feed_was_lost_is_fenced_before_it_boots() {
    let mut cluster = Cluster::of(4);
    for number in 1..=20 {
        cluster.nova.boot(number, "h1");
    }
    // The feed is gone, and the power device with it; it comes back, reads off, and restores the host some seconds later.
    cluster.lose_power("h1");
    cluster.machine("h1").bmc.answers = false;
    cluster.until("h1", HostState::Fencing);
    cluster.run(40);
    assert_eq!(cluster.evacuations("h1"), 0, "a dead device is not a dead host");
    cluster.machine("h1").bmc.answers = true;
    cluster.wait("a post", |c| !c.nova.posts.is_empty());
    cluster.power_on("h1");
    cluster.until("h1", HostState::Fencing);
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(returned_in_time(&cluster), ONCE_MORE);
    assert_eq!((cluster.nova.posts.len(), cluster.nova.running_on("h1")), (20, 0));
}

#[test]
fn delayed_restore_of_power_within_the_hold_posts_nothing() {
    let mut cluster = Cluster::of(4);
    cluster.nova.boot(1, "h1");
    cluster.lose_power("h1");
    cluster.machine("h1").bmc.answers = false;
    cluster.until("h1", HostState::Fencing);
    // It takes the command while it is off and forgets it: the restore comes all the same.
    let bmc = &mut cluster.machine("h1").bmc;
    (bmc.answers, bmc.deaf) = (true, true);
    cluster.run(8);
    cluster.power_on("h1");
    cluster.run(30);
    assert_eq!((cluster.nova.posts.len(), cluster.state("h1")), (0, HostState::Fencing));
}

#[test]
fn report_of_its_own_monitor_voids_the_proof() {
    let mut cluster = evacuating();
    cluster.run(5);
    // The device reads off and the host speaks all the same.
    cluster.machine("h1").bmc.of_another = true;
    let machine = cluster.machine("h1");
    (machine.powered, machine.kernel) = (true, true);
    cluster.until("h1", HostState::Fencing);
    assert_eq!(cluster.told("h1", "proof_void"), ["monitor_came_back"]);
}

#[test]
fn nova_service_that_moves_voids_the_proof() {
    let mut cluster = evacuating();
    cluster.run(5);
    cluster.machine("h1").bmc.of_another = true;
    let machine = cluster.machine("h1");
    (machine.powered, machine.kernel) = (true, true);
    (machine.monitor, machine.agents) = (false, false);
    cluster.until("h1", HostState::Fencing);
    assert_eq!(cluster.told("h1", "proof_void"), ["nova_compute_came_back"]);
}

#[test]
fn evacuated_host_stays_until_an_operator_returns_it() {
    let mut cluster = evacuating();
    cluster.until("h1", HostState::Evacuated);
    cluster.power_on("h1");
    cluster.run(200);
    assert_eq!(cluster.state("h1"), HostState::Evacuated);
    let id = cluster.id("h1");
    assert!(cluster.request(Ask::Enable(id)).done);
    assert!(cluster.until("h1", HostState::Active) >= cluster.world.policy.return_period);
    assert_eq!(
        cluster.nova.service_calls,
        ["force_down", "disable", "force_up", "enable"]
    );
    assert!(cluster.nova.forced_down.is_empty() && cluster.nova.disabled.is_empty());
    assert!(!cluster.host("h1").on_maintenance);
    assert_eq!(cluster.host("h1").incident, None);
}

#[test]
fn service_that_an_operator_had_disabled_stays_disabled() {
    let mut cluster = Cluster::of(4);
    cluster.nova.disabled.insert("h1".to_owned(), "disk swap".to_owned());
    cluster.crash("h1");
    cluster.until("h1", HostState::Evacuated);
    cluster.power_on("h1");
    let id = cluster.id("h1");
    assert!(cluster.request(Ask::Enable(id)).done);
    cluster.until("h1", HostState::Active);
    assert_eq!(cluster.nova.disabled["h1"], "disk swap");
}

#[test]
fn fault_on_probation_opens_an_incident_of_its_own() {
    let mut cluster = evacuating();
    cluster.until("h1", HostState::Evacuated);
    cluster.power_on("h1");
    let id = cluster.id("h1");
    assert!(cluster.request(Ask::Enable(id)).done);
    cluster.run(20);
    assert_eq!(cluster.state("h1"), HostState::Recovering);
    let before = cluster.host("h1").incident;
    cluster.crash("h1");
    cluster.until("h1", HostState::Checking);
    assert_ne!(cluster.host("h1").incident, before);
    assert_eq!(cluster.opened("h1"), 2);
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.outcomes(), ["evacuated", "evacuated"]);
}

#[rstest]
#[case::crash(Cluster::crash)]
#[case::power_loss(Cluster::lose_power)]
fn second_incident_of_a_host_needs_a_command_and_a_proof_of_its_own(#[case] again: fn(&mut Cluster, &str)) {
    let mut cluster = evacuating();
    cluster.until("h1", HostState::Evacuated);
    cluster.power_on("h1");
    let id = cluster.id("h1");
    assert!(cluster.request(Ask::Enable(id)).done);
    cluster.until("h1", HostState::Active);
    let guest = cluster.nova.boot(21, "h1");
    guest.runs_on.insert("h1".to_owned());
    let commands = cluster.power_offs("h1");
    again(&mut cluster, "h1");
    cluster.until("h1", HostState::Evacuated);
    assert!(cluster.power_offs("h1") > commands);
    assert_eq!(cluster.nova.running_on("h1"), 0);
}
