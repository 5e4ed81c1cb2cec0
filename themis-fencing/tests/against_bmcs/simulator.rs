//! The lab's BMC simulator (`lab/bmc_sim.py alone`), started for one test and killed with it.

use std::fs::File;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use themis_core::power::{PowerState, PowerTrouble};
use themis_fencing::device::Timing;
use themis_fencing::{Credentials, DeviceAddress, PowerDevice};

use crate::mortal;

/// Short times, so that faults that last until a deadline do not make a test last long.
pub(crate) const QUICK: Timing = Timing {
    try_time: Duration::from_millis(400),
    poll_interval: Duration::from_millis(100),
    session_idle: Duration::from_secs(25),
};

pub(crate) struct Simulator {
    process: Child,
    directory: TempDir,
    port: u16,
}

impl Simulator {
    /// `count` BMCs, all on, answering when this returns.
    pub(crate) fn start(count: u16) -> Self {
        for _ in 0..20 {
            let directory = tempfile::tempdir().unwrap();
            let port = free_ports(count);
            let mut simulator = Self {
                process: launch(directory.path(), count, port),
                directory,
                port,
            };
            // Another test may have taken a port between the look and the start: then look again.
            if simulator.ready() {
                return simulator;
            }
        }
        panic!("no BMC simulator on 20 port ranges");
    }

    fn ready(&mut self) -> bool {
        for _ in 0..500 {
            if self.log().contains("state in") {
                return true;
            }
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("BMC simulator neither ready nor dead: {}", self.read("errors"));
    }

    pub(crate) fn port(&self, number: u16) -> u16 {
        self.port + number - 1
    }

    /// Everything that the BMCs logged.
    pub(crate) fn log(&self) -> String {
        self.read("log")
    }

    /// Sets the fault words of BMC 1.
    pub(crate) fn fault(&self, words: &str) {
        std::fs::write(self.path("h1/fault"), words).unwrap();
    }

    /// Switches BMC `number` behind everybody's back, as a person at the machine would.
    pub(crate) fn switch(&self, number: u16, state: &str) {
        std::fs::write(self.path(&format!("h{number}/power")), format!("{state} 0\n")).unwrap();
    }

    /// What the switch of BMC `number` really is.
    pub(crate) fn truth(&self, number: u16) -> PowerState {
        let text = self.read(&format!("h{number}/power"));
        if text.starts_with("on") {
            PowerState::On
        } else {
            PowerState::Off
        }
    }

    pub(crate) fn device(&self, number: u16) -> PowerDevice {
        self.device_as(number, "admin", &format!("secret-{number}"))
    }

    pub(crate) fn device_as(&self, number: u16, user: &str, password: &str) -> PowerDevice {
        device_at(self.port(number), user, password, QUICK)
    }

    /// BMC 1 restarts: its sessions are gone, its switch stays as it is.
    pub(crate) fn restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = launch(self.directory.path(), 1, self.port);
        assert!(
            self.ready(),
            "BMC simulator did not start again: {}",
            self.read("errors")
        );
    }

    /// A file of the simulator's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn launch(directory: &Path, count: u16, port: u16) -> Child {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lab/bmc_sim.py");
    mortal("/usr/bin/python3")
        .arg(script)
        .args(["alone", &count.to_string(), &port.to_string()])
        .arg(directory)
        .stdin(Stdio::null())
        .stdout(File::create(directory.join("log")).unwrap())
        .stderr(File::create(directory.join("errors")).unwrap())
        .spawn()
        .expect("/usr/bin/python3 must be installed")
}

pub(crate) fn device_at(port: u16, user: &str, password: &str, timing: Timing) -> PowerDevice {
    let address = DeviceAddress::new("ipmi", "127.0.0.1", Some(port), "").unwrap();
    PowerDevice::new(address, Credentials::new(user, password.into()).unwrap(), timing)
}

/// The first of `count` consecutive UDP ports that are free now.
pub(crate) fn free_ports(count: u16) -> u16 {
    for _ in 0..200 {
        let first = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let Some(last) = first.checked_add(count) else { continue };
        if (first..last).all(|port| UdpSocket::bind(("127.0.0.1", port)).is_ok()) {
            return first;
        }
    }
    panic!("no {count} consecutive free UDP ports");
}

pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The state of one reading, for assertions.
pub(crate) async fn state(device: &PowerDevice, deadline: Duration) -> Result<PowerState, PowerTrouble> {
    device.read(deadline).await.state
}

/// Reads until the device reads off, or `tries` readings are over.
pub(crate) async fn reads_off_within(device: &PowerDevice, tries: u32) -> bool {
    for _ in 0..tries {
        if state(device, seconds(3)).await == Ok(PowerState::Off) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}
