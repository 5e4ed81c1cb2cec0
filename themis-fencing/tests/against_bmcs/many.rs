//! Many devices at once, and how long things take.

use std::time::Duration;

use themis_core::power::PowerState;
use themis_fencing::PowerDevice;
use themis_fencing::device::Timing;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::simulator::{Simulator, device_at, seconds, state};

/// The product's own times: fifty handshakes at once keep a simulator in Python busy for a second.
const PRODUCT: Timing = Timing {
    try_time: seconds(2),
    poll_interval: seconds(1),
    session_idle: seconds(25),
};

async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    devices: &[std::sync::Arc<PowerDevice>],
    ask: impl Fn(std::sync::Arc<PowerDevice>) -> F,
) -> (Vec<T>, Duration) {
    let started = Instant::now();
    let mut all = JoinSet::new();
    for device in devices {
        all.spawn(ask(device.clone()));
    }
    (all.join_all().await, started.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_bmcs_are_read_and_switched_off_in_parallel() {
    let simulator = Simulator::start(50);
    let devices: Vec<_> = (1..=50)
        .map(|i| device_at(simulator.port(i), "admin", &format!("secret-{i}"), PRODUCT))
        .map(std::sync::Arc::new)
        .collect();
    let read = |device: std::sync::Arc<PowerDevice>| async move { state(&device, seconds(10)).await };
    let (states, first) = at_once(&devices, read).await;
    assert!(states.iter().all(|state| *state == Ok(PowerState::On)), "{states:?}");
    let (states, again) = at_once(&devices, read).await;
    assert!(states.iter().all(|state| *state == Ok(PowerState::On)), "{states:?}");
    let off = |device: std::sync::Arc<PowerDevice>| async move { device.off(seconds(10)).await.is_ok() };
    let (accepted, switched) = at_once(&devices, off).await;
    assert!(accepted.iter().all(|accepted| *accepted));
    let (states, _) = at_once(&devices, read).await;
    assert!(states.iter().all(|state| *state == Ok(PowerState::Off)), "{states:?}");
    println!("50 BMCs at once: handshake and read {first:?}, read {again:?}, look and off {switched:?}");
}

#[tokio::test]
async fn one_read_takes_milliseconds() {
    let simulator = Simulator::start(1);
    let (mut handshakes, mut reads, mut offs) = (Vec::new(), Vec::new(), Vec::new());
    // The simulator frees a closed session after 50 ms and has eight: a ninth within that time would wait.
    for _ in 0..7 {
        let device = simulator.device(1);
        let started = Instant::now();
        assert_eq!(state(&device, seconds(2)).await, Ok(PowerState::On));
        handshakes.push(started.elapsed());
        let started = Instant::now();
        assert_eq!(state(&device, seconds(2)).await, Ok(PowerState::On));
        reads.push(started.elapsed());
        let started = Instant::now();
        device.off(seconds(2)).await.unwrap();
        offs.push(started.elapsed());
        device.on(seconds(2)).await.unwrap();
        device.close().await;
    }
    for (name, times) in [
        ("new session and read", &mut handshakes),
        ("read", &mut reads),
        ("look and off", &mut offs),
    ] {
        times.sort();
        println!(
            "{name}: median {:?}, worst {:?}",
            times[times.len() / 2],
            times[times.len() - 1]
        );
        assert!(times[times.len() / 2] < seconds(1), "{name}: {times:?}");
    }
}
