//! Ids in paths. They match as exact text, as Masakari compares them: upper case or missing dashes name nothing.

use std::fmt::Display;
use std::str::FromStr;

/// The id that `text` writes in its one form.
#[must_use]
pub fn exact<T: FromStr + Display>(text: &str) -> Option<T> {
    text.parse::<T>().ok().filter(|id| id.to_string() == text)
}
