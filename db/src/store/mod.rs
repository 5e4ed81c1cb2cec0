//! One module per noun; functions are named noun first, verb second (`host_list`). Those that end in `_in_txn` write
//! what only the engine may write and take the [`crate::EpochTxn`]; the others take any connection or transaction.
//! `_get` answers `None` for what does not exist; changes answer [`crate::StoreError::NotFound`].
//! Rows of Masakari's tables are the living ones only: `deleted` is never shown.

pub mod corroborations;
pub mod host_states;
pub mod hosts;
pub mod incident_events;
pub mod incidents;
pub mod intake;
mod json;
pub mod modes;
pub mod notifications;
pub mod page;
pub mod power_devices;
pub(crate) mod queue;
pub mod refused_reports;
pub mod reports;
pub mod requests;
pub mod segment_networks;
pub mod segments;
pub mod snapshot;
pub mod vmoves;
pub mod workflow_steps;

pub use page::{Direction, Page};
