//! `themis simulate`: becomes `themis-simulate`, which is a program of its own so that this one stays small.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use super::failure::Failure;

const PROGRAM: &str = "themis-simulate";

/// Replaces this process. Returns only when that fails.
#[must_use]
pub fn become_simulator(arguments: &[OsString]) -> Failure {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|own| own.parent().map(|directory| directory.join(PROGRAM)))
        .filter(|path| path.is_file());
    let program = beside.unwrap_or_else(|| PathBuf::from(PROGRAM));
    let source = Command::new(&program).args(arguments).exec();
    Failure::Io {
        what: format!(
            "cannot start {}; it belongs beside themis or into PATH",
            program.display()
        ),
        source,
    }
}
