//! How sessions live: one for many requests, replaced when the BMC lost it, given back when done.

use std::time::Duration;

use themis_core::power::PowerState;
use themis_fencing::device::Timing;
use tokio::time::Instant;

use crate::simulator::{QUICK, Simulator, device_at, seconds, state};

fn sessions(simulator: &Simulator) -> usize {
    simulator.log().matches("session up").count()
}

#[tokio::test]
async fn many_requests_share_one_session() {
    let simulator = Simulator::start(1);
    let device = simulator.device(1);
    for _ in 0..100 {
        assert_eq!(state(&device, seconds(2)).await, Ok(PowerState::On));
    }
    device.off(seconds(2)).await.unwrap();
    assert_eq!(state(&device, seconds(2)).await, Ok(PowerState::Off));
    device.on(seconds(2)).await.unwrap();
    assert_eq!(state(&device, seconds(2)).await, Ok(PowerState::On));
    assert_eq!(sessions(&simulator), 1);
}

#[tokio::test]
async fn a_closed_or_dropped_device_gives_its_session_back() {
    let simulator = Simulator::start(1);
    simulator.fault("maxsess=1");
    for _ in 0..3 {
        let closed = simulator.device(1);
        assert_eq!(state(&closed, seconds(2)).await, Ok(PowerState::On));
        closed.close().await;
        let dropped = simulator.device(1);
        assert_eq!(state(&dropped, seconds(2)).await, Ok(PowerState::On));
        drop(dropped);
    }
    assert_eq!(sessions(&simulator), 6);
}

#[tokio::test]
async fn a_closed_device_can_be_asked_again() {
    let simulator = Simulator::start(1);
    let device = simulator.device(1);
    assert_eq!(state(&device, seconds(2)).await, Ok(PowerState::On));
    device.close().await;
    device.close().await;
    assert_eq!(state(&device, seconds(2)).await, Ok(PowerState::On));
    assert_eq!(sessions(&simulator), 2);
}

#[tokio::test]
async fn a_bmc_that_restarted_is_read_in_a_new_session() {
    let mut simulator = Simulator::start(1);
    let device = simulator.device(1);
    assert_eq!(state(&device, seconds(2)).await, Ok(PowerState::On));
    simulator.restart();
    assert_eq!(state(&device, seconds(2)).await, Ok(PowerState::On));
    simulator.restart();
    device.off(seconds(2)).await.unwrap();
    assert_eq!(simulator.truth(1), PowerState::Off);
}

#[tokio::test]
async fn a_request_that_is_given_up_does_not_disturb_the_next() {
    let simulator = Simulator::start(1);
    let device = simulator.device(1);
    for fault in ["", "delay=0.1"] {
        simulator.fault(fault);
        for patience in [0, 1, 3, 30, 110, 250] {
            let _ = tokio::time::timeout(Duration::from_millis(patience), device.read(seconds(2))).await;
            assert_eq!(
                state(&device, seconds(3)).await,
                Ok(PowerState::On),
                "after {patience} ms"
            );
        }
    }
}

#[tokio::test]
async fn requests_to_one_device_wait_for_each_other_within_their_deadlines() {
    let simulator = Simulator::start(1);
    let device = simulator.device(1);
    let (first, second, third) = tokio::join!(
        device.read(seconds(2)),
        device.read(seconds(2)),
        device.read(seconds(2))
    );
    assert!(
        [first, second, third]
            .iter()
            .all(|reading| reading.state == Ok(PowerState::On))
    );
    simulator.fault("drop");
    let started = Instant::now();
    let (_, short) = tokio::join!(device.read(seconds(2)), device.read(Duration::from_millis(200)));
    assert!(short.state.is_err());
    assert!(short.detail.contains("earlier request"), "{}", short.detail);
    assert!(
        started.elapsed() < Duration::from_millis(2600),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn an_idle_session_is_given_back_and_a_used_one_kept() {
    let simulator = Simulator::start(1);
    simulator.fault("maxsess=1");
    let timing = Timing {
        session_idle: Duration::from_millis(400),
        ..QUICK
    };
    let device = device_at(simulator.port(1), "admin", "secret-1", timing);
    for _ in 0..8 {
        assert_eq!(state(&device, seconds(1)).await, Ok(PowerState::On));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(sessions(&simulator), 1, "a session in use was closed");
    let reading = state(&simulator.device(1), seconds(3)).await;
    assert_eq!(
        reading,
        Ok(PowerState::On),
        "the idle session still holds the only place"
    );
    // Idle a second time: the watch begins anew with the next session.
    assert_eq!(state(&device, seconds(3)).await, Ok(PowerState::On));
    assert_eq!(state(&simulator.device(1), seconds(3)).await, Ok(PowerState::On));
}
