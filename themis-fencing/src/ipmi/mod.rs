//! IPMI 2.0 over LAN (RMCP+), written for fencing: one absolute deadline for everything, no answer believed unless it
//! is signed, new, and the answer to the question that was asked.
//!
//! From the outside in: [`session`] (commands in an open session), `handshake` (opening one), `exchange` (one
//! request, repeated, until one acceptable answer), then the codecs without I/O: `rakp`, `packet`, `message`,
//! `crypto`, `suite`. Sections named in comments are those of the IPMI 2.0 specification, revision 1.1.
//! Deliberately absent: the ASF presence ping, IPMI 1.5 sessions, and every suite without integrity and encryption.

pub mod command;
mod crypto;
pub mod error;
mod exchange;
mod handshake;
mod message;
mod packet;
mod rakp;
pub mod session;
mod suite;

pub use error::{Fault, IpmiError};
pub use session::Session;
pub use suite::CipherSuite;

#[cfg(test)]
mod robustness;
