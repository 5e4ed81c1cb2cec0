//! An instance that may be started by a host other than the one it is moved to: by an unfinished migration, or by what
//! Nova had sent to a destination that died. It is not posted while that can be, and its wait ends.

use rstest::rstest;
use themis_core::HostState;

use super::super::{Phase, Recovery};
use super::doubt::destination_evacuated;
use crate::requests::Ask;
use crate::testing::nova::{Answers, instance_id};
use crate::testing::{Begun, Cluster};

/// Six hosts; `h1` has crashed with a guest whose live migration had brought it as far as `h2`.
fn half_migrated() -> Cluster {
    let mut cluster = Cluster::of(6);
    let guest = cluster.nova.boot(1, "h1");
    guest.listed.may_run_on = vec!["h2".to_owned()];
    guest.runs_on = ["h2".to_owned()].into();
    cluster.crash("h1");
    cluster
}

fn phase(cluster: &Cluster) -> &Phase {
    &cluster.host("h1").recovery.instances[&instance_id(1)].phase
}

/// What became of the first post, which Nova never took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    TurnedAway,
    NeverSent,
}

#[rstest]
#[case::turned_away(First::TurnedAway)]
#[case::never_sent(First::NeverSent)]
fn instance_may_still_run_elsewhere_after_a_post_that_nova_never_took(#[case] first: First) {
    let mut cluster = half_migrated();
    cluster.crash("h2");
    cluster.machine("h2").bmc.answers = false;
    cluster.wait("a listing", |c| c.host("h1").recovery.listed);
    cluster.until("h2", HostState::Fencing);
    cluster.nova.answers = Answers::Busy;
    let id = cluster.id("h2");
    assert!(cluster.request(Ask::ConfirmDead(id)).done);
    cluster.wait("a first post", |c| c.evacuations("h1") == 1);
    if first == First::NeverSent {
        cluster.fail_over(Begun::Unsent);
        cluster.world.settled = true;
    }
    // The operator was wrong: it was never off.
    cluster.heal("h2");
    cluster.run(10);
    assert!(cluster.host("h2").detail.vouched.is_none(), "{}", cluster.story());
    cluster.nova.answers = Answers::Well;
    cluster.run(200);
    assert_eq!(
        (cluster.nova.posts.len(), cluster.hold("h1")),
        (0, Some("waits_for_another_host")),
        "{}",
        cluster.story()
    );
}

#[test]
fn host_that_was_read_off_when_an_instance_was_posted_holds_it_no_longer_once_it_is_back() {
    let mut cluster = half_migrated();
    cluster.lose_power("h2");
    cluster.nova.no_valid_host = 1;
    cluster.wait("a first post", |c| c.nova.posts.len() == 1);
    cluster.world.policy.evacuations_parallel = 0;
    cluster.until("h2", HostState::Evacuated);
    cluster.wait("another try", |c| matches!(phase(c), Phase::Waiting(_)));
    let replayed = Recovery::replay(&cluster.log_of("h1"));
    let ruled_out = |recovery: &Recovery| recovery.instances[&instance_id(1)].ruled_out.clone();
    assert_eq!(ruled_out(&replayed), ["h2".to_owned()].into());
    assert_eq!(ruled_out(&replayed), ruled_out(&cluster.host("h1").recovery));
    cluster.power_on("h2");
    let id = cluster.id("h2");
    assert!(cluster.request(Ask::Enable(id)).done);
    cluster.until("h2", HostState::Active);
    cluster.world.policy.evacuations_parallel = 8;
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.outcomes(), ["evacuated", "evacuated"], "{}", cluster.story());
}

#[test]
fn destination_in_service_whose_nova_compute_is_not_back_holds_its_instances() {
    let mut cluster = destination_evacuated();
    cluster.power_on("h6");
    cluster.machine("h6").compute = false;
    cluster.run(5);
    let id = cluster.id("h6");
    assert!(cluster.request(Ask::Enable(id)).done);
    cluster.until("h6", HostState::Active);
    cluster.world.policy.evacuations_parallel = 8;
    cluster.run(300);
    assert_eq!(
        (cluster.nova.posts.len(), cluster.hold("h1")),
        (6, Some("destination_came_back")),
        "{}",
        cluster.story()
    );
    // It takes what Nova had sent it, and is slow about that.
    cluster.nova.stalls = true;
    cluster.machine("h6").compute = true;
    cluster.run(30);
    cluster.nova.stalls = false;
    cluster.until("h1", HostState::Evacuated);
    assert_eq!((cluster.nova.posts.len(), cluster.nova.running_on("h6")), (6, 6));
}

#[test]
fn recovery_that_waits_for_a_host_does_not_hold_that_hosts_own() {
    let mut cluster = half_migrated();
    cluster.world.policy.hosts_in_recovery_max = 1;
    cluster.crash("h2");
    cluster.until("h1", HostState::Evacuated);
    cluster.until("h2", HostState::Evacuated);
    assert_eq!(
        (cluster.nova.posts.len(), cluster.outcomes()),
        (1, vec!["evacuated"; 2])
    );
}

#[test]
fn recovery_waits_for_a_destination_that_may_take_its_instances_yet() {
    let cluster = destination_evacuated();
    let recovery = &cluster.host("h1").recovery;
    assert!(recovery.goes_to("h6") && !recovery.goes_to("h2"));
}

#[test]
fn destination_whose_power_cannot_be_read_any_more_is_confirmed_dead_by_an_operator() {
    let mut cluster = destination_evacuated();
    cluster.machine("h6").bmc.answers = false;
    cluster.run(10);
    cluster.world.policy.evacuations_parallel = 8;
    cluster.run(120);
    assert_eq!(
        (cluster.nova.posts.len(), cluster.hold("h1")),
        (6, Some("destination_came_back"))
    );
    let hold = cluster.host("h1").watch.hold.clone().expect("a hold");
    assert!(hold.text.contains("'themis host confirm-dead h6'"), "{hold}");
    let id = cluster.id("h6");
    let answer = cluster.request(Ask::ConfirmDead(id));
    assert!(answer.done, "{:?}", answer.reason);
    cluster.until("h1", HostState::Evacuated);
    assert_eq!((cluster.nova.posts.len(), cluster.outcomes().len()), (12, 2));
    assert_eq!(cluster.nova.running_on("h6"), 0);
}

#[test]
fn evacuated_host_that_reads_on_or_shows_life_is_not_confirmed_dead() {
    let mut cluster = destination_evacuated();
    let id = cluster.id("h6");
    let refusal = |cluster: &mut Cluster| cluster.request(Ask::ConfirmDead(id)).reason.map(|reason| reason.code);
    let machine = cluster.machine("h6");
    (machine.powered, machine.kernel) = (true, false);
    cluster.run(35);
    assert_eq!(refusal(&mut cluster).as_deref(), Some("reads_on"));
    cluster.nova.stalls = true;
    cluster.machine("h6").bmc.answers = false;
    cluster.heal("h6");
    cluster.run(35);
    assert_eq!(refusal(&mut cluster).as_deref(), Some("shows_life"));
}
