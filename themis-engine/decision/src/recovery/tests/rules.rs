//! Masakari's two rules of `[host_failure]` that leave instances of a dead host where they are.

use rstest::rstest;
use themis_core::HostState;

use super::super::Phase;
use crate::testing::Cluster;
use crate::testing::nova::instance_id;

/// The code of the reason for which an instance was left; `None`: it is back elsewhere.
fn left(cluster: &Cluster, number: usize) -> Option<String> {
    match &cluster.host("h1").recovery.instances[&instance_id(number)].phase {
        Phase::Held(reason) => Some(reason.code.clone()),
        Phase::Back { host } if host != "h1" => None,
        other => panic!("{other:?}\n{}", cluster.story()),
    }
}

#[rstest]
#[case::all(true, None)]
#[case::marked_ones(false, Some("instance_not_ha"))]
fn instance_that_its_owner_did_not_mark_is_left_when_not_all_are_evacuated(
    #[case] evacuate_all: bool,
    #[case] reason: Option<&str>,
) {
    let mut cluster = Cluster::of(6);
    cluster.world.policy.evacuate_unmarked = evacuate_all;
    cluster.nova.boot(1, "h1");
    cluster.nova.boot(2, "h1").listed.marked = false;
    cluster.crash("h1");
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(left(&cluster, 1), None, "a marked one is evacuated either way");
    assert_eq!(left(&cluster, 2).as_deref(), reason);
    let outcome = if evacuate_all { "evacuated" } else { "partly_evacuated" };
    assert_eq!(cluster.outcomes(), [outcome]);
}

#[rstest]
#[case::evacuated(false, None)]
#[case::ignored(true, Some("instance_in_error"))]
fn instance_in_error_is_left_when_those_are_ignored(#[case] ignore: bool, #[case] reason: Option<&str>) {
    let mut cluster = Cluster::of(6);
    cluster.world.policy.evacuate_in_error = !ignore;
    cluster.nova.boot(1, "h1");
    let failed = cluster.nova.boot(2, "h1");
    "error".clone_into(&mut failed.vm_state);
    "error".clone_into(&mut failed.listed.vm_state);
    cluster.crash("h1");
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(left(&cluster, 1), None);
    assert_eq!(left(&cluster, 2).as_deref(), reason);
}
