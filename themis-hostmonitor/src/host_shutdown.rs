//! Whether the whole host is being shut down in order, or only this monitor: on the answer depends whether its agents
//! leave (planned, nobody is alarmed) or just end.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(2);

/// Runs `[hostmonitor] shutdown_command`; true when it prints `stopping`. Anything else, a failure too, means no: peers
/// may then be alarmed for nothing, but a failure is never hidden.
pub async fn is_under_way(command: &str) -> bool {
    if command.is_empty() {
        return false;
    }
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", command])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    match timeout(DEADLINE, shell.output()).await {
        Ok(Ok(output)) => output.stdout.trim_ascii() == b"stopping",
        Ok(Err(_)) | Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn only_the_word_itself_counts() {
        for (command, expected) in [
            ("echo stopping", true),
            ("echo stopping; exit 1", true),
            ("echo running", false),
            ("echo not stopping", false),
            ("/nonexistent", false),
            ("", false),
        ] {
            assert_eq!(super::is_under_way(command).await, expected, "{command}");
        }
    }
}
