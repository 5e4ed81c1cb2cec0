//! What engines ask of monitors, over the bus inside this process, answered by real monitors with real agents.

use std::time::Duration;

use crate::pool::{Heard, Pool};
use serde_json::json;
use themis_core::inquiry::{CensusAnswer, ProbeAnswer};

const SOON: Duration = Duration::from_secs(6);
const GUEST: &str = "11111111-2222-4333-8444-555555555555";

fn probe_answer(heard: &Heard) -> Option<ProbeAnswer> {
    (heard.method == "probe_answer").then(|| serde_json::from_value(heard.value.clone()).unwrap())
}

#[tokio::test]
async fn each_inquiry_is_answered_by_those_who_are_asked() {
    let mut pool = Pool::start(&["compute-1", "compute-2"], &format!("census_command = echo {GUEST}")).await;
    pool.settle().await;

    pool.ask("life", json!({"nonce": "n-1", "target": "compute-2"}));
    let report = pool
        .hear("life", SOON, |heard| {
            crate::pool::report_of(heard).filter(|report| report.nonce.is_some())
        })
        .await;
    assert_eq!(
        (report.observer.as_str(), report.nonce.as_deref()),
        ("compute-2", Some("n-1"))
    );
    assert_eq!(report.boot_id, "boot-of-compute-2");
    assert!(report.system_uuid.is_some());

    let probe = |nonce: &str, target: &str, network: &str, observers: &[&str]| json!({"nonce": nonce, "target": target, "network": network, "observers": observers, "timeout_ms": 900});
    pool.ask(
        "probe",
        probe("p-1", "compute-2", "storage", &["compute-1", "compute-3"]),
    );
    let answer = pool.hear("a probe", SOON, probe_answer).await;
    assert_eq!(
        (answer.nonce.as_str(), answer.observer.as_str(), answer.reached),
        ("p-1", "compute-1", Some(true))
    );

    // Whoever cannot send says so: a network or a target that it does not know is no evidence.
    for (nonce, target, network) in [("p-2", "compute-9", "storage"), ("p-3", "compute-2", "tenant")] {
        pool.ask("probe", probe(nonce, target, network, &["compute-1"]));
        let answer = pool.hear("a probe", SOON, probe_answer).await;
        assert_eq!((answer.nonce.as_str(), answer.reached), (nonce, None));
    }

    // Not asked, or asked about oneself: no answer. The census that follows is answered after them, if they were.
    pool.ask("probe", probe("p-4", "compute-2", "storage", &["compute-3"]));
    pool.ask("probe", probe("p-5", "compute-1", "storage", &["compute-1"]));
    pool.ask("census", json!({"nonce": "c-1", "target": "compute-1"}));
    let answer: CensusAnswer = pool
        .hear("a census", SOON, |heard| {
            assert_ne!(heard.method, "probe_answer", "{heard:?}");
            (heard.method == "census_answer").then(|| serde_json::from_value(heard.value.clone()).unwrap())
        })
        .await;
    assert_eq!((answer.nonce.as_str(), answer.observer.as_str()), ("c-1", "compute-1"));
    assert_eq!(answer.running, Some(vec![GUEST.parse().unwrap()]));
    pool.end().await;
}

#[tokio::test]
async fn resend_makes_everybody_send_a_whole_report_and_the_broker_may_go_and_come() {
    let mut pool = Pool::start(
        &["compute-1", "compute-2"],
        "report_interval = 300\ncensus_command = exit 1",
    )
    .await;
    pool.settle().await;

    pool.ask("resend", json!({"engine": "engine-1"}));
    let mut waiting = vec!["compute-1", "compute-2"];
    let both = |heard: &Heard| {
        let report = crate::pool::report_of(heard)?;
        waiting.retain(|name| *name != report.observer);
        waiting.is_empty().then_some(report.sequence)
    };
    pool.hear("two reports, long before the interval", SOON, both).await;

    pool.ask("census", json!({"nonce": "c-1", "target": "compute-2"}));
    let answer: CensusAnswer = pool
        .hear("a census", SOON, |heard| {
            (heard.method == "census_answer").then(|| serde_json::from_value(heard.value.clone()).unwrap())
        })
        .await;
    assert_eq!(answer.running, None, "a failed command is no empty host");

    // While the broker is away an agent dies and comes back; what is sent afterwards is whole and true.
    pool.bus.set_away(true);
    let pid = pool.agent_pid(0).unwrap();
    crate::pool::signal(pid, "KILL");
    while pool.agent_pid(0) == Some(pid) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Longer than any report is good for.
    tokio::time::sleep(themis_core::report::GOOD_FOR + Duration::from_secs(1)).await;
    pool.bus.set_away(false);
    let whole = |network: &themis_core::report::NetworkReport| network.alive == 1;
    let report = pool
        .report("compute-1", "whole again", Duration::from_secs(5), whole)
        .await;
    assert!(
        report.networks[&crate::pool::network()]
            .proof_of_life_age_ms
            .is_some_and(|age| age < 2000),
        "{report:?}"
    );
    pool.end().await;
}

#[tokio::test]
async fn nonsense_is_refused_and_harms_nobody() {
    let mut pool = Pool::start(&["compute-1"], "").await;
    pool.settle().await;
    for (method, inquiry) in [
        ("probe", json!(3)),
        ("life", json!({})),
        ("census", json!(null)),
        ("reboot", json!({})),
    ] {
        pool.ask(method, inquiry);
    }
    pool.ask(
        "life",
        json!({"nonce": "still-there", "target": "compute-1", "added_later": true}),
    );
    pool.hear("life", SOON, |heard| {
        crate::pool::report_of(heard).filter(|report| report.nonce.is_some())
    })
    .await;
    pool.end().await;
}
