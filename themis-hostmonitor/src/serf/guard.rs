//! The few lines that run in the child before it becomes the agent: they tie its life to the monitor's.
//!
//! The kernel's parent-death signal can only be set by the child itself, and setting it between fork and exec takes
//! unsafe code; so the monitor starts itself under another argument, sets it, and then becomes the agent.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

/// The hidden argument by which a monitor becomes a guard.
pub const ARGUMENT: &str = "exec-agent";

/// Why the agent was not started.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The kernel refused the death signal.
    #[error("cannot tie the agent's life to the monitor's")]
    DeathSignal(#[source] rustix::io::Errno),
    /// The monitor ended in between.
    #[error("the monitor is gone")]
    ParentGone,
    /// The program cannot be executed.
    #[error("cannot execute {program}")]
    Exec {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Becomes `program`, to be killed by the kernel as soon as `parent` ends. Returns only on failure.
#[must_use]
pub fn exec(parent: u32, program: &Path, arguments: &[OsString]) -> GuardError {
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return GuardError::DeathSignal(error);
    }
    // A parent that ended before the line above sends no signal any more.
    if getppid().map(|pid| pid.as_raw_nonzero().get()) != i32::try_from(parent).ok() {
        return GuardError::ParentGone;
    }
    let source = Command::new(program).args(arguments).exec();
    GuardError::Exec {
        program: program.display().to_string(),
        source,
    }
}
