//! The bus against a real broker and a real Python peer, and the promises that both of its forms keep.
//!
//! Needs `THEMIS_TEST_AMQP_URL` (see `.ci/services`); without it the tests that want a broker say so and pass.

// Clippy knows test functions by their attribute, and not those that they call.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod broker;
mod conformance;
mod counted;
mod decoders;
mod doubt;
mod fixtures;
mod interop;
mod journal;
#[path = "../../../themis-core/testing/left_out.rs"]
mod left_out;
mod measured;
#[path = "../../../themis-core/testing/mortal.rs"]
mod mortal;
mod notifications;
mod patience;
mod peer;
mod promises;
mod queue_manager;
mod recorder;
mod refusal;
mod senders;
mod strait;
mod survival;
mod tally;
mod tls;
mod wire;
mod world;

use left_out::left_out;
use mortal::mortal;
