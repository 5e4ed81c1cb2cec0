//! What one turn of the decision core costs, by the number of hosts: three networks, every host with a monitor of its
//! own, quiet or with hosts that everybody misses. `cargo run -p themis-decision --example turn_cost [HOSTS...]`.
//!
//! A turn must cost about as much as there is to hear, not the square of the hosts: compare the lines, not the figures,
//! which are those of an unoptimised build on whatever machine this is.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::collections::BTreeMap;
use std::time::Instant;

use themis_core::report::{AgentState, NetworkReport, PeerStatus, Report};
use themis_core::{HostId, HostState, Moment, NetworkName, SegmentId};
use themis_decision::world::{HostRecord, SegmentRecord};
use themis_decision::{World, judge};
use uuid::Uuid;

const NETWORKS: [(&str, bool); 3] = [("management", false), ("storage", true), ("tenant", true)];
const TURNS: u32 = 10;

fn name(number: usize) -> String {
    format!("compute-{number:04}")
}

/// What the monitor of a host says when the first `dead` hosts are missed by everybody.
fn report(number: usize, hosts: usize, dead: usize) -> Report {
    let missed = (0..dead).filter(|n| *n != number);
    let not_alive: BTreeMap<String, PeerStatus> = missed.map(|n| (name(n), PeerStatus::Failed)).collect();
    let known = u32::try_from(hosts - 1).unwrap_or(u32::MAX);
    let network = NetworkReport {
        agent: AgentState::Running,
        carrier: Some(true),
        health_score: Some(0),
        known,
        alive: known - u32::try_from(not_alive.len()).unwrap_or(0),
        proof_of_life_age_ms: Some(100),
        not_alive,
    };
    Report {
        observer: name(number),
        witness: false,
        boot_id: "boot".to_owned(),
        system_uuid: None,
        monitor_start: Uuid::nil(),
        sequence: 1,
        clock_ms: 0,
        generation: "list".to_owned(),
        shutting_down: false,
        nonce: None,
        networks: NETWORKS
            .iter()
            .map(|(name, _)| (NetworkName::new(*name), network.clone()))
            .collect(),
    }
}

fn world(hosts: usize, dead: usize, now: Moment) -> World {
    let mut world = World::for_networks(&NETWORKS);
    world.settled = true;
    let segment = SegmentId(Uuid::nil());
    world.segments.insert(segment, SegmentRecord::enabled("pool"));
    let age = world.policy.report_age_max();
    for number in 0..hosts {
        let id = HostId(Uuid::from_u128(number as u128 + 1));
        let mut host = HostRecord::new(id, name(number), segment, now);
        host.state = HostState::Active;
        world.hosts.insert(id, host);
        if number >= dead {
            let _taken = world.evidence.hear_report(report(number, hosts, dead), now, age);
        }
    }
    world
}

fn main() {
    let asked: Vec<usize> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let sizes = if asked.is_empty() {
        vec![100, 200, 500, 1000]
    } else {
        asked
    };
    for (what, share) in [("quiet", 0), ("one in fifty missed", 50)] {
        for hosts in &sizes {
            let dead = hosts.checked_div(share).unwrap_or(0);
            let mut now = Moment(1_000_000_000);
            let mut world = world(*hosts, dead, now);
            let mut ids = 0_u128;
            let mut turn = |world: &mut World| {
                now = now.plus(std::time::Duration::from_millis(250));
                drop(judge(world, now, &mut || {
                    ids += 1;
                    Uuid::from_u128(ids)
                }));
            };
            // Once before the clock runs: incidents are opened then.
            turn(&mut world);
            #[allow(clippy::disallowed_methods, reason = "a stopwatch, on no runtime")]
            let began = Instant::now();
            for _ in 0..TURNS {
                turn(&mut world);
            }
            let each = began.elapsed() / TURNS;
            println!(
                "{what:<20} {hosts:>5} hosts  {:>9.2} ms a turn",
                each.as_secs_f64() * 1e3
            );
        }
    }
}
