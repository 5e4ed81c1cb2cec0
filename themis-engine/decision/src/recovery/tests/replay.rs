//! A successor that replays the log stands where the leader stood, at every row; what was undecided is looked into.

use std::collections::BTreeSet;

use themis_core::{HostState, Moment};

use super::super::{Phase, Recovery, Step, StepEvent, StepRow, Task};
use crate::testing::Cluster;
use crate::testing::nova::{Answers, instance_id};

/// Without the moments, which belong to one leader's clock.
fn timeless(mut recovery: Recovery) -> Recovery {
    for task in [
        &mut recovery.force_down,
        &mut recovery.disable,
        &mut recovery.list,
        &mut recovery.force_up,
        &mut recovery.enable,
    ] {
        if matches!(task, Task::Again(_)) {
            *task = Task::Again(Moment(0));
        }
    }
    for instance in recovery.instances.values_mut() {
        (instance.slow, instance.towards) = (false, None);
        match &mut instance.phase {
            Phase::Waiting(at) | Phase::Doubtful(at) | Phase::Moving(at) => *at = None,
            _ => {}
        }
    }
    recovery
}

/// Recoveries with everything in them that may go wrong.
fn stories() -> Vec<Cluster> {
    let story = |change: &dyn Fn(&mut Cluster)| {
        let mut cluster = Cluster::of(6);
        for number in 1..=6 {
            cluster.nova.boot(number, "h1");
        }
        for (number, state) in [(2, "stopped"), (3, "paused"), (4, "shelved_offloaded")] {
            let guest = cluster.nova.guests.get_mut(&instance_id(number)).expect("a guest");
            guest.listed.vm_state = state.to_owned();
            guest.vm_state = state.to_owned();
        }
        cluster.crash("h1");
        change(&mut cluster);
        cluster.until("h1", HostState::Evacuated);
        cluster
    };
    let lose = |answers| {
        move |cluster: &mut Cluster| {
            cluster.until("h1", HostState::Evacuating);
            cluster.nova.answers = answers;
            cluster.run(2);
            cluster.nova.answers = Answers::Well;
        }
    };
    vec![
        story(&|_| {}),
        story(&|cluster| cluster.nova.no_valid_host = 4),
        story(&lose(Answers::Lost)),
        story(&lose(Answers::Dropped)),
        story(&lose(Answers::Busy)),
        story(&|cluster| {
            cluster.until("h1", HostState::Evacuating);
            cluster.run(1);
            cluster.power_on("h1");
        }),
    ]
}

fn logs() -> Vec<Vec<StepRow>> {
    stories().iter().map(|cluster| cluster.log_of("h1")).collect()
}

/// Instances whose evacuation was begun and has no outcome yet.
fn undecided(rows: &[StepRow]) -> BTreeSet<&str> {
    let mut open = BTreeSet::new();
    for row in rows
        .iter()
        .filter(|row| matches!(row.step, Step::Evacuate | Step::Follow))
    {
        match (row.step, row.event) {
            (Step::Evacuate, StepEvent::Started) => open.insert(row.subject.as_str()),
            (Step::Evacuate, StepEvent::Succeeded | StepEvent::Indeterminate) => false,
            _ => open.remove(row.subject.as_str()),
        };
    }
    open
}

#[test]
fn leaders_memory_is_what_its_log_says_in_every_turn() {
    let mut cluster = Cluster::of(6);
    for number in 1..=10 {
        cluster.nova.boot(number, "h1");
    }
    cluster.nova.no_valid_host = 3;
    cluster.crash("h1");
    while cluster.state("h1") != HostState::Evacuated {
        cluster.tick();
        if cluster.host("h1").incident.is_none() {
            continue;
        }
        let mut told = Recovery::default();
        for row in cluster.log_of("h1") {
            told.apply(&row, None);
        }
        assert_eq!(
            timeless(cluster.host("h1").recovery.clone()),
            timeless(told),
            "{}",
            cluster.story()
        );
    }
}

#[test]
fn replay_stands_where_the_leader_stood_at_every_row() {
    for rows in logs() {
        let mut live = Recovery::default();
        for (count, row) in rows.iter().enumerate() {
            live.apply(row, Some(Moment(count as u64 * 1_000_000)));
            let mut adopted = live.clone();
            adopted.adopt();
            assert_eq!(
                timeless(Recovery::replay(&rows[..=count])),
                timeless(adopted),
                "after row {count}"
            );
        }
    }
}

#[test]
fn no_prefix_of_a_log_lets_an_undecided_evacuation_be_posted_again() {
    let mut seen = 0;
    for rows in logs() {
        for count in 0..=rows.len() {
            let recovery = Recovery::replay(&rows[..count]);
            for subject in undecided(&rows[..count]) {
                let instance = &recovery.instances[&subject.parse().expect("an instance")];
                let in_doubt = matches!(instance.phase, Phase::Doubtful(_) | Phase::Moving(_));
                assert!(in_doubt, "after {count} rows {subject} is {:?}", instance.phase);
                seen += 1;
            }
        }
    }
    assert!(seen > 300, "the stories exercise it: {seen}");
}

#[test]
fn no_prefix_of_a_log_leaves_anything_begun_for_ever() {
    for rows in logs() {
        for count in 0..=rows.len() {
            let recovery = Recovery::replay(&rows[..count]);
            for task in [&recovery.force_down, &recovery.disable, &recovery.list] {
                assert_ne!(*task, Task::Started, "after {count} rows");
            }
            for instance in recovery.instances.values() {
                let stuck = matches!(instance.phase, Phase::Posting | Phase::Resetting | Phase::Stopping);
                assert!(!stuck, "after {count} rows: {:?}", instance.phase);
            }
        }
    }
}

#[test]
fn every_step_and_event_has_a_stored_name_that_reads_back() {
    for step in Step::ALL {
        assert_eq!(Step::named(step.name()), Some(step));
        assert_eq!(serde_json::to_value(step).expect("json"), step.name());
    }
    for event in [
        StepEvent::Started,
        StepEvent::Succeeded,
        StepEvent::Failed,
        StepEvent::Indeterminate,
    ] {
        assert_eq!(StepEvent::named(event.name()), Some(event));
    }
    assert_eq!(Step::named("dance"), None);
}
