//! What holds in every history: hosts die, come back, are cut off; devices and Nova fail; leaders die; operators ask.
//!
//! The cluster itself checks after every turn that no guest runs twice, that nothing is sent while observing, that each
//! evacuation carries a young proof of its own incident and that the limits hold ([`Cluster`]).

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use themis_core::{HostState, Mode, Moment};
use uuid::Uuid;

use crate::judge::{Change, judge};
use crate::requests::Ask;
use crate::testing::nova::Answers;
use crate::testing::{Begun, Cluster, NETWORKS};

/// Something that happens to one host, or to all.
#[derive(Debug, Clone)]
enum Happening {
    Crash(usize),
    LosePower(usize),
    PowerOn(usize),
    StopPrograms(usize),
    Heal(usize),
    Cut(usize, usize),
    Bmc { host: usize, answers: bool, deaf: bool },
    WrongBmc(usize),
    Out(Option<usize>),
    Bus(bool),
    Nova(Answers, bool, usize),
    Arm(bool),
    Segment(bool),
    Maintenance(usize, bool),
    Enable(usize),
    Disable(usize),
    ConfirmDead(usize),
    Retry(usize),
    Claim(usize),
    FailOver(Begun),
}

fn happening() -> impl Strategy<Value = Happening> {
    let host = 1..=HOSTS;
    let answers = prop_oneof![
        4 => Just(Answers::Well),
        1 => Just(Answers::Lost),
        1 => Just(Answers::Dropped),
        1 => Just(Answers::Busy)
    ];
    prop_oneof![
        6 => host.clone().prop_map(Happening::Crash),
        4 => host.clone().prop_map(Happening::LosePower),
        3 => host.clone().prop_map(Happening::PowerOn),
        3 => host.clone().prop_map(Happening::StopPrograms),
        5 => host.clone().prop_map(Happening::Heal),
        4 => (host.clone(), 0..NETWORKS.len()).prop_map(|(host, network)| Happening::Cut(host, network)),
        2 => (host.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(host, answers, deaf)| Happening::Bmc { host, answers, deaf }),
        1 => host.clone().prop_map(Happening::WrongBmc),
        1 => proptest::option::of(0..NETWORKS.len()).prop_map(Happening::Out),
        1 => any::<bool>().prop_map(Happening::Bus),
        4 => (answers, any::<bool>(), 0..4_usize).prop_map(|(a, stalls, failing)| Happening::Nova(a, stalls, failing)),
        2 => prop_oneof![3 => Just(true), 1 => Just(false)].prop_map(Happening::Arm),
        1 => prop_oneof![3 => Just(true), 1 => Just(false)].prop_map(Happening::Segment),
        1 => (host.clone(), any::<bool>()).prop_map(|(host, on)| Happening::Maintenance(host, on)),
        2 => host.clone().prop_map(Happening::Enable),
        1 => host.clone().prop_map(Happening::Disable),
        1 => host.clone().prop_map(Happening::ConfirmDead),
        1 => host.clone().prop_map(Happening::Retry),
        1 => host.prop_map(Happening::Claim),
        2 => prop_oneof![Just(Begun::Sent), Just(Begun::Unsent)].prop_map(Happening::FailOver),
    ]
}

const HOSTS: usize = 4;

fn name(host: usize) -> String {
    format!("h{host}")
}

fn happen(cluster: &mut Cluster, happening: &Happening) {
    match *happening {
        Happening::Crash(host) => cluster.crash(&name(host)),
        Happening::LosePower(host) => cluster.lose_power(&name(host)),
        Happening::PowerOn(host) => {
            if !cluster.machine(&name(host)).powered {
                cluster.power_on(&name(host));
            }
        }
        Happening::StopPrograms(host) => cluster.stop_programs(&name(host)),
        Happening::Heal(host) => cluster.heal(&name(host)),
        Happening::Cut(host, network) => cluster.cut(&name(host), NETWORKS[network]),
        Happening::Bmc { host, answers, deaf } => {
            let bmc = &mut cluster.machine(&name(host)).bmc;
            // Both at once: it does not even fail.
            (bmc.answers, bmc.deaf, bmc.hangs) = (answers, deaf, deaf && !answers);
        }
        Happening::WrongBmc(host) => {
            let bmc = &mut cluster.machine(&name(host)).bmc;
            bmc.of_another = !bmc.of_another;
        }
        Happening::Out(network) => {
            cluster.out.clear();
            cluster.out.extend(network.map(|n| NETWORKS[n]));
        }
        Happening::Bus(down) => cluster.bus_down = down,
        Happening::Nova(answers, stalls, failing) => {
            (cluster.nova.answers, cluster.nova.stalls, cluster.nova.no_valid_host) = (answers, stalls, failing);
        }
        Happening::Arm(armed) => cluster.world.mode = if armed { Mode::Armed } else { Mode::Observe },
        Happening::Segment(enabled) => cluster.set_segment_enabled(enabled),
        Happening::Maintenance(host, on) => cluster.host_mut(&name(host)).on_maintenance = on,
        Happening::Claim(host) => cluster.claim(&name(host)),
        Happening::Enable(host) => ask(cluster, host, Ask::Enable),
        Happening::Disable(host) => ask(cluster, host, Ask::Disable),
        Happening::ConfirmDead(host) => vouch(cluster, host),
        Happening::Retry(host) => ask(cluster, host, Ask::Retry),
        Happening::FailOver(begun) => {
            cluster.fail_over(begun);
            cluster.run(15);
            cluster.world.settled = true;
        }
    }
}

fn ask(cluster: &mut Cluster, host: usize, ask: fn(themis_core::HostId) -> Ask) {
    let id = cluster.id(&name(host));
    cluster.request(ask(id));
}

/// An operator who vouches has looked: the machine is off. A wrong word is the operator's, not the machine's.
fn vouch(cluster: &mut Cluster, host: usize) {
    if matches!(cluster.state(&name(host)), HostState::Failed | HostState::Fencing) {
        cluster.lose_power(&name(host));
    }
    ask(cluster, host, Ask::ConfirmDead);
}

fn begin() -> Cluster {
    let mut cluster = Cluster::of(HOSTS);
    for number in 0..12 {
        cluster.nova.boot(number, &name(number % HOSTS + 1));
    }
    cluster
}

/// The same histories each time: a property that fails today failed yesterday.
fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]))
}

#[test]
fn promises_hold_in_every_history() {
    let histories = proptest::collection::vec((happening(), 1..45_u64), 4..14);
    let moved = std::cell::Cell::new(0);
    runner(40)
        .run(&histories, |history| {
            let mut cluster = begin();
            for (happening, seconds) in &history {
                happen(&mut cluster, happening);
                cluster.run(*seconds);
                for host in cluster.world.hosts.values() {
                    let posted: usize = host.recovery.instances.values().filter(|i| i.attempts > 0).count();
                    prop_assert!(posted == 0 || host.recovery.proven, "{}", cluster.story());
                }
            }
            moved.set(moved.get() + cluster.nova.posts.len());
            // What is written stays in the database: a hold that flickers would fill it.
            let events = |(_, change): &&(_, Change)| matches!(change, Change::Event { .. } | Change::Host(_));
            let (written, seconds) = (
                cluster.journal.iter().filter(events).count(),
                history.iter().map(|(_, s)| s).sum::<u64>(),
            );
            let seconds = usize::try_from(seconds).expect("a few minutes");
            prop_assert!(written <= 60 + seconds, "{written} in {seconds} s\n{}", cluster.story());
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(
        moved.get() > 100,
        "the histories exercise recovery: {} evacuations",
        moved.get()
    );
}

#[test]
fn judge_says_the_same_of_the_same_world_at_the_same_time() {
    let histories = proptest::collection::vec((happening(), 1..30_u64), 3..8);
    runner(12)
        .run(&histories, |history| {
            let mut cluster = begin();
            for (happening, seconds) in &history {
                happen(&mut cluster, happening);
                cluster.run(*seconds);
                let now = cluster.now.plus(std::time::Duration::from_millis(250));
                let turn = |now: Moment| {
                    let mut world = cluster.world.clone();
                    let mut ids = 0;
                    let judgement = judge(&mut world, now, &mut || {
                        ids += 1;
                        Uuid::from_u128(ids)
                    });
                    format!("{:?} {:?} {:?}", judgement.changes, judgement.wants, judgement.effects)
                };
                prop_assert_eq!(turn(now), turn(now));
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
