//! Lost answers and dead destinations: when a second evacuation is right, and when it would start an instance twice.

use std::collections::BTreeSet;
use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use themis_core::{HostState, Moment, VmoveId};
use uuid::Uuid;

use super::super::look::{LookContext, conclude};
use super::super::{
    InstanceLook, InstanceRecovery, MigrationLook, MigrationState, Phase, Recovery, StepEvent, StepRow,
};
use crate::testing::Cluster;
use crate::testing::nova::{Answers, instance_id, listed};

const HORIZON: Duration = Duration::from_secs(120);

fn crashed(guests: usize) -> Cluster {
    let mut cluster = Cluster::of(6);
    for number in 1..=guests {
        cluster.nova.boot(number, "h1");
    }
    cluster.crash("h1");
    cluster
}

#[test]
fn lost_answer_posts_nothing_more_until_the_migration_appears() {
    let mut cluster = crashed(3);
    cluster.until("h1", HostState::Evacuating);
    cluster.wait("a listing", |c| c.host("h1").recovery.listed);
    cluster.nova.answers = Answers::Lost;
    cluster.run(1);
    let phases: Vec<_> = cluster
        .host("h1")
        .recovery
        .instances
        .values()
        .map(|i| i.phase.clone())
        .collect();
    assert!(
        phases.iter().all(|phase| matches!(phase, Phase::Doubtful(_))),
        "{phases:?}"
    );
    cluster.nova.answers = Answers::Well;
    cluster.until("h1", HostState::Evacuated);
    assert_eq!((cluster.nova.posts.len(), cluster.outcomes()), (3, vec!["evacuated"]));
}

#[test]
fn request_without_answer_or_effect_is_posted_again_after_the_horizon_and_not_before() {
    let mut cluster = crashed(3);
    cluster.until("h1", HostState::Evacuating);
    cluster.wait("a listing", |c| c.host("h1").recovery.listed);
    cluster.nova.answers = Answers::Dropped;
    cluster.wait("an evacuation", |c| c.evacuations("h1") == 3);
    let sent = cluster.now;
    cluster.tick();
    cluster.nova.answers = Answers::Well;
    cluster.until("h1", HostState::Evacuated);
    let (first, _) = cluster.nova.posts[0];
    assert!(first.since(sent) >= HORIZON, "{:?}", first.since(sent));
    assert_eq!(cluster.nova.posts.len(), 3);
}

#[test]
fn dying_destination_gets_no_second_evacuation_beside_it_until_it_is_proven_off() {
    let mut cluster = crashed(4);
    cluster.wait("posts", |c| c.nova.posts.len() == 4);
    cluster.run(2);
    // h6 has taken them and stops before they run.
    cluster.stop_programs("h6");
    let before = cluster.now;
    cluster.until("h6", HostState::Fenced);
    assert_eq!(
        cluster.nova.posts.len(),
        4,
        "posted again before the destination was proven off"
    );
    assert!(cluster.now.since(before) > Duration::from_secs(60));
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.nova.posts.len(), 8, "{}", cluster.story());
    assert_eq!(cluster.outcomes().first(), Some(&"evacuated"));
}

/// `h1` crashed with six guests; all are on their way to `h6`, which dies with them and is evacuated too, and none of
/// them is posted again yet.
pub(super) fn destination_evacuated() -> Cluster {
    let mut cluster = crashed(6);
    cluster.wait("posts", |c| c.nova.posts.len() == 6);
    cluster.run(2);
    cluster.stop_programs("h6");
    // What Nova shows of h1's guests is not heard until h6 is evacuated.
    cluster.until("h6", HostState::Fenced);
    cluster.world.policy.evacuations_parallel = 0;
    cluster.until("h6", HostState::Evacuated);
    cluster.wait("all are to be posted again", |c| {
        let mut instances = c.host("h1").recovery.instances.values();
        instances.all(|i| i.ruled_out.contains("h6") && matches!(i.phase, Phase::Waiting(_)))
    });
    cluster
}

#[test]
fn destination_that_is_switched_on_again_before_the_second_evacuation_holds_it() {
    let mut cluster = destination_evacuated();
    cluster.nova.stalls = true;
    cluster.power_on("h6");
    cluster.run(5);
    cluster.world.policy.evacuations_parallel = 8;
    cluster.run(120);
    assert_eq!(
        (cluster.nova.posts.len(), cluster.hold("h1")),
        (6, Some("destination_came_back")),
        "{}",
        cluster.story()
    );
    assert!(cluster.told("h6", "alarm").contains(&"evacuated_reads_on"));
    // It takes what Nova had sent it before it died.
    cluster.nova.stalls = false;
    cluster.until("h1", HostState::Evacuated);
    assert_eq!((cluster.nova.posts.len(), cluster.nova.running_on("h6")), (6, 6));
}

#[test]
fn destination_that_is_back_in_service_without_its_instances_holds_them_no_longer() {
    let mut cluster = destination_evacuated();
    cluster.nova.stalls = true;
    cluster.power_on("h6");
    cluster.run(5);
    cluster.world.policy.evacuations_parallel = 8;
    let id = cluster.id("h6");
    assert!(cluster.request(crate::requests::Ask::Enable(id)).done);
    cluster.until("h6", HostState::Active);
    assert_eq!(cluster.nova.posts.len(), 6);
    cluster.wait("a second post of each", |c| c.nova.posts.len() == 12);
}

#[test]
fn instance_that_a_destination_took_after_it_came_back_is_not_posted_again() {
    let again = |ruled_out: &[&str]| InstanceRecovery {
        ruled_out: ruled_out.iter().map(|host| (*host).to_owned()).collect(),
        ..instance(Phase::Waiting(None))
    };
    let mut look = look(vec![migration(8, MigrationState::Done, Some("h3"))]);
    assert_eq!(concluded(&mut again(&["h3"]), &look, &["h1"]), None, "not there yet");
    look.host = Some("h3".to_owned());
    let row = concluded(&mut again(&["h3"]), &look, &["h1"]).expect("it is there");
    assert_eq!(
        (row.event, row.payload["host"].as_str()),
        (StepEvent::Succeeded, Some("h3"))
    );
    assert_eq!(
        concluded(&mut again(&[]), &look, &["h1"]),
        None,
        "nothing was given up: nothing is asked"
    );
}

#[test]
fn destination_that_stays_off_is_read_again_and_the_second_evacuation_follows() {
    let mut cluster = destination_evacuated();
    cluster.run(300);
    let read = cluster.world.evidence.power[&cluster.id("h6")]
        .devices
        .values()
        .filter_map(|d| d.last);
    assert!(
        read.map(|(at, _)| cluster.now.since(at))
            .all(|age| age <= Duration::from_secs(2))
    );
    cluster.world.policy.evacuations_parallel = 8;
    cluster.until("h1", HostState::Evacuated);
    assert_eq!(cluster.outcomes(), ["evacuated", "evacuated"], "{}", cluster.story());
}

#[test]
fn off_of_a_minute_ago_does_not_prove_an_evacuated_host_off() {
    let mut cluster = destination_evacuated();
    let off = |c: &Cluster| crate::host::proven_off(&c.world, c.now).contains("h6");
    assert!(off(&cluster));
    cluster.machine("h6").bmc.hangs = true;
    cluster.run(5);
    assert!(!off(&cluster), "its device answers no more");
    cluster.machine("h6").bmc.hangs = false;
    cluster.run(20);
    assert!(off(&cluster), "it was never seen on");
    cluster.machine("h6").powered = true;
    cluster.run(5);
    cluster.machine("h6").powered = false;
    cluster.run(60);
    assert!(
        !off(&cluster),
        "it was switched on since: only a command of ours would prove it off again"
    );
}

/// An instance that was posted once, in that phase.
fn instance(phase: Phase) -> InstanceRecovery {
    InstanceRecovery {
        listed: listed(1),
        vmove: VmoveId(Uuid::nil()),
        attempts: 1,
        failures: 0,
        turned_away: 0,
        phase,
        reset: false,
        stopped: false,
        ruled_out: BTreeSet::new(),
        before: vec![7],
        towards: None,
        slow: false,
    }
}

fn look(migrations: Vec<MigrationLook>) -> InstanceLook {
    InstanceLook {
        id: instance_id(1),
        deleted: false,
        host: Some("h1".to_owned()),
        vm_state: "active".to_owned(),
        task_state: None,
        migrations,
        claimed_on: None,
    }
}

fn migration(id: i64, state: MigrationState, dest: Option<&str>) -> MigrationLook {
    MigrationLook {
        id,
        state,
        dest: dest.map(str::to_owned),
    }
}

/// What a look concludes 200 s after the post, with these hosts proven off.
fn concluded(instance: &mut InstanceRecovery, look: &InstanceLook, off: &[&str]) -> Option<StepRow> {
    let proven_off: BTreeSet<String> = off.iter().map(|host| (*host).to_owned()).collect();
    let now = Moment(200_000_000);
    conclude(
        instance,
        look,
        LookContext {
            source: "h1",
            now,
            horizon: HORIZON,
            attempts_max: 3,
            proven_off: &proven_off,
        },
    )
}

fn code(row: Option<StepRow>) -> Option<String> {
    row.and_then(|row| row.payload["reason"]["code"].as_str().map(str::to_owned))
}

const UNDER_WAY: MigrationState = MigrationState::UnderWay;

#[rstest]
#[case::destination_off(Some("h3"), None, &["h1", "h3"], true)]
#[case::destination_alive(Some("h3"), None, &["h1"], false)]
#[case::destination_unknown_and_claims_off(None, Some(vec!["h3"]), &["h1", "h3"], true)]
#[case::destination_unknown_and_one_claim_alive(None, Some(vec!["h3", "h4"]), &["h1", "h3"], false)]
#[case::destination_unknown_and_no_claims(None, Some(vec![]), &["h1", "h2", "h3"], false)]
#[case::destination_and_claims_unknown(None, None, &["h1", "h2", "h3"], false)]
fn destination_is_dead_only_when_every_host_that_may_run_it_is_proven_off(
    #[case] dest: Option<&str>,
    #[case] claims: Option<Vec<&str>>,
    #[case] off: &[&str],
    #[case] died: bool,
) {
    let mut look = look(vec![migration(8, UNDER_WAY, dest)]);
    look.claimed_on = claims.map(|hosts| hosts.into_iter().map(str::to_owned).collect());
    let row = concluded(&mut instance(Phase::Moving(Some(Moment(0)))), &look, off);
    assert_eq!(code(row).as_deref(), died.then_some("destination_died"));
}

#[test]
fn claim_that_an_earlier_attempt_left_behind_does_not_kill_the_next() {
    let mut second = instance(Phase::Moving(Some(Moment(0))));
    second.before = vec![8];
    let mut look = look(vec![migration(8, UNDER_WAY, Some("h3")), migration(9, UNDER_WAY, None)]);
    look.claimed_on = Some(vec!["h3".to_owned()]);
    assert_eq!(concluded(&mut second, &look, &["h1", "h3"]), None);
}

#[test]
fn unanswered_request_that_shows_any_effect_is_never_called_lost() {
    let doubtful = || instance(Phase::Doubtful(Some(Moment(0))));
    assert_eq!(
        code(concluded(&mut doubtful(), &look(vec![]), &["h1"])).as_deref(),
        Some("evacuation_lost")
    );
    let taken = InstanceLook {
        task_state: Some("rebuilding".to_owned()),
        ..look(vec![])
    };
    assert_eq!(concluded(&mut doubtful(), &taken, &["h1"]), None);
    let elsewhere = InstanceLook {
        host: Some("h3".to_owned()),
        ..taken
    };
    assert_eq!(concluded(&mut doubtful(), &elsewhere, &["h1"]), None);
    let old = look(vec![migration(7, MigrationState::Failed, None)]);
    assert_eq!(
        code(concluded(&mut doubtful(), &old, &["h1"])).as_deref(),
        Some("evacuation_lost")
    );
}

#[test]
fn horizon_runs_from_this_leaders_own_first_look() {
    let mut adopted = instance(Phase::Doubtful(None));
    assert_eq!(concluded(&mut adopted, &look(vec![]), &["h1"]), None);
    assert_eq!(adopted.phase, Phase::Doubtful(Some(Moment(200_000_000))));
}

#[test]
fn request_that_nova_took_is_never_called_lost() {
    let mut moving = instance(Phase::Moving(Some(Moment(0))));
    assert_eq!(concluded(&mut moving, &look(vec![]), &["h1"]), None);
}

#[test]
fn arrival_counts_when_the_migration_is_done_and_nothing_is_under_way() {
    let done = || look(vec![migration(8, MigrationState::Done, Some("h3"))]);
    let at = |host: &str, task: Option<&str>| InstanceLook {
        host: Some(host.to_owned()),
        task_state: task.map(str::to_owned),
        ..done()
    };
    let moving = || instance(Phase::Moving(None));
    assert_eq!(concluded(&mut moving(), &at("h1", None), &["h1"]), None);
    assert_eq!(concluded(&mut moving(), &at("h3", Some("spawning")), &["h1"]), None);
    let row = concluded(&mut moving(), &at("h3", None), &["h1"]).expect("it arrived");
    assert_eq!(
        (row.event, row.payload["host"].clone()),
        (StepEvent::Succeeded, json!("h3"))
    );
}

#[test]
fn instance_that_is_not_on_its_way_is_concluded_nothing_about() {
    let done = look(vec![migration(8, MigrationState::Failed, None)]);
    for phase in [Phase::Waiting(None), Phase::Posting, Phase::Resetting, Phase::Stopping] {
        assert_eq!(concluded(&mut instance(phase), &done, &["h1"]), None);
    }
}

#[test]
fn what_a_dead_destination_left_in_placement_is_not_where_the_next_attempt_goes() {
    let mut first = instance(Phase::Moving(Some(Moment(0))));
    let mut look = look(vec![migration(8, MigrationState::UnderWay, None)]);
    look.claimed_on = Some(vec!["h1".to_owned(), "h3".to_owned()]);
    let row = concluded(&mut first, &look, &["h1", "h3"]).expect("h3 is proven off");
    let mut recovery = Recovery::default();
    recovery.instances.insert(first.listed.id, first);
    recovery.apply(&row, Some(Moment(0)));
    let again = recovery.instances.get_mut(&instance_id(1)).expect("it is there");
    again.attempts = 2;
    again.phase = Phase::Moving(Some(Moment(0)));
    // The second request is accepted; the scheduler has not set anything aside for it yet.
    look.migrations.push(migration(9, MigrationState::UnderWay, None));
    assert_eq!(concluded(again, &look, &["h1", "h3"]), None);
    look.claimed_on = Some(vec!["h1".to_owned(), "h3".to_owned(), "h4".to_owned()]);
    assert_eq!(concluded(again, &look, &["h1", "h3"]), None, "h4 may be starting it");
    assert!(concluded(again, &look, &["h1", "h3", "h4"]).is_some());
}

#[test]
fn instance_has_arrived_when_the_record_of_an_earlier_post_ends_on_its_new_host() {
    let mut second = instance(Phase::Moving(Some(Moment(0))));
    second.before = vec![8];
    let mut look = look(vec![
        migration(8, MigrationState::Done, Some("h4")),
        migration(9, UNDER_WAY, None),
    ]);
    look.host = Some("h4".to_owned());
    look.task_state = Some("rebuilding".to_owned());
    assert_eq!(
        concluded(&mut second, &look, &["h1", "h3"]),
        None,
        "not while Nova works on it"
    );
    look.task_state = None;
    let row = concluded(&mut second, &look, &["h1", "h3"]).expect("it is there");
    assert_eq!(
        (row.event, row.payload["host"].as_str()),
        (StepEvent::Succeeded, Some("h4"))
    );
}
