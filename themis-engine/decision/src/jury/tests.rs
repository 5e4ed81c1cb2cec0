//! Who is a member, who is a majority, and whose silence is a word.

use rstest::rstest;
use themis_core::power::{Binding, PowerReading, PowerState};
use themis_core::report::PeerStatus;
use themis_core::{HostState, Moment, NetworkName};

use super::Jury;
use crate::judge::believe;
use crate::testing::cluster::device_of;
use crate::testing::{NETWORKS, ReportBuilder, hear, host_id, report, world};
use crate::verdict::{Standing, judge_host};
use crate::world::{Vouch, World};

const NOW: Moment = Moment(1_000_000_000);
const ALL: &[&str] = &NETWORKS;

fn storage() -> NetworkName {
    NetworkName::new("storage")
}

/// The host was proven off and evacuated; its device reads so now.
fn evacuated(world: &mut World, number: usize, reads: PowerState) {
    let id = host_id(number);
    world.hosts.get_mut(&id).expect("a host").state = HostState::Evacuated;
    let reading = PowerReading {
        state: Ok(reads),
        guid: None,
        detail: String::new(),
    };
    let power = world.evidence.power.entry(id).or_default();
    power.hear(device_of(id), Binding::Identity, &reading, NOW);
}

/// What a monitor says that sees only those of `hosts` alive.
fn sees_only(observer: usize, alive: &[usize], hosts: usize) -> ReportBuilder {
    let missed = (1..=hosts).filter(|n| *n != observer && !alive.contains(n));
    missed.fold(report(&format!("h{observer}")), |report, n| {
        report.accuses(&format!("h{n}"), ALL)
    })
}

/// Nine hosts, of which h8 and h9 were evacuated; h1 to h3 and h4 to h7 see only their own side.
fn split(reads: PowerState) -> World {
    let mut world = world(9, NOW);
    for number in [8, 9] {
        evacuated(&mut world, number, reads);
        world.evidence.observers.remove(&format!("h{number}"));
    }
    for side in [&[1, 2, 3][..], &[4, 5, 6, 7][..]] {
        for observer in side {
            hear(&mut world, sees_only(*observer, side, 9).build(), NOW);
        }
    }
    world
}

fn accused(world: &World) -> Vec<usize> {
    let jury = Jury::of(world, NOW);
    let accused = |n: &usize| {
        jury.tally(world, &format!("h{n}"), &storage())
            .accused(world.policy.quorum)
    };
    (1..=9).filter(accused).collect()
}

#[test]
fn of_a_split_fleet_only_the_larger_living_side_accuses() {
    // Four of the seven that may live are a majority; three are none, whoever hears them.
    assert_eq!(accused(&split(PowerState::Off)), [1, 2, 3, 8, 9]);
}

#[test]
fn evacuated_host_that_reads_on_is_a_member_again() {
    // It may be on the other side: four of nine are no majority.
    assert_eq!(accused(&split(PowerState::On)), [0_usize; 0]);
}

#[test]
fn operators_word_for_deaths_does_not_make_a_side_the_majority() {
    let mut world = split(PowerState::Off);
    for number in [4, 5] {
        let host = world.hosts.get_mut(&host_id(number)).expect("a host");
        host.state = HostState::Evacuated;
        host.detail.vouched = Some(Vouch {
            user: "anna".to_owned(),
            reason: "looks dead from here".to_owned(),
        });
        world.evidence.observers.remove(&format!("h{number}"));
    }
    // h1 to h3 are three of five by that word, and three of seven by what was read.
    assert_eq!(accused(&world), [0_usize; 0]);
}

#[test]
fn reading_of_long_ago_takes_no_host_off_the_members() {
    let world = split(PowerState::Off);
    let later = NOW.plus(world.policy.power_idle_interval * 2);
    let members = |now| Jury::of(&world, now).members(&storage());
    assert_eq!(members(later), 7);
    assert_eq!(members(later.plus(std::time::Duration::from_micros(1))), 9);
}

#[test]
fn half_of_a_fleet_that_was_evacuated_is_no_outage_to_a_leader_that_has_read_no_power_yet() {
    let mut world = world(6, NOW);
    for number in [4, 5, 6] {
        world.hosts.get_mut(&host_id(number)).expect("a host").state = HostState::Evacuated;
        world.evidence.observers.remove(&format!("h{number}"));
    }
    for observer in [1, 2, 3] {
        hear(&mut world, sees_only(observer, &[1, 2, 3], 6).build(), NOW);
    }
    let jury = Jury::of(&world, NOW);
    let verdicts = believe(&mut world, &jury, NOW);
    assert!(world.outages.is_empty(), "{:?}", world.outages);
    let verdict = &verdicts[&host_id(1)].networks[&storage()];
    assert_eq!(
        verdict.reason.code, "no_majority",
        "nor does it judge anybody before it has"
    );
    for number in [4, 5, 6] {
        evacuated(&mut world, number, PowerState::Off);
    }
    let jury = Jury::of(&world, NOW);
    let verdicts = believe(&mut world, &jury, NOW);
    assert_eq!(verdicts[&host_id(1)].networks[&storage()].verdict, Standing::Good);
}

#[test]
fn disabled_host_counts_until_its_own_device_reads_off() {
    let mut world = world(4, NOW);
    let members = |world: &World| Jury::of(world, NOW).members(&storage());
    evacuated(&mut world, 4, PowerState::Off);
    world.hosts.get_mut(&host_id(4)).expect("a host").state = HostState::Active;
    assert_eq!(
        members(&world),
        4,
        "an active host that reads off is a failure, not an absence"
    );
    world.hosts.get_mut(&host_id(4)).expect("a host").state = HostState::Disabled;
    assert_eq!(members(&world), 3);
    evacuated(&mut world, 4, PowerState::On);
    world.hosts.get_mut(&host_id(4)).expect("a host").state = HostState::Disabled;
    assert_eq!(members(&world), 4);
}

/// Five hosts with a common list, and h6, which is registered and in the lists of `knowing` only.
fn newcomer(knowing: &[usize]) -> World {
    let mut world = world(6, NOW);
    for observer in 1..=6 {
        let name = format!("h{observer}");
        let knows = observer == 6 || knowing.contains(&observer);
        let mut said = report(&name).on("storage", |n| (n.known, n.alive) = (5, 5)).build();
        if !knows {
            said = report(&name).on("storage", |n| (n.known, n.alive) = (4, 4)).build();
            "older".clone_into(&mut said.generation);
        }
        hear(&mut world, said, NOW);
    }
    world
}

fn verdict(world: &mut World, number: usize) -> (Standing, String) {
    let verdicts = judge_host(world, host_id(number), NOW).expect("a host");
    let verdict = &verdicts.networks[&storage()];
    (verdict.verdict, verdict.reason.code.clone())
}

#[rstest]
#[case::in_no_list(&[], Standing::Unknown, "host_lists_differ")]
#[case::in_few_lists(&[1, 2], Standing::Unknown, "host_lists_differ")]
#[case::in_most_lists(&[1, 2, 3], Standing::Good, "seen_alive")]
fn host_that_a_monitors_list_lacks_is_not_seen_by_it(
    #[case] knowing: &[usize],
    #[case] standing: Standing,
    #[case] code: &str,
) {
    let mut world = newcomer(knowing);
    assert_eq!(verdict(&mut world, 6), (standing, code.to_owned()));
    let words: Vec<String> = Jury::of(&world, NOW)
        .words(&world, "h6", &storage())
        .map(|(name, _)| name.to_owned())
        .collect();
    let expected: Vec<String> = knowing.iter().map(|n| format!("h{n}")).collect();
    assert_eq!(words, expected, "and it is not asked to probe it");
}

#[test]
fn hosts_that_share_a_list_see_each_other_although_it_lacks_a_newcomer() {
    let mut world = newcomer(&[]);
    for number in 1..=5 {
        assert_eq!(verdict(&mut world, number).0, Standing::Good, "h{number}");
    }
}

#[test]
fn list_that_still_names_a_removed_host_does_not_pass_for_one_that_names_its_successor() {
    // As long as the right list: h0 was removed, h6 registered in its place.
    for (alive, said) in [(4, true), (5, false)] {
        let mut world = newcomer(&[]);
        for observer in 1..=5 {
            let mut report = report(&format!("h{observer}")).on("storage", |n| (n.known, n.alive) = (5, alive));
            if said {
                report = report.says("h0", PeerStatus::Left, &["storage"]);
            }
            let mut report = report.build();
            "older".clone_into(&mut report.generation);
            hear(&mut world, report, NOW);
        }
        if !said {
            // It is not registered and reports all the same.
            hear(&mut world, report("h0").build(), NOW);
        }
        assert_eq!(
            verdict(&mut world, 6),
            (Standing::Unknown, "host_lists_differ".to_owned()),
            "{said}"
        );
    }
}

#[test]
fn who_may_not_know_a_host_still_weighs_against_an_accusation_of_it() {
    let mut world = newcomer(&[1, 2, 3]);
    let accuse = |world: &mut World, observer: &str| {
        let said = report(observer).on("storage", |n| (n.known, n.alive) = (5, 4));
        hear(world, said.says("h6", PeerStatus::Failed, &["storage"]).build(), NOW);
    };
    accuse(&mut world, "h1");
    accuse(&mut world, "h2");
    let tally = Jury::of(&world, NOW).tally(&world, "h6", &storage());
    assert_eq!(
        (tally.accusers.len(), tally.eligible, tally.unsure, tally.others),
        (2, 3, 2, 5)
    );
    assert!(!tally.accused(2), "two of five");
    accuse(&mut world, "h3");
    assert!(Jury::of(&world, NOW).tally(&world, "h6", &storage()).accused(2));
}
