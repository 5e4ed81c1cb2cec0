//! What is believed of `h1`, by whose word, and what is no evidence.

use std::time::Duration;

use rstest::rstest;
use themis_core::inquiry::ProbeAnswer;
use themis_core::report::{AgentState, NetworkReport, PeerStatus};
use themis_core::{HostState, Moment, NetworkName, SegmentId};
use uuid::Uuid;

use super::{HostVerdicts, Standing, judge_host};
use crate::evidence::NovaService;
use crate::jury::Jury;
use crate::outage::judge_outages;
use crate::testing::{NETWORKS, ReportBuilder, hear, host_id, report, world};
use crate::world::{SegmentRecord, World};

/// Tests begin here, long after the clock's own beginning.
const START: Moment = Moment(1_000_000_000);
const ALL: &[&str] = &NETWORKS;
const STORAGE: &[&str] = &["storage"];

fn after(seconds: f64) -> Moment {
    START.plus(Duration::from_secs_f64(seconds))
}

/// Outages and the verdict on `h1`, as one turn of the leader finds them.
fn judged(world: &mut World, now: Moment) -> HostVerdicts {
    let jury = Jury::of(world, now);
    judge_outages(world, &jury, now);
    judge_host(world, host_id(1), now).expect("h1 is registered")
}

/// A world in which no network is ever out: what is tested is who may accuse.
fn accusers_only(count: usize) -> World {
    let mut world = world(count, START);
    world.policy.network_outage_ratio = 1.0;
    world
}

/// Standing and reason on the storage network.
fn storage(verdicts: &HostVerdicts) -> (Standing, &str) {
    let verdict = &verdicts.networks[&NetworkName::new("storage")];
    (verdict.verdict, verdict.reason.code.as_str())
}

/// All of these say so at that time.
fn accuse(world: &mut World, observers: &[&str], networks: &[&str], now: Moment) {
    for observer in observers {
        hear(world, report(observer).accuses("h1", networks).build(), now);
    }
}

fn probe(world: &mut World, observer: &str, network: &str, reached: Option<bool>, now: Moment) {
    let answer = ProbeAnswer {
        nonce: String::new(),
        observer: observer.to_owned(),
        target: "h1".to_owned(),
        network: NetworkName::new(network),
        reached,
    };
    world.evidence.hear_probe(&answer, now);
}

/// `h1` was accused by all others on `networks` for ten seconds, is being checked, and nobody's probe was answered yet.
fn checked(count: usize, networks: &[&str]) -> (World, Moment) {
    let mut world = world(count, START);
    let others: Vec<String> = (2..=count).map(|n| format!("h{n}")).collect();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    accuse(&mut world, &others, networks, after(1.0));
    judged(&mut world, after(1.0));
    let host = world.hosts.get_mut(&host_id(1)).expect("h1");
    host.watch.checking_since = Some(after(7.0));
    host.watch.asked = Some(after(7.0));
    (world, after(11.0))
}

/// The same, and these probed all networks in vain.
fn probed_in_vain(count: usize, networks: &[&str], by: &[&str]) -> (World, Moment) {
    let (mut world, now) = checked(count, networks);
    for (observer, network) in by.iter().flat_map(|o| networks.iter().map(move |n| (o, n))) {
        probe(&mut world, observer, network, Some(false), after(10.0));
    }
    (world, now)
}

#[test]
fn host_that_nobody_accuses_is_good() {
    let mut world = world(3, START);
    let verdicts = judged(&mut world, START);
    assert_eq!(storage(&verdicts), (Standing::Good, "seen_alive"));
    assert!(!verdicts.suspected && !verdicts.silent && !verdicts.missed);
}

#[test]
fn three_hosts_survive_the_loss_of_one() {
    let (mut world, now) = probed_in_vain(3, ALL, &["h2", "h3"]);
    let verdicts = judged(&mut world, now);
    assert_eq!(storage(&verdicts), (Standing::Bad, "accused_and_unreachable"));
    assert!(verdicts.suspected && verdicts.silent);
}

#[test]
fn one_of_two_hosts_has_no_majority() {
    let mut world = world(2, START);
    accuse(&mut world, &["h2"], ALL, after(1.0));
    judged(&mut world, after(1.0));
    let verdicts = judged(&mut world, after(11.0));
    assert_eq!(storage(&verdicts), (Standing::Unknown, "no_majority"));
    assert!(!verdicts.suspected);
    assert!(verdicts.missed, "its power device may still speak");
}

#[test]
fn exact_half_has_no_majority() {
    let mut world = world(4, START);
    for observer in ["h3", "h4"] {
        let report = report(observer).accuses("h1", ALL).accuses("h2", ALL).build();
        hear(&mut world, report, after(1.0));
    }
    judged(&mut world, after(1.0));
    let verdicts = judged(&mut world, after(11.0));
    assert_eq!(storage(&verdicts), (Standing::Unknown, "no_majority"));
}

#[rstest]
#[case::one_of_four(&["h2"], Standing::Good, "seen_alive")]
#[case::two_of_four(&["h2", "h3"], Standing::Unknown, "divided")]
#[case::three_of_four(&["h2", "h3", "h4"], Standing::Unknown, "not_probed")]
fn accusation_needs_a_quorum_and_more_than_half(
    #[case] accusers: &[&str],
    #[case] standing: Standing,
    #[case] code: &str,
) {
    let mut world = world(5, START);
    accuse(&mut world, accusers, STORAGE, after(1.0));
    judged(&mut world, after(1.0));
    assert_eq!(storage(&judged(&mut world, after(11.0))), (standing, code));
}

#[test]
fn quorum_is_not_reached_by_one_accuser_among_many_who_cannot_judge() {
    let mut world = world(5, START);
    world.policy.quorum = 3;
    accuse(&mut world, &["h2", "h3"], STORAGE, after(1.0));
    hear(&mut world, report("h4").on("storage", isolated).build(), after(1.0));
    judged(&mut world, after(1.0));
    assert_eq!(storage(&judged(&mut world, after(11.0))).1, "divided");
}

#[rstest]
#[case::five_voters(5, 6.0)]
#[case::six_voters(6, 3.0)]
fn accusation_must_last(#[case] count: usize, #[case] hold: f64) {
    let mut world = world(count, START);
    let others: Vec<String> = (2..=count).map(|n| format!("h{n}")).collect();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    accuse(&mut world, &others, STORAGE, START);
    judged(&mut world, START);
    let before = judged(&mut world, after(hold - 0.01));
    assert_eq!((storage(&before).1, before.suspected), ("accused", false));
    let then = judged(&mut world, after(hold));
    assert_eq!((storage(&then).1, then.suspected), ("not_probed", true));
}

#[test]
fn accusation_that_pauses_begins_anew() {
    let mut world = world(3, START);
    accuse(&mut world, &["h2", "h3"], STORAGE, START);
    judged(&mut world, START);
    hear(&mut world, report("h2").build(), after(5.0));
    judged(&mut world, after(5.0));
    accuse(&mut world, &["h2"], STORAGE, after(5.5));
    judged(&mut world, after(5.5));
    assert!(!judged(&mut world, after(11.0)).suspected);
    assert!(judged(&mut world, after(11.5)).suspected);
}

fn isolated(network: &mut NetworkReport) {
    network.alive = 0;
}

#[rstest]
#[case::no_carrier(|r: ReportBuilder| r.on("storage", |n| n.carrier = Some(false)))]
#[case::in_the_minority(|r: ReportBuilder| r.on("storage", isolated))]
#[case::poor_health(|r: ReportBuilder| r.on("storage", |n| n.health_score = Some(4)))]
#[case::agent_restarting(|r: ReportBuilder| r.on("storage", |n| n.agent = AgentState::Restarting))]
#[case::agent_silent(|r: ReportBuilder| r.on("storage", |n| n.agent = AgentState::Silent))]
#[case::going_down(ReportBuilder::shutting_down)]
fn observer_in_doubt_about_itself_accuses_nobody(#[case] doubt: impl Fn(ReportBuilder) -> ReportBuilder) {
    let mut world = accusers_only(3);
    accuse(&mut world, &["h2"], STORAGE, after(1.0));
    hear(
        &mut world,
        doubt(report("h3").accuses("h1", STORAGE)).build(),
        after(1.0),
    );
    judged(&mut world, after(1.0));
    assert_eq!(
        storage(&judged(&mut world, after(11.0))),
        (Standing::Unknown, "no_majority")
    );
}

#[test]
fn health_score_below_four_still_accuses() {
    let mut world = world(3, START);
    accuse(&mut world, &["h2"], STORAGE, after(1.0));
    let poor = report("h3")
        .accuses("h1", STORAGE)
        .on("storage", |n| n.health_score = Some(3));
    hear(&mut world, poor.build(), after(1.0));
    judged(&mut world, after(1.0));
    assert_eq!(storage(&judged(&mut world, after(11.0))).1, "not_probed");
}

#[test]
fn monitor_with_a_short_host_list_is_not_a_majority_of_its_own() {
    let mut world = accusers_only(5);
    for observer in ["h2", "h3"] {
        let short = report(observer)
            .accuses("h1", STORAGE)
            .on("storage", |n| (n.known, n.alive) = (2, 1));
        hear(&mut world, short.build(), after(1.0));
    }
    for observer in ["h4", "h5"] {
        hear(&mut world, report(observer).on("storage", isolated).build(), after(1.0));
    }
    judged(&mut world, after(1.0));
    assert_eq!(storage(&judged(&mut world, after(11.0))).1, "no_majority");
}

#[test]
fn stale_observer_says_nothing() {
    let mut world = world(3, START);
    accuse(&mut world, &["h2", "h3"], STORAGE, after(1.0));
    judged(&mut world, after(1.0));
    hear(&mut world, report("h2").accuses("h1", STORAGE).build(), after(20.0));
    assert_eq!(
        storage(&judged(&mut world, after(21.0))).1,
        "not_probed",
        "two intervals old still counts"
    );
    assert_eq!(
        storage(&judged(&mut world, after(21.1))),
        (Standing::Unknown, "no_majority")
    );
}

#[rstest]
#[case(PeerStatus::Left)]
#[case(PeerStatus::Leaving)]
#[case(PeerStatus::Missing)]
fn peer_that_left_or_was_never_met_is_not_accused(#[case] status: PeerStatus) {
    let mut world = world(3, START);
    for observer in ["h2", "h3"] {
        hear(&mut world, report(observer).says("h1", status, ALL).build(), after(1.0));
    }
    judged(&mut world, after(1.0));
    let verdicts = judged(&mut world, after(11.0));
    assert_eq!(storage(&verdicts), (Standing::Unknown, "no_majority"));
    assert!(!verdicts.suspected && !verdicts.missed);
}

#[test]
fn unregistered_observer_accuses_nobody() {
    let mut world = accusers_only(3);
    accuse(&mut world, &["h2", "stranger", "another"], STORAGE, after(1.0));
    hear(&mut world, report("h3").on("storage", isolated).build(), after(1.0));
    judged(&mut world, after(1.0));
    assert_eq!(storage(&judged(&mut world, after(11.0))).1, "no_majority");
}

#[test]
fn witness_makes_a_pair_able_to_judge() {
    let mut world = world(2, START);
    hear(&mut world, report("w1").witness().build(), START);
    for observer in ["h1", "h2", "w1"] {
        let seen = report(observer);
        hear(
            &mut world,
            if observer == "w1" { seen.witness() } else { seen }.build(),
            after(0.5),
        );
    }
    accuse(&mut world, &["h2"], STORAGE, after(1.0));
    hear(
        &mut world,
        report("w1").witness().accuses("h1", STORAGE).build(),
        after(1.0),
    );
    judged(&mut world, after(1.0));
    let verdicts = judged(&mut world, after(11.0));
    assert_eq!((storage(&verdicts).1, verdicts.suspected), ("not_probed", true));
}

#[test]
fn accused_host_is_not_bad_before_it_was_probed() {
    let (mut world, now) = checked(3, ALL);
    assert_eq!(storage(&judged(&mut world, now)), (Standing::Unknown, "not_probed"));
}

#[test]
fn one_prober_in_vain_is_one_witness_only() {
    let (mut world, now) = probed_in_vain(4, ALL, &["h2"]);
    assert_eq!(storage(&judged(&mut world, now)), (Standing::Unknown, "not_probed"));
    probe(&mut world, "h3", "storage", None, after(10.0));
    assert_eq!(
        storage(&judged(&mut world, now)).1,
        "not_probed",
        "a probe that could not be sent says nothing"
    );
    probe(&mut world, "h3", "storage", Some(false), after(10.0));
    assert_eq!(storage(&judged(&mut world, now)).0, Standing::Bad);
}

#[test]
fn prober_that_is_cut_off_itself_proves_no_silence() {
    let (mut world, now) = probed_in_vain(4, ALL, &["h2", "h3"]);
    hear(
        &mut world,
        report("h3").accuses("h1", ALL).on("storage", isolated).build(),
        after(10.5),
    );
    assert_eq!(storage(&judged(&mut world, now)), (Standing::Unknown, "not_probed"));
}

#[test]
fn answer_to_anybodys_probe_is_life_on_that_network() {
    let (mut world, now) = probed_in_vain(4, ALL, &["h2", "h3"]);
    hear(
        &mut world,
        report("h4").accuses("h1", ALL).on("storage", isolated).build(),
        after(10.5),
    );
    probe(&mut world, "h4", "storage", Some(true), after(10.5));
    let verdicts = judged(&mut world, now);
    assert_eq!(storage(&verdicts), (Standing::Unknown, "probe_answered"));
    assert!(!verdicts.silent);
}

#[test]
fn probes_of_before_the_check_and_old_ones_say_nothing() {
    let (mut world, _) = checked(3, ALL);
    for observer in ["h2", "h3"] {
        probe(&mut world, observer, "storage", Some(false), after(6.9));
    }
    assert_eq!(
        storage(&judged(&mut world, after(8.0))).1,
        "not_probed",
        "from before the check"
    );
    for observer in ["h2", "h3"] {
        probe(&mut world, observer, "storage", Some(false), after(8.0));
    }
    assert_eq!(storage(&judged(&mut world, after(14.0))).0, Standing::Bad);
    assert_eq!(
        storage(&judged(&mut world, after(14.1))).1,
        "not_probed",
        "three rounds old"
    );
}

#[rstest]
#[case::down(AgentState::Restarting, "agent")]
#[case::refused(AgentState::Refused, "agent")]
#[case::hung(AgentState::Silent, "agent")]
#[case::well(AgentState::Running, "agent_fault")]
fn host_whose_monitor_speaks_and_which_answers_probes_is_unknown(#[case] agent: AgentState, #[case] code: &str) {
    let (mut world, now) = checked(3, ALL);
    probe(&mut world, "h2", "storage", Some(true), after(10.0));
    hear(
        &mut world,
        report("h1").on("storage", |n| n.agent = agent).build(),
        after(10.0),
    );
    let verdicts = judged(&mut world, now);
    assert_eq!(storage(&verdicts), (Standing::Unknown, code));
    assert_eq!(verdicts.life.map(|life| life.code).as_deref(), Some("life_report"));
}

/// Nova's service of `h1`, polled at two times; its heartbeat moves between them or not.
fn nova(world: &mut World, moves: bool) {
    let service = |text: &str, at| NovaService {
        updated_at: text.to_owned(),
        at,
        ..NovaService::default()
    };
    world.evidence.hear_nova("h1", service("1", after(8.0)), None);
    let text = if moves { "2" } else { "1" };
    world
        .evidence
        .hear_nova("h1", service(text, after(10.0)), Some(after(8.0)));
}

/// All others accuse `h1` everywhere, its monitor is silent, its kernel answers probes.
fn kernel_answers() -> (World, Moment) {
    let (mut world, _) = checked(3, ALL);
    let now = after(11.5);
    for network in ALL {
        probe(&mut world, "h2", network, Some(true), after(11.0));
    }
    (world, now)
}

#[test]
fn host_that_is_silent_but_for_its_kernel_is_hung() {
    let (mut world, now) = kernel_answers();
    nova(&mut world, false);
    let verdicts = judged(&mut world, now);
    assert_eq!(storage(&verdicts), (Standing::Bad, "hung"));
    assert!(!verdicts.silent, "it takes the longer period: something on it answers");
}

#[test]
fn host_whose_nova_compute_moves_is_not_hung() {
    let (mut world, now) = kernel_answers();
    nova(&mut world, true);
    let verdicts = judged(&mut world, now);
    assert_eq!(storage(&verdicts), (Standing::Unknown, "probe_answered"));
    assert_eq!(verdicts.life.map(|life| life.code).as_deref(), Some("life_nova"));
}

#[test]
fn nova_compute_that_moved_half_a_minute_ago_moves_no_more() {
    let (mut world, _) = checked(3, ALL);
    nova(&mut world, true);
    for observer in ["h2", "h3"] {
        hear(&mut world, report(observer).accuses("h1", ALL).build(), after(30.0));
    }
    for network in ALL {
        probe(&mut world, "h2", network, Some(true), after(33.0));
    }
    assert_eq!(storage(&judged(&mut world, after(33.0))).1, "probe_answered");
    assert_eq!(storage(&judged(&mut world, after(33.1))).1, "hung");
}

#[test]
fn nova_that_was_not_asked_does_not_call_a_host_hung() {
    let (mut world, now) = kernel_answers();
    assert_eq!(storage(&judged(&mut world, now)).1, "probe_answered");
}

#[test]
fn host_accused_on_some_networks_only_is_not_hung() {
    let (mut world, now) = checked(3, STORAGE);
    probe(&mut world, "h2", "storage", Some(true), after(11.0));
    nova(&mut world, false);
    assert_eq!(storage(&judged(&mut world, now)).1, "probe_answered");
}

#[test]
fn hosts_own_fresh_answer_from_a_peer_is_life_on_that_network() {
    let (mut world, now) = probed_in_vain(3, STORAGE, &["h2", "h3"]);
    let with_proof = |age_ms| {
        report("h1")
            .on("storage", move |n| n.proof_of_life_age_ms = Some(age_ms))
            .build()
    };
    hear(&mut world, with_proof(4000), after(10.0));
    assert_eq!(
        storage(&judged(&mut world, now)),
        (Standing::Unknown, "own_proof_of_life")
    );
    hear(&mut world, with_proof(4001), after(10.0));
    assert_eq!(
        storage(&judged(&mut world, now)).0,
        Standing::Bad,
        "older than five seconds by now"
    );
}

#[test]
fn network_that_fails_for_more_than_half_is_out_and_cools_down() {
    let mut world = world(4, START);
    for number in 1..=3 {
        hear(
            &mut world,
            report(&format!("h{number}")).on("storage", isolated).build(),
            after(1.0),
        );
    }
    let verdicts = judged(&mut world, after(1.0));
    assert_eq!(storage(&verdicts), (Standing::Unknown, "network_out"));
    assert_eq!(verdicts.networks[&NetworkName::new("tenant")].verdict, Standing::Good);
    for number in 1..=3 {
        hear(&mut world, report(&format!("h{number}")).build(), after(2.0));
    }
    assert_eq!(storage(&judged(&mut world, after(2.0))).1, "network_out");
    for second in (10..=120).step_by(10) {
        for number in 1..=4 {
            hear(
                &mut world,
                report(&format!("h{number}")).build(),
                after(f64::from(second)),
            );
        }
    }
    assert_eq!(storage(&judged(&mut world, after(120.9))).1, "network_out");
    assert_eq!(storage(&judged(&mut world, after(121.0))).0, Standing::Good);
}

#[test]
fn new_hosts_that_were_never_good_are_no_outage() {
    let mut world = world(7, START);
    for number in 4..=7 {
        world.hosts.get_mut(&host_id(number)).expect("a host").state = HostState::Initializing;
        hear(
            &mut world,
            report(&format!("h{number}")).on("storage", isolated).build(),
            after(1.0),
        );
    }
    judged(&mut world, after(1.0));
    assert!(world.outages.is_empty());
}

#[test]
fn half_of_the_hosts_is_not_yet_an_outage() {
    let mut world = world(4, START);
    for observer in ["h1", "h2"] {
        hear(&mut world, report(observer).on("storage", isolated).build(), after(1.0));
    }
    judged(&mut world, after(1.0));
    assert!(world.outages.is_empty());
}

#[test]
fn network_that_fails_for_a_whole_segment_is_out() {
    let mut world = world(8, START);
    let rack = SegmentId(Uuid::from_u128(98));
    world.segments.insert(rack, SegmentRecord::enabled("rack"));
    for number in 1..=2 {
        world.hosts.get_mut(&host_id(number)).expect("a host").segment = rack;
    }
    for number in 3..=8 {
        let report = report(&format!("h{number}"))
            .accuses("h1", STORAGE)
            .accuses("h2", STORAGE)
            .build();
        hear(&mut world, report, after(1.0));
    }
    assert_eq!(storage(&judged(&mut world, after(1.0))).1, "network_out");
}

#[test]
fn accusations_of_an_outage_do_not_count_after_it() {
    let (mut world, now) = probed_in_vain(3, STORAGE, &["h2", "h3"]);
    assert_eq!(storage(&judged(&mut world, now)).0, Standing::Bad);
    for observer in ["h2", "h3"] {
        let report = report(observer).accuses("h1", STORAGE).on("storage", isolated).build();
        hear(&mut world, report, after(12.0));
    }
    assert_eq!(storage(&judged(&mut world, after(12.0))).1, "network_out");
    let host = &world.hosts[&host_id(1)];
    assert!(host.watch.accused_since.is_empty(), "the hold begins anew");
}
