//! One module per table, as sea-orm reads and writes it; columns in the order of the migration. Not seen outside this
//! crate: [`crate::store`] turns these into plain rows. UUIDs are text, words are text, JSON is text.

// The derive macros need everything public in a module that is not.
#![allow(unreachable_pub, missing_docs)]

pub(crate) mod corroborations;
pub(crate) mod failover_segments;
pub(crate) mod host_states;
pub(crate) mod hosts;
pub(crate) mod incident_events;
pub(crate) mod incidents;
pub(crate) mod leases;
pub(crate) mod modes;
pub(crate) mod notifications;
pub(crate) mod power_devices;
pub(crate) mod refused_reports;
pub(crate) mod requests;
pub(crate) mod segment_networks;
mod uuid_text;
pub(crate) mod vmoves;
pub(crate) mod workflow_steps;

pub(crate) use uuid_text::TextUuid;
