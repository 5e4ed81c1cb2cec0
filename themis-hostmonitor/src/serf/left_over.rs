//! Ends an agent that an earlier monitor left behind, so that the new one finds its ports free.
//!
//! The kernel normally ends agents with their monitor ([`super::guard`]); this is for the rest. The process id of the
//! file is trusted only while the process holds the very same configuration file in its arguments, and the signal goes
//! through a handle of that process, never to a number that may have a new owner.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::time::{sleep, timeout};

const KILL_DEADLINE: Duration = Duration::from_secs(3);
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// A left-over agent that could not be ended.
#[derive(Debug, thiserror::Error)]
pub enum LeftOverError {
    /// The kernel refused.
    #[error("cannot end the left-over serf agent {pid}")]
    Signal {
        /// Its process id.
        pid: i32,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It does not go away (it hangs in the kernel).
    #[error("the left-over serf agent {0} does not end")]
    Stuck(i32),
}

/// Ends the agent named by `pid_file` if it runs with `config`. Says the process id that was ended, if any.
///
/// # Errors
/// It is there and will not go.
pub async fn end(pid_file: &Path, config: &Path) -> Result<Option<i32>, LeftOverError> {
    let written = std::fs::read_to_string(pid_file)
        .ok()
        .and_then(|text| text.trim().parse::<i32>().ok());
    let Some(pid) = written.filter(|pid| *pid > 1) else {
        return Ok(None);
    };
    let failed = |source: std::io::Error| LeftOverError::Signal { pid, source };
    let handle: OwnedFd = match Pid::from_raw(pid).map(|pid| pidfd_open(pid, PidfdFlags::NONBLOCK)) {
        None | Some(Err(Errno::SRCH)) => return Ok(None),
        Some(Err(error)) => return Err(failed(error.into())),
        Some(Ok(handle)) => handle,
    };
    if !runs_with(pid, config) {
        return Ok(None);
    }
    match pidfd_send_signal(&handle, Signal::KILL) {
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => return Err(failed(error.into())),
    }
    let ended = async {
        // A process that has ended and was not waited for yet has no arguments any more.
        while runs_with(pid, config) {
            sleep(LOOK_INTERVAL).await;
        }
    };
    timeout(KILL_DEADLINE, ended)
        .await
        .map_err(|_| LeftOverError::Stuck(pid))?;
    Ok(Some(pid))
}

fn runs_with(pid: i32, config: &Path) -> bool {
    let Ok(arguments) = std::fs::read(format!("/proc/{pid}/cmdline")) else {
        return false;
    };
    let wanted = config_argument(config);
    arguments
        .split(|byte| *byte == 0)
        .any(|argument| argument == wanted.as_bytes())
}

/// The argument that names an agent's configuration, and by which it is recognised.
#[must_use]
pub fn config_argument(config: &Path) -> String {
    format!("-config-file={}", config.display())
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    fn sleeper(argument: &str) -> Child {
        Command::new("sh")
            .args(["-c", "read line", "sh", argument])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    }

    #[tokio::test]
    async fn only_the_process_with_the_same_configuration_is_ended() {
        let directory = tempfile::tempdir().unwrap();
        let (pid_file, config) = (directory.path().join("pid"), directory.path().join("serf.json"));
        assert_eq!(end(&pid_file, &config).await.unwrap(), None);

        let mut stranger = sleeper("-config-file=/elsewhere.json");
        std::fs::write(&pid_file, stranger.id().to_string()).unwrap();
        assert_eq!(end(&pid_file, &config).await.unwrap(), None);
        assert!(stranger.try_wait().unwrap().is_none());
        stranger.kill().unwrap();
        stranger.wait().unwrap();

        let mut agent = sleeper(&config_argument(&config));
        std::fs::write(&pid_file, agent.id().to_string()).unwrap();
        // Its command line is another one until exec has happened.
        while !runs_with(i32::try_from(agent.id()).unwrap(), &config) {
            tokio::task::yield_now().await;
        }
        assert_eq!(end(&pid_file, &config).await.unwrap(), i32::try_from(agent.id()).ok());
        assert!(!agent.wait().unwrap().success());
        assert_eq!(end(&pid_file, &config).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_damaged_pid_file_ends_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let pid_file = directory.path().join("pid");
        for text in ["", "x", "-1", "0", "99999999999", "1"] {
            std::fs::write(&pid_file, text).unwrap();
            assert_eq!(end(&pid_file, Path::new("/x.json")).await.unwrap(), None, "{text:?}");
        }
    }
}
