//! Misfortunes that nobody thought of: drawn from a seed, several at once. Instances may be down at the end (a hold is
//! right when in doubt), but never does one run twice, and never is one posted without proof. A failing seed is printed;
//! `THEMIS_SIM_PLAYS` asks for more plays than the usual few, `THEMIS_SIM_FIRST` for other seeds than those from 0.

use std::fmt::Write as _;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use themis_sim::run::play;
use themis_sim::scenario::Scenario;

const PLAYS: u64 = 16;

/// Faults of one host or of all. An operator's word and a lying device are not among them: these can be wrong.
const FAULTS: [&str; 23] = [
    "kill HOST",
    "kill HOST",
    "kill HOST",
    "power HOST off",
    "power HOST on",
    "hang HOST",
    "resume HOST",
    "zombie HOST",
    "agents HOST dead",
    "cut HOST storage",
    "cut HOST management",
    "heal HOST",
    "bmc HOST slow",
    "bmc HOST silent",
    "bmc HOST well",
    "broker away",
    "broker back",
    "crash-leader",
    "nova loses-answers 3",
    "nova away",
    "nova back",
    "request retry HOST",
    "request enable HOST",
];

fn misfortune(seed: u64) -> String {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut text = format!("# Misfortune {seed}.\nhosts 5\nengines 3\nseed {seed}\nuntil 160\n");
    for host in 1..=5 {
        writeln!(text, "instances 3 on compute-{host}").expect("text");
    }
    writeln!(text, "policy confirm_period 15\npolicy confirm_period_silent 5").expect("text");
    // One that must end in an evacuation when nothing else comes between.
    writeln!(text, "at {} kill compute-2", rng.random_range(5..20)).expect("text");
    for _ in 0..rng.random_range(1..5) {
        // Few hosts, so that misfortunes meet.
        let host = format!("compute-{}", rng.random_range(1..=3));
        let fault = FAULTS[rng.random_range(0..FAULTS.len())].replace("HOST", &host);
        writeln!(text, "at {} {fault}", rng.random_range(5..50)).expect("text");
    }
    text
}

#[test]
fn random_misfortunes_never_start_an_instance_twice() {
    let asked = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, plays) = (
        asked("THEMIS_SIM_FIRST").unwrap_or(0),
        asked("THEMIS_SIM_PLAYS").unwrap_or(PLAYS),
    );
    let (mut posts, mut wrong) = (0, String::new());
    for seed in first..first + plays {
        let text = misfortune(seed);
        let mut scenario = Scenario::parse(&text).expect("a scenario");
        scenario.down = usize::MAX;
        let play = play(&scenario, false).expect("a play");
        posts += play.verdict.posts;
        let broken: Vec<&String> = play
            .verdict
            .broken
            .iter()
            .filter(|text| !text.contains("run nowhere"))
            .collect();
        if !broken.is_empty() {
            writeln!(wrong, "{text}{broken:#?}\n{}\n", play.log.join("\n")).expect("text");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(
        posts as u64 > plays,
        "misfortunes that evacuate nothing prove nothing: {posts} posts"
    );
}

#[test]
fn a_destination_that_hangs_at_any_moment_of_receiving_gets_no_second_evacuation_too_early() {
    for tenth in 0..14 {
        let at = f64::from(tenth).mul_add(0.3, 34.0);
        let text = format!(
            "# A destination hangs.\nhosts 4\ninstances 12 on compute-2\nuntil 140\npolicy confirm_period 30\n\
             end 5 after compute-3 evacuated\nat 5 kill compute-2\nat {at:.1} hang compute-3\n"
        );
        let play = play(&Scenario::parse(&text).expect("a scenario"), false).expect("a play");
        assert_eq!(
            play.verdict.broken,
            Vec::<String>::new(),
            "hangs at {at:.1}\n{}",
            play.log.join("\n")
        );
    }
}
