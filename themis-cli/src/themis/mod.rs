//! `themis`: what an operator sees and says, over HTTP with a Keystone token.

pub mod api;
pub mod command;
pub mod completion;
pub mod endpoint;
pub mod engine;
pub mod failure;
pub mod hosts;
pub mod incidents;
pub mod judgement;
pub mod manual;
pub mod modes;
pub mod names;
pub mod power_devices;
pub mod reports;
pub mod requests;
pub mod run;
pub mod simulate;
pub mod timeline;

pub use command::Command;
pub use run::run;
