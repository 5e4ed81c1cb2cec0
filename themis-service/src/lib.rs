//! What every daemon of Themis needs at start: options, configuration, logging, TLS provider, signals, readiness and
//! watchdog, the listener for health and metrics, the words of its manual page. No rule of the product lives here.

pub mod health;
pub mod logging;
pub mod manual;
pub mod options;
pub mod signals;
pub mod start;

pub use options::CommonOptions;
pub use start::{Start, start};
