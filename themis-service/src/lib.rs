//! What every daemon of Themis needs at start: options, configuration, logging, TLS provider, signals, readiness, the
//! listener for health and metrics. No rule of the product lives here.

pub mod health;
pub mod logging;
pub mod options;
pub mod signals;
pub mod start;

pub use options::CommonOptions;
pub use start::{Start, start};
