//! The serf program on this host: where it is, and whether it is old enough to matter.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// The first release whose member list notices that the agent's own interface is down (memberlist pull request 242).
pub const TRUSTWORTHY: (u32, u32, u32) = (0, 9, 6);
const VERSION_DEADLINE: Duration = Duration::from_secs(5);

/// A program that cannot be started; the text names the fix.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProgramError {
    /// No such file in the search path.
    #[error("'{0}' is not in PATH; install the package serf, or set [hostmonitor] serf_binary to where it is")]
    NotInPath(String),
    /// The path leads nowhere or to something that cannot be executed.
    #[error("'{0}' is no program that can be executed; install the package serf, or correct [hostmonitor] serf_binary")]
    NotExecutable(String),
}

/// Where `name` leads: itself when it is a path, else the first program of that name in `search_path`.
///
/// # Errors
/// There is none.
pub fn find(name: &str, search_path: &OsStr) -> Result<PathBuf, ProgramError> {
    let executable = |path: &Path| {
        path.metadata()
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        let path = PathBuf::from(name);
        return if executable(&path) {
            Ok(path)
        } else {
            Err(ProgramError::NotExecutable(name.to_owned()))
        };
    }
    std::env::split_paths(search_path)
        .map(|directory| directory.join(name))
        .find(|path| executable(path))
        .ok_or_else(|| ProgramError::NotInPath(name.to_owned()))
}

/// The first line of `serf version`; `None` when it does not say.
pub async fn version(program: &Path) -> Option<String> {
    let mut command = Command::new(program);
    command
        .arg("version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let output = timeout(VERSION_DEADLINE, command.output()).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(|line| line.trim().chars().take(80).collect())
}

/// Why the member list of a serf that calls itself `version` deserves distrust; `None` when it is recent enough.
#[must_use]
pub fn distrust(version: &str) -> Option<String> {
    let (major, minor, patch) = TRUSTWORTHY;
    let advice = format!(
        "with serf before {major}.{minor}.{patch} the member list of a host whose own interface is down shows everybody \
         alive; upgrade serf and set [network:NAME] interface, so that the carrier is watched"
    );
    match numbers(version) {
        Some(found) if found >= TRUSTWORTHY => None,
        Some(_) => Some(format!("serf calls itself {version}: {advice}")),
        None => Some(format!("serf does not tell its version ('{version}'): {advice}")),
    }
}

fn numbers(text: &str) -> Option<(u32, u32, u32)> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let mut parts = text[start..].split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_unknown_versions_are_distrusted() {
        for good in ["Serf v0.9.6", "Serf v0.10.1", "1.0.0"] {
            assert_eq!(distrust(good), None);
        }
        for bad in ["Serf v0.9.5", "0.8.2-dev", "serf", "v1", ""] {
            assert!(distrust(bad).unwrap().contains("before 0.9.6"), "{bad}");
        }
    }

    #[test]
    fn a_missing_program_is_named_with_the_fix() {
        let error = find("serf-nowhere", OsStr::new("/usr/bin:/bin"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("'serf-nowhere'") && error.contains("[hostmonitor] serf_binary"),
            "{error}"
        );
        assert!(matches!(
            find("/etc/passwd", OsStr::new("")),
            Err(ProgramError::NotExecutable(_))
        ));
        assert_eq!(
            find("sh", OsStr::new("/nonexistent:/bin")),
            Ok(PathBuf::from("/bin/sh"))
        );
    }
}
