//! Monitors against real parts: serf agents, the kernel's network namespaces, RabbitMQ and the Python peer. One program,
//! so that it is linked once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code throughout"
)]

mod agents;
mod inquiries;
#[path = "../../../themis-core/testing/left_out.rs"]
mod left_out;
#[path = "../../../themis-core/testing/mortal.rs"]
mod mortal;
mod namespaces;
mod pool;
mod program;
mod python_peer;
mod readiness;

use left_out::left_out;
use mortal::mortal;
