//! Themis's way to the rest of OpenStack: Keystone, Nova, Placement, and who may ask what of us.
//!
//! A thin client of our own: pinned microversions, a deadline on every request, errors sorted by what the caller must
//! do next. It holds no opinion on recovery: it asks, tells and reports; when to fence or evacuate is decided elsewhere.
//! Tokens and passwords never leave it through a log, an error or `Debug`.
//!
//! Read next: [`keystone`] (session and catalogue), [`service`] (one request to one service), [`nova`], [`placement`];
//! for the API's side [`token`] (who is calling) and [`policy`] (what they may do); [`error`] for what an error advises.

pub mod clouds;
pub mod config;
pub mod correlation;
pub mod error;
mod http;
pub mod keystone;
pub mod nova;
pub mod placement;
pub mod policy;
pub mod service;
pub mod token;

pub use config::sections;
pub use error::{Advice, CallError, Effect, IdentityError, ServiceError};
pub use keystone::{Cloud, Session};
