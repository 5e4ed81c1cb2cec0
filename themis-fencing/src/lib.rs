//! Power control: how a host is switched off, and how that is read back. Answers are never "probably".
//!
//! [`device::PowerDevice`] makes single honest requests of one device: read its power, tell it to switch off. That an
//! off must be read twice, apart, after an accepted command, is not known here; that rule lives in `themis-decision`.
//! Programs that only register devices use [`address`], [`credentials`] and [`seal`], which do no network I/O.
//! Read next: [`device`], then [`ipmi`] (the wire), then [`guid`] (what binds a device to a host).

pub mod address;
pub mod config;
pub mod credentials;
mod deadline;
pub mod device;
pub mod guid;
pub mod ipmi;
pub mod outcome;
pub mod seal;

pub use address::{DeviceAddress, Driver};
pub use config::FencingSection;
pub use credentials::Credentials;
pub use device::PowerDevice;
pub use outcome::{OffAccepted, PowerCommandError, PowerCommandFault};
pub use seal::SealKey;
