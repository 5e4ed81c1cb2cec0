//! The simulator's tests: scenarios as they are written, calls to its engines, crashes at every step, the oracle's own honesty, and the store in
//! memory beside the real one.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "tests: a broken fixture is a failed test"
)]

mod calls;
mod compute;
mod crashes;
mod misfortunes;
mod notified;
mod oracle;
mod scenarios;
mod store;
