//! Every fault that the lab's simulator knows, and what one read or one power-off must answer.

use std::time::Duration;

use rstest::rstest;
use themis_core::power::{PowerState, PowerTrouble};
use themis_fencing::{PowerCommandError, PowerCommandFault};
use tokio::time::Instant;

use crate::simulator::{Simulator, reads_off_within, seconds, state};

#[rstest]
#[case::none("")]
#[case::only_suite_3("only3")]
#[case::only_suite_17("only17")]
#[case::no_presence_answer("noping")]
#[case::doubled_replies("dup")]
#[case::one_session_only("maxsess=1")]
#[case::slow_switch("slow=1")]
#[case::status_one_behind("stale")]
#[case::delayed_within_the_try_time("delay=0.15")]
#[tokio::test]
async fn a_bmc_that_can_be_spoken_to_is_read_and_switched_off(#[case] fault: &str) {
    let simulator = Simulator::start(1);
    simulator.fault(fault);
    let device = simulator.device(1);
    let reading = device.read(seconds(5)).await;
    assert_eq!(reading.state, Ok(PowerState::On), "{}", reading.detail);
    assert_eq!(reading.guid.map(|guid| guid.len()), Some(32));
    let accepted = device.off(seconds(5)).await.unwrap();
    assert_eq!(accepted.before, Some(PowerState::On));
    assert!(reads_off_within(&device, 30).await);
    assert_eq!(simulator.truth(1), PowerState::Off);
    device.close().await;
}

#[tokio::test]
async fn a_read_never_reports_the_switch_as_it_was_before() {
    let simulator = Simulator::start(1);
    simulator.fault("stale");
    let device = simulator.device(1);
    for _ in 0..3 {
        for (word, expected) in [("off", PowerState::Off), ("on", PowerState::On)] {
            simulator.switch(1, word);
            assert_eq!(
                state(&device, seconds(5)).await,
                Ok(expected),
                "a late status was believed"
            );
        }
    }
}

#[tokio::test]
async fn a_bmc_that_loses_replies_is_switched_off_in_the_end() {
    let simulator = Simulator::start(1);
    simulator.fault("flaky=40");
    let device = simulator.device(1);
    let mut accepted = false;
    for _ in 0..10 {
        match device.off(seconds(8)).await {
            Ok(_) => {
                accepted = true;
                break;
            }
            Err(error) => assert_eq!(error.fault(), PowerCommandFault::Unreachable, "{}", error.detail()),
        }
    }
    assert!(accepted, "ten power-offs and none was accepted");
    assert!(reads_off_within(&device, 10).await);
}

#[tokio::test]
async fn nothing_is_sent_to_a_bmc_that_does_not_answer_the_look_before() {
    let simulator = Simulator::start(1);
    let device = simulator.device(1);
    assert_eq!(state(&device, seconds(2)).await, Ok(PowerState::On));
    simulator.fault("flaky=100");
    let error = device.off(seconds(2)).await.unwrap_err();
    assert!(matches!(error, PowerCommandError::NotSent { .. }), "{}", error.detail());
    assert!(!error.may_have_acted());
    assert_eq!(simulator.truth(1), PowerState::On);
    assert!(!simulator.log().contains("chassis control"), "{}", simulator.log());
}

#[tokio::test]
async fn a_bmc_that_lies_accepts_and_still_reads_on() {
    let simulator = Simulator::start(1);
    simulator.fault("lie");
    let device = simulator.device(1);
    device.off(seconds(5)).await.unwrap();
    for _ in 0..5 {
        assert_eq!(state(&device, seconds(2)).await, Ok(PowerState::On));
    }
}

#[rstest]
#[case::deaf("drop")]
#[case::later_than_any_try("delay=30")]
#[case::every_session_forgotten("forget")]
#[tokio::test]
async fn a_bmc_that_cannot_be_reached_is_unreachable_at_the_deadline(#[case] fault: &str) {
    let simulator = Simulator::start(1);
    simulator.fault(fault);
    let device = simulator.device(1);
    let started = Instant::now();
    let reading = device.read(Duration::from_millis(1500)).await;
    assert_eq!(reading.state, Err(PowerTrouble::Unreachable));
    assert!(!reading.detail.is_empty());
    assert!(
        started.elapsed() > seconds(1),
        "gave up after {:?}: {}",
        started.elapsed(),
        reading.detail
    );
    assert!(started.elapsed() < seconds(2), "{:?}", started.elapsed());
    let error = device.off(seconds(1)).await.unwrap_err();
    assert_eq!(error.fault(), PowerCommandFault::Unreachable, "{}", error.detail());
    assert_eq!(simulator.truth(1), PowerState::On);
}

#[tokio::test]
async fn a_port_on_which_nobody_listens_is_unreachable() {
    let device = crate::simulator::device_at(crate::simulator::free_ports(1), "admin", "x", crate::simulator::QUICK);
    let reading = device.read(seconds(1)).await;
    assert_eq!(reading.state, Err(PowerTrouble::Unreachable), "{}", reading.detail);
    assert!(reading.detail.contains("refused"), "{}", reading.detail);
}

#[rstest]
#[case::privilege("admin", "secret-1", "cc=d4", "privilege")]
#[case::unknown_command("admin", "secret-1", "cc=c1", "0xc1")]
#[case::password("admin", "secret-2", "", "wrong password")]
#[case::user("nobody", "secret-1", "", "does not know the user")]
#[tokio::test]
async fn a_bmc_that_refuses_is_reported_at_once(
    #[case] user: &str,
    #[case] password: &str,
    #[case] fault: &str,
    #[case] expected: &str,
) {
    let simulator = Simulator::start(1);
    simulator.fault(fault);
    let device = simulator.device_as(1, user, password);
    let started = Instant::now();
    let reading = device.read(seconds(20)).await;
    assert_eq!(reading.state, Err(PowerTrouble::Refused), "{}", reading.detail);
    assert!(reading.detail.contains(expected), "{}", reading.detail);
    let error = device.off(seconds(20)).await.unwrap_err();
    assert_eq!(error.fault(), PowerCommandFault::Refused, "{}", error.detail());
    assert!(
        started.elapsed() < seconds(2),
        "a refusal used up {:?}",
        started.elapsed()
    );
    for text in [reading.detail, error.detail(), format!("{error:?} {device:?}")] {
        assert!(!text.contains(password), "{text}");
    }
}

#[tokio::test]
async fn a_wrong_password_leaves_no_session_behind() {
    let simulator = Simulator::start(1);
    simulator.fault("maxsess=1");
    let stranger = simulator.device_as(1, "admin", "wrong");
    assert_eq!(state(&stranger, seconds(2)).await, Err(PowerTrouble::Refused));
    assert_eq!(state(&simulator.device(1), seconds(2)).await, Ok(PowerState::On));
}

#[tokio::test]
async fn a_command_that_is_impossible_now_is_not_taken_for_off() {
    let simulator = Simulator::start(1);
    simulator.fault("cc=d5");
    let device = simulator.device(1);
    let reading = device.read(seconds(1)).await;
    assert_eq!(reading.state, Err(PowerTrouble::Unreachable));
    assert!(reading.detail.contains("0xd5"), "{}", reading.detail);
    let error = device.off(seconds(1)).await.unwrap_err();
    assert_eq!(error.fault(), PowerCommandFault::Retryable, "{}", error.detail());
    assert!(matches!(error, PowerCommandError::Declined { .. }));
}

#[tokio::test]
async fn a_short_status_is_no_reading_although_the_command_is_accepted() {
    let simulator = Simulator::start(1);
    simulator.fault("badstatus");
    let device = simulator.device(1);
    assert_eq!(device.off(seconds(2)).await.unwrap().before, None);
    assert_eq!(simulator.truth(1), PowerState::Off);
    let reading = device.read(seconds(1)).await;
    assert_eq!(reading.state, Err(PowerTrouble::Unreachable));
    assert!(reading.detail.contains("too short"), "{}", reading.detail);
}

#[tokio::test]
async fn a_busy_bmc_is_asked_again() {
    let simulator = Simulator::start(1);
    simulator.fault("busy=3");
    assert_eq!(state(&simulator.device(1), seconds(3)).await, Ok(PowerState::On));
    // One busy answer is spent on the look, one on the command itself.
    simulator.fault("busy=2");
    let device = simulator.device(1);
    let error = device.off(seconds(3)).await.unwrap_err();
    assert_eq!(error.fault(), PowerCommandFault::Retryable, "{}", error.detail());
    assert_eq!(device.off(seconds(3)).await.unwrap().before, Some(PowerState::On));
    assert!(reads_off_within(&device, 3).await);
}

#[tokio::test]
async fn a_host_that_is_off_already_is_told_so_all_the_same() {
    let simulator = Simulator::start(1);
    simulator.switch(1, "off");
    let device = simulator.device(1);
    assert_eq!(device.off(seconds(2)).await.unwrap().before, Some(PowerState::Off));
    assert!(
        simulator.log().contains("chassis control off"),
        "the command was not sent"
    );
}
