//! The contract of the API over real HTTP against a real MariaDB. `routes` shows of every route who may, what is missing, what
//! is invalid and each microversion; the files beside it what is particular to one resource.
//! Keystone and Nova are small stubs (`cloud`); the lab runs the same API with the real ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod cloud;
mod engine;
#[path = "../../../themis-messaging/tests/bus/peer.rs"]
#[allow(dead_code, reason = "the bus's own tests use more of it")]
mod peer;
#[path = "../../../themis-openstack/tests/openstack/private_keystone.rs"]
#[allow(dead_code, reason = "the clients' own tests use more of it")]
mod private_keystone;
mod support;

mod as_upstream;
mod auth;
mod checks;
mod events;
mod galera;
mod hangup;
mod hosts;
mod intake;
mod listener;
mod log_lines;
mod masakari_conf;
mod notifications;
mod openapi;
mod routes;
mod segments;
mod themis_engine;
mod themis_hosts;
mod themis_incidents;
mod themis_mode;
mod themis_power_devices;
mod versions;

use themis_db::testing::{left_out, mortal};
mod vmoves;
