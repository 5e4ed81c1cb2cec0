//! The engine: gathers evidence, decides (by `themis-decision`), fences, evacuates, and records why.
//!
//! One leader among several. A turn: events from the [`inbox`] go into the world; the decision core judges it; what it
//! changed is committed in one transaction together with the lease row; only then are effects begun, and what comes of
//! them returns to the inbox. Nothing else leads from an observation to an effect. Reading order: [`ports`] (all that
//! is impure), [`engine`] (the loop), [`lease`], [`snapshot`], [`effects`], [`adapters`].

pub mod adapters;
pub mod announce;
pub mod calls;
pub mod config;
pub mod effects;
pub mod engine;
pub mod inbox;
pub mod lease;
pub mod options;
pub mod ports;
pub mod readiness;
pub mod snapshot;
pub mod writes;

pub use engine::{Engine, Settings};
pub use inbox::{Event, Inbox};
pub use ports::Ports;
