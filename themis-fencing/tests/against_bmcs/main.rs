//! The transport against real BMC programs on real sockets: the lab's simulator with all its faults, `ipmitool` as
//! second operator, and OpenIPMI's `ipmi_sim` as independent judge.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code throughout"
)]

mod binding;
mod faults;
mod interop;
mod many;
mod network;
mod openipmi;
mod relay;
mod sessions;
mod simulator;
