//! A real Galera cluster of three nodes: what holds on one server must hold when writers come by several nodes, and
//! when a node is cut off from the others, or dies.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests may")]

mod at_once;
mod quorum;
mod rows;
