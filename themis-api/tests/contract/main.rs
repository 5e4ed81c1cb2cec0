//! The contract of the API, route by route, over real HTTP against a real MariaDB: allowed, denied, missing, invalid.
//! Keystone and Nova are small stubs (`cloud`); the lab runs the same API with the real ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod cloud;
mod engine;
mod support;

mod checks;
mod hosts;
mod notifications;
mod segments;
mod themis_engine;
mod themis_hosts;
mod themis_incidents;
mod themis_mode;
mod themis_power_devices;
mod versions;
mod vmoves;
