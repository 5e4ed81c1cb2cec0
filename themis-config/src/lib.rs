//! Configuration as OpenStack operators write it: one INI file, sections, environment overrides last.
//!
//! A section's struct lives with the crate that uses it and is declared with [`section!`], which keeps name, keys,
//! help, default and secrecy in one place: reading, refusing unknown keys and printing the sample all come from it.
//! This crate reads files and the environment at start, for `main` only; libraries take their section's struct.
//! Read next: [`source`] (where values come from), [`known`] (which names are refused or pointed out), [`mod@section`] (how a section is declared), [`value`] (kinds of values).

pub mod catalogue;
pub mod error;
mod foreign;
mod ini;
pub mod known;
pub mod nearest;
pub mod oslo;
pub mod sample;
pub mod section;
pub mod source;
mod substitute;
pub mod value;

pub use error::ConfigError;
pub use known::KnownSection;
pub use section::{Key, Section};
pub use source::Source;
pub use value::Value;

#[doc(hidden)]
pub use secrecy;
