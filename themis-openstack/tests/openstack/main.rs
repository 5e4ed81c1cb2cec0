//! The clients against a fake cloud that misbehaves on purpose, against oslo.policy itself, and against a real Keystone,
//! Nova and Placement when `THEMIS_TEST_OS_AUTH_URL` and its companions name one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "helpers of tests, outside of #[test]"
)]

mod clouds;
mod fake;
mod faults;
mod jws;
mod lab;
#[path = "../../../themis-core/testing/left_out.rs"]
mod left_out;
mod nova;
mod placement;
mod policy;
mod policy_oslo;
mod private_keystone;
mod real_keystone;
mod service_tokens;
mod session;
mod token;

use left_out::left_out;
