//! Everything about the serf agents: their generated configuration ([`settings`]), the processes ([`supervisor`],
//! [`left_over`], [`guard`]), the words on their RPC port ([`wire`], [`client`]) and what they say ([`watch`]).
//!
//! Serf 0.9.4 measured: an agent's own member list may show every peer alive for ever while its own interface is down;
//! nothing here takes that list for proof of the host's own health.

pub mod backoff;
pub mod client;
pub mod frames;
pub mod guard;
pub mod left_over;
pub mod output;
pub mod program;
pub mod settings;
pub mod supervisor;
pub mod watch;
pub mod wire;
