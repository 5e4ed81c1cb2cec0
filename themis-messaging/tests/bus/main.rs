//! The bus against a real broker and a real Python peer, and the promises that both of its forms keep.
//!
//! Needs `THEMIS_TEST_AMQP_URL` (see `.ci/services`); without it the tests that want a broker say so and pass.

mod broker;
mod conformance;
mod interop;
mod peer;
mod recorder;
mod survival;
mod world;
