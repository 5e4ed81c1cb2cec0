//! `ipmitool` as the second operator of the same BMC: each sees what the other did.

use std::process::Command;

use rstest::rstest;
use themis_core::power::PowerState;

use crate::simulator::{Simulator, seconds, state};

/// Runs `ipmitool` on BMC 1; the password goes through the environment.
pub(crate) fn ipmitool(port: u16, password: &str, suite: &str, words: &[&str]) -> String {
    let output = Command::new("ipmitool")
        .args([
            "-I",
            "lanplus",
            "-H",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-U",
            "admin",
            "-E",
        ])
        .args(["-C", suite, "-L", "OPERATOR", "-N", "2", "-R", "2"])
        .args(words)
        .env("IPMI_PASSWORD", password)
        .output()
        .expect("ipmitool must be installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "ipmitool {words:?}: {text} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

#[rstest]
#[case::suite_17("17", "only17")]
#[case::suite_3("3", "only3")]
#[tokio::test]
async fn each_sees_what_the_other_switched(#[case] suite: &str, #[case] fault: &str) {
    let simulator = Simulator::start(1);
    simulator.fault(fault);
    let tool = |words: &[&str]| ipmitool(simulator.port(1), "secret-1", suite, words);
    let device = simulator.device(1);
    device.off(seconds(2)).await.unwrap();
    assert!(tool(&["chassis", "power", "status"]).contains("is off"));
    tool(&["chassis", "power", "on"]);
    assert_eq!(state(&device, seconds(2)).await, Ok(PowerState::On));
    tool(&["chassis", "power", "off"]);
    assert_eq!(state(&device, seconds(2)).await, Ok(PowerState::Off));
    device.on(seconds(2)).await.unwrap();
    assert!(tool(&["chassis", "power", "status"]).contains("is on"));
}

#[tokio::test]
async fn both_read_the_same_system_guid() {
    let simulator = Simulator::start(1);
    let ours = simulator.device(1).read(seconds(2)).await.guid.unwrap();
    // "raw" prints the bytes as received, sixteen to a line.
    let theirs = ipmitool(simulator.port(1), "secret-1", "17", &["raw", "0x06", "0x37"]);
    assert_eq!(theirs.split_whitespace().collect::<String>(), ours);
}
