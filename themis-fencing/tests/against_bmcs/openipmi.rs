//! OpenIPMI's `ipmi_sim` (Debian package `openipmi`): a BMC that shares no line of code or author with the lab's
//! simulator. Skipped, with a notice, where it is not installed.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use themis_core::power::{PowerState, PowerTrouble};

use crate::interop::ipmitool;
use crate::simulator::{QUICK, device_at, free_ports, reads_off_within, seconds, state};
use crate::{left_out, mortal};

const SWITCH: &str = r#"#!/bin/sh
# Called as: switch ADDRESS get power | switch ADDRESS set power VALUE
here=$(dirname "$0")
case "$2" in
  get) echo "power:$(cat "$here/power")" ;;
  set) echo "$4" > "$here/power" ;;
esac
"#;

const EMULATION: &str = "mc_setbmc 0x20\n\
    mc_add 0x20 0 has-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\n\
    sel_enable 0x20 1000 0x0a\n\
    mc_enable 0x20\n";

struct OpenIpmi {
    process: Child,
    directory: TempDir,
    port: u16,
}

impl OpenIpmi {
    fn start() -> Option<Self> {
        if Command::new("ipmi_sim")
            .arg("--help")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_err()
        {
            left_out("ipmi_sim is not installed (Debian package openipmi)");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let (at, port) = (directory.path(), free_ports(1));
        write(&at.join("switch"), SWITCH);
        std::fs::set_permissions(at.join("switch"), std::fs::Permissions::from_mode(0o755)).unwrap();
        write(&at.join("power"), "1\n");
        write(&at.join("sim.emu"), EMULATION);
        write(&at.join("lan.conf"), &lan(port, &at.join("switch")));
        let process = mortal("ipmi_sim")
            .arg("-c")
            .arg(at.join("lan.conf"))
            .arg("-f")
            .arg(at.join("sim.emu"))
            .arg("-s")
            .arg(at)
            .arg("-n")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self {
            process,
            directory,
            port,
        })
    }

    fn truth(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("power"))
            .unwrap()
            .trim()
            .to_owned()
    }
}

impl Drop for OpenIpmi {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

fn lan(port: u16, switch: &Path) -> String {
    format!(
        "name \"judge\"\n\
         set_working_mc 0x20\n\
         startlan 1\n\
         addr 127.0.0.1 {port}\n\
         priv_limit admin\n\
         allowed_auths_admin none md2 md5 straight\n\
         guid a123456789abcdefa123456789abcdef\n\
         endlan\n\
         chassis_control \"{} 0x20\"\n\
         user 1 true \"\" \"test\" user 10 none md2 md5 straight\n\
         user 2 true \"admin\" \"secret1\" admin 10 none md2 md5 straight\n",
        switch.display()
    )
}

#[tokio::test]
async fn an_independent_bmc_is_read_switched_and_refuses_as_expected() {
    let Some(judge) = OpenIpmi::start() else { return };
    let device = device_at(judge.port, "admin", "secret1", QUICK);
    let reading = device.read(seconds(5)).await;
    assert_eq!(reading.state, Ok(PowerState::On), "{}", reading.detail);
    println!("ipmi_sim: GUID {:?}", reading.guid);
    assert_eq!(device.off(seconds(2)).await.unwrap().before, Some(PowerState::On));
    assert!(reads_off_within(&device, 10).await);
    assert_eq!(judge.truth(), "0");
    assert!(ipmitool(judge.port, "secret1", "3", &["chassis", "power", "status"]).contains("is off"));
    ipmitool(judge.port, "secret1", "3", &["chassis", "power", "on"]);
    assert_eq!(state(&device, seconds(2)).await, Ok(PowerState::On));
    device.close().await;

    let reading = device_at(judge.port, "admin", "secret2", QUICK).read(seconds(5)).await;
    assert_eq!(reading.state, Err(PowerTrouble::Refused), "{}", reading.detail);
    let reading = device_at(judge.port, "nobody", "secret1", QUICK)
        .read(Duration::from_millis(1500))
        .await;
    assert!(reading.state.is_err());
    println!("ipmi_sim, unknown user: {:?}, {}", reading.state, reading.detail);
}
