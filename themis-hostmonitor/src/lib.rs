//! The host monitor: runs one serf agent per network, sees which peers are alive, judges its own reception, and reports
//! to the engines. It observes and answers; it never decides and never acts on another host.
//!
//! Facts flow one way: watchers ([`serf`], [`carrier`], [`proof_of_life`]) write to the [`board`], [`report`] reads it.
//! Engines ask back through [`inquiries`]. [`monitor`] puts it all together. Read [`board`] first, then [`view`].

pub mod board;
pub mod carrier;
pub mod census;
pub mod check;
pub mod config;
pub mod host_shutdown;
pub mod icmp;
pub mod identity;
pub mod inquiries;
pub mod monitor;
pub mod netlink;
pub mod network;
pub mod options;
pub mod peers;
pub mod probe;
pub mod proof_of_life;
pub mod readiness;
pub mod report;
pub mod serf;
pub mod view;
