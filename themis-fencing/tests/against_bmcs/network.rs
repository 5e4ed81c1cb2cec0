//! What networks do to packets, by rule and exactly where it hurts.
//!
//! The replies of a first power-off, in order: 0 Open Session, 1 RAKP 2, 2 RAKP 4, 3 privilege, 4 GUID, 5 the look at
//! the power, 6 the command.

use std::time::Duration;

use rstest::rstest;
use themis_core::power::{PowerState, PowerTrouble};
use themis_fencing::device::Timing;
use themis_fencing::{PowerCommandError, PowerCommandFault, PowerDevice};

use crate::relay::Relay;
use crate::simulator::{QUICK, Simulator, device_at, seconds, state};

fn last(replies: &[Vec<u8>]) -> Vec<Vec<u8>> {
    vec![replies[replies.len() - 1].clone()]
}

fn through(relay: &Relay) -> PowerDevice {
    device_at(relay.port, "admin", "secret-1", QUICK)
}

/// With so much time for an answer that nothing is sent twice for a busy machine's sake.
fn patiently_through(relay: &Relay) -> PowerDevice {
    device_at(
        relay.port,
        "admin",
        "secret-1",
        Timing {
            try_time: seconds(8),
            ..QUICK
        },
    )
}

#[tokio::test]
async fn an_unanswered_power_off_was_sent_once_and_may_have_acted() {
    let simulator = Simulator::start(1);
    let relay = Relay::start(
        simulator.port(1),
        |n, replies: &[Vec<u8>]| if n == 6 { vec![] } else { last(replies) },
    )
    .await;
    let device = through(&relay);
    let error = device.off(seconds(2)).await.unwrap_err();
    assert!(
        matches!(error, PowerCommandError::Unanswered { .. }),
        "{}",
        error.detail()
    );
    assert!(error.may_have_acted());
    assert_eq!(error.fault(), PowerCommandFault::Unreachable);
    assert_eq!(simulator.log().matches("chassis control").count(), 1);
    // The next look goes through a new session, and finds what the command did.
    assert_eq!(device.off(seconds(2)).await.unwrap().before, Some(PowerState::Off));
    assert_eq!(simulator.log().matches("session up").count(), 2);
}

#[rstest]
#[case::open_session(0)]
#[case::rakp_2(1)]
#[case::rakp_4(2)]
#[case::privilege(3)]
#[case::guid(4)]
#[case::status(5)]
#[tokio::test]
async fn any_single_reply_may_be_lost(#[case] lost: usize) {
    let simulator = Simulator::start(1);
    let relay = Relay::start(
        simulator.port(1),
        move |n, replies: &[Vec<u8>]| if n == lost { vec![] } else { last(replies) },
    )
    .await;
    assert_eq!(state(&through(&relay), seconds(4)).await, Ok(PowerState::On));
}

#[tokio::test]
async fn an_off_that_was_recorded_earlier_is_never_believed() {
    let simulator = Simulator::start(1);
    simulator.switch(1, "off");
    // From the second status on, only the first status reply arrives, again and again.
    let relay = Relay::start(simulator.port(1), |n, replies: &[Vec<u8>]| {
        if n > 5 { vec![replies[5].clone()] } else { last(replies) }
    })
    .await;
    let device = through(&relay);
    assert_eq!(state(&device, seconds(2)).await, Ok(PowerState::Off));
    simulator.switch(1, "on");
    let reading = device.read(seconds(2)).await;
    assert_eq!(
        reading.state,
        Err(PowerTrouble::Unreachable),
        "a replayed packet was believed"
    );
}

#[tokio::test]
async fn altered_packets_are_dropped_and_the_true_one_is_taken() {
    let simulator = Simulator::start(1);
    let relay = Relay::start(simulator.port(1), |n, replies: &[Vec<u8>]| {
        let mut packets = last(replies);
        // Before each reply of the session, the same with one bit changed, cut short, and without its signature.
        if n > 2 {
            let (mut altered, cut, mut unsigned) = (packets[0].clone(), packets[0][..20].to_vec(), packets[0].clone());
            altered[30] ^= 1;
            unsigned[5] &= 0x3f;
            packets.splice(0..0, [altered, cut, unsigned, Vec::new()]);
        }
        packets
    })
    .await;
    let device = patiently_through(&relay);
    device.off(seconds(2)).await.unwrap();
    assert_eq!(state(&device, seconds(2)).await, Ok(PowerState::Off));
    assert_eq!(relay.requests(), 8, "something had to be sent again");
}

#[tokio::test]
async fn a_flood_of_worthless_packets_does_not_move_the_deadline() {
    let simulator = Simulator::start(1);
    let relay = Relay::start(simulator.port(1), |_, replies: &[Vec<u8>]| {
        vec![vec![0x06; 64]; 20_000.min(replies.len() * 5000)]
    })
    .await;
    let started = tokio::time::Instant::now();
    assert_eq!(
        state(&through(&relay), seconds(1)).await,
        Err(PowerTrouble::Unreachable)
    );
    assert!(
        started.elapsed() < Duration::from_millis(1500),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_bmc_that_grants_another_suite_is_asked_for_the_next() {
    let simulator = Simulator::start(1);
    let relay = Relay::start(simulator.port(1), |n, replies: &[Vec<u8>]| {
        let mut packets = last(replies);
        if n == 0 {
            packets[0][16 + 12 + 4] = 1;
        }
        packets
    })
    .await;
    assert_eq!(state(&through(&relay), seconds(2)).await, Ok(PowerState::On));
    assert!(
        simulator.log().contains("session up, authentication 1"),
        "{}",
        simulator.log()
    );
}

#[tokio::test]
async fn a_bmc_that_grants_no_acceptable_suite_is_refused_at_once() {
    let simulator = Simulator::start(1);
    let relay = Relay::start(simulator.port(1), |_, replies: &[Vec<u8>]| {
        let mut packets = last(replies);
        packets[0].truncate(16 + 2);
        packets[0][14] = 2;
        packets[0][17] = 0x11;
        packets
    })
    .await;
    let started = tokio::time::Instant::now();
    let reading = through(&relay).read(seconds(20)).await;
    assert_eq!(reading.state, Err(PowerTrouble::Refused), "{}", reading.detail);
    assert!(reading.detail.contains("cipher suite"), "{}", reading.detail);
    assert!(started.elapsed() < seconds(1));
}

#[tokio::test]
async fn a_bmc_with_a_key_of_its_own_is_refused_with_the_reason() {
    let simulator = Simulator::start(1);
    // RAKP 4 with another code is what a BMC key (Kg) looks like from outside.
    let relay = Relay::start(simulator.port(1), |n, replies: &[Vec<u8>]| {
        let mut packets = last(replies);
        if n == 2 {
            let end = packets[0].len() - 1;
            packets[0][end] ^= 1;
        }
        packets
    })
    .await;
    let reading = through(&relay).read(seconds(5)).await;
    assert_eq!(reading.state, Err(PowerTrouble::Refused), "{}", reading.detail);
    assert!(reading.detail.contains("Kg"), "{}", reading.detail);
}

#[rstest]
#[case::and_reads_off("off", true)]
#[case::and_reads_on("on", false)]
#[tokio::test]
async fn a_power_off_that_is_impossible_now_is_accepted_only_from_a_host_that_reads_off(
    #[case] switch: &str,
    #[case] accepted: bool,
) {
    let simulator = Simulator::start(1);
    simulator.switch(1, switch);
    let fault = simulator.path("h1/fault");
    // 0xD5 in reply to the command alone: the fault begins after the look and ends after the command.
    let relay = Relay::start(simulator.port(1), move |n, replies: &[Vec<u8>]| {
        match n {
            5 => std::fs::write(&fault, "cc=d5").unwrap(),
            6 => std::fs::write(&fault, "").unwrap(),
            _ => (),
        }
        last(replies)
    })
    .await;
    match patiently_through(&relay).off(seconds(2)).await {
        Ok(answer) => assert!(accepted, "{answer:?}"),
        Err(error) => {
            assert!(!accepted && error.detail().contains("0xd5"), "{}", error.detail());
            assert_eq!(error.fault(), PowerCommandFault::Retryable);
        }
    }
    assert_eq!(relay.requests(), 8);
}
