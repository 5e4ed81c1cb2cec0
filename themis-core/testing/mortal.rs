//! Programs that a test starts and that must not outlive it. Crates take this file in by its path, for their tests alone.
//!
//! `Drop` and `kill_on_drop` do nothing when the test itself is killed (by nextest's deadline, say). So the kernel is asked
//! to kill the program as soon as the thread that started it ends: start it from the test's own thread, not from a pool's.
//! What has children of its own that live on (a broker) needs more; see `SERVICES_OWNER` of `.ci/services`.

#![allow(unreachable_pub, reason = "one of those that take it in hands it on")]

use std::ffi::OsStr;
use std::process::Command;

/// A program that ends with the test, whatever ends that. Its process id is that of the program itself.
pub fn mortal(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}
