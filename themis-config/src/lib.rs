//! Configuration as OpenStack operators write it: one INI file, sections, environment overrides last.
//!
//! A section's struct lives with the crate that uses it and is declared with [`section!`], which keeps name, keys,
//! help, default and secrecy in one place: reading, refusing unknown keys and printing the sample all come from it.
//! This crate reads files and the environment at start, for `main` only; libraries take their section's struct.
//! Read next: [`source`] (where values come from), [`mod@section`] (how a section is declared), [`value`] (kinds of values).

pub mod catalogue;
pub mod error;
pub mod nearest;
pub mod oslo;
pub mod sample;
pub mod section;
pub mod source;
pub mod value;

pub use error::ConfigError;
pub use section::{Key, Section};
pub use source::{KnownSection, Source};
pub use value::Value;

#[doc(hidden)]
pub use secrecy;
