//! The real engine in a simulated world: every port replaced, time virtual, every fault repeatable from a seed.
//!
//! It stands in for machines, networks, serf, power devices, Nova and the database as the reference measurements found
//! them, thinly: no packet, no socket, no SQL. What it adds is an *oracle*: it knows which guest runs where at each
//! moment, so that an instance that runs twice or is lost is found out here, not believed on the engine's word.
//! Reading order: [`scenario`] (the language of `scenarios/*.txt`), [`run`] (one play), [`world`] (the truth),
//! [`machines`], [`detection`], [`nova`], [`store`] (the database in memory), [`broker`] and [`monitors`] (the bus in one
//! process, and who answers on it), [`ports`] (what the engine sees of it),
//! [`chronicle`] (the decision log), [`verdict`] (what must hold in every run).

#![allow(
    clippy::result_large_err,
    reason = "the errors are the engine's own, rare, and gone with the next line"
)]

pub mod broker;
pub mod chronicle;
pub mod clock;
pub mod detection;
pub mod happen;
pub mod machines;
pub mod monitors;
pub mod nova;
pub mod ports;
pub mod process;
pub mod run;
pub mod scenario;
pub mod store;
pub mod verdict;
pub mod world;
