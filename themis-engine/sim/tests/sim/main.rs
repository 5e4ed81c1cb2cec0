//! The simulator's tests: scenarios as they are written, crashes at every step, the oracle's own honesty, and the store in
//! memory beside the real one.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "tests: a broken fixture is a failed test"
)]

mod compute;
mod crashes;
mod misfortunes;
mod notified;
mod oracle;
mod scenarios;
mod store;
