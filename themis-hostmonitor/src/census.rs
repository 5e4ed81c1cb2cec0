//! Which guests really run here, asked of the hypervisor by the operator's command. All or nothing: an answer that is
//! not understood in full is no answer, because a guest left out might be started twice.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use themis_core::InstanceId;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;

/// What the command may take.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// About fourteen thousand guests.
const OUTPUT_MAX: u64 = 512 * 1024;

/// Why there is no census.
#[derive(Debug, thiserror::Error)]
pub enum CensusError {
    /// No command is configured.
    #[error("[hostmonitor] census_command is not set")]
    NotConfigured,
    /// It cannot be started.
    #[error("census_command cannot be started")]
    Start(#[source] std::io::Error),
    /// It failed.
    #[error("census_command failed ({0})")]
    Failed(std::process::ExitStatus),
    /// It takes too long.
    #[error("census_command did not end within {0:?}")]
    Deadline(Duration),
    /// It prints more than a host can run.
    #[error("census_command prints more than {OUTPUT_MAX} bytes")]
    TooMuch,
    /// It prints something else than UUIDs.
    #[error("census_command printed '{0}', which is no UUID; it must print one per line and nothing else")]
    NotUuid(String),
}

/// Runs the command and reads its answer, sorted, each guest once.
///
/// # Errors
/// See [`CensusError`]; nothing is known then.
pub async fn take(command: Option<&str>, within: Duration) -> Result<Vec<InstanceId>, CensusError> {
    let command = command.ok_or(CensusError::NotConfigured)?;
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(CensusError::Start)?;
    let group = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw);
    let mut output = Vec::new();
    let pipe = child.stdout.take();
    let run = async {
        if let Some(pipe) = pipe {
            pipe.take(OUTPUT_MAX + 1).read_to_end(&mut output).await?;
        }
        if output.len() as u64 > OUTPUT_MAX {
            Ok(None)
        } else {
            child.wait().await.map(Some)
        }
    };
    let ended = timeout(within, run).await;
    if !matches!(ended, Ok(Ok(Some(_)))) {
        // The shell's children too, or a hanging hypervisor client would pile up with each census.
        let _ = group.map(|group| kill_process_group(group, Signal::KILL));
    }
    match ended {
        Err(_) => Err(CensusError::Deadline(within)),
        Ok(Err(error)) => Err(CensusError::Start(error)),
        Ok(Ok(None)) => Err(CensusError::TooMuch),
        Ok(Ok(Some(status))) if !status.success() => Err(CensusError::Failed(status)),
        Ok(Ok(Some(_))) => parse(&String::from_utf8_lossy(&output)),
    }
}

fn parse(text: &str) -> Result<Vec<InstanceId>, CensusError> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let read = |line: &str| {
        line.parse()
            .map_err(|_| CensusError::NotUuid(line.chars().take(80).collect()))
    };
    Ok(lines
        .map(read)
        .collect::<Result<BTreeSet<InstanceId>, _>>()?
        .into_iter()
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "11111111-2222-4333-8444-555555555555";
    const SECOND: &str = "aaaaaaaa-2222-4333-8444-555555555555";

    async fn census(command: &str) -> Result<Vec<InstanceId>, CensusError> {
        take(Some(command), Duration::from_secs(5)).await
    }

    #[tokio::test]
    async fn each_guest_is_listed_once() {
        let guests = census(&format!("printf '{SECOND}\\n\\n {FIRST} \\n{SECOND}\\n'"))
            .await
            .unwrap();
        assert_eq!(guests, [FIRST, SECOND].map(|id| id.parse().unwrap()));
        assert_eq!(census("true").await.unwrap(), []);
    }

    #[tokio::test]
    async fn half_an_answer_is_no_answer() {
        assert!(matches!(
            census(&format!("echo {FIRST}; echo error: no connection")).await,
            Err(CensusError::NotUuid(_))
        ));
        assert!(matches!(
            census(&format!("echo {FIRST}; exit 3")).await,
            Err(CensusError::Failed(_))
        ));
        assert!(matches!(census("yes").await, Err(CensusError::TooMuch)));
        assert!(matches!(take(None, DEADLINE).await, Err(CensusError::NotConfigured)));
    }

    #[tokio::test]
    async fn a_hanging_command_is_ended_with_its_children() {
        let directory = tempfile::tempdir().unwrap();
        let pid_file = directory.path().join("pid");
        let command = format!("sleep 600 & echo $! > {}; wait", pid_file.display());
        // Long enough for the shell to have written the file.
        let error = take(Some(&command), Duration::from_millis(500)).await.unwrap_err();
        assert!(matches!(error, CensusError::Deadline(_)), "{error}");
        let pid = std::fs::read_to_string(&pid_file).unwrap();
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        for _ in 0..200 {
            if state().map_or(true, |text| text.contains(") Z ")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the command's child still runs");
    }
}
