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
#[path = "../../../themis-core/testing/left_out.rs"]
mod left_out;
mod many;
#[path = "../../../themis-core/testing/mortal.rs"]
mod mortal;
mod network;
mod openipmi;
mod relay;
mod sessions;
mod simulator;

use left_out::left_out;
use mortal::mortal;
