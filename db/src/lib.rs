//! The database: the schema, and one store module per noun. The database is Themis's truth; messages only wake somebody.
//!
//! Rows go in and out as plain structs with typed ids; entities stay inside. Times are given by the caller and cut to
//! what the column keeps: whole seconds in Masakari's four tables, microseconds in ours. What only the engine may
//! write takes an [`EpochTxn`], which exists only inside [`lease::epoch_transaction`]: no such write without an epoch.
//! This crate must not decide anything, read a clock for a row, or log a connection string.
//! Read next: [`connect`] (from `[database]` to a [`Pool`]), [`store`], [`lease`], [`schema`], [`purge`], [`masakari`].

pub mod config;
pub mod connect;
mod entity;
pub mod error;
pub mod lease;
pub mod masakari;
mod migration;
pub mod pool;
pub mod progress;
pub mod purge;
pub mod schema;
mod stamp;
pub mod store;
pub mod target;
#[cfg(feature = "testing")]
pub mod testing;
pub mod words;

pub use config::DatabaseSection;
pub use connect::{connect, connect_url};
pub use error::{Advice, StoreError};
pub use lease::EpochTxn;
pub use pool::{Pool, Txn};
pub use words::{
    IncidentStatus, NotificationKind, NotificationStatus, RecoveryMethod, ReportAnswer, RequestKind, RequestStatus,
    StepEvent, VmoveKind, VmoveStatus,
};
