//! JSON and words in text columns, with errors that name the table.

use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::words::UnknownWord;

pub(super) fn write(table: &'static str, column: &'static str, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|source| StoreError::Json { table, column, source })
}

pub(super) fn read<T: DeserializeOwned>(
    table: &'static str,
    column: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Json { table, column, source })
}

/// `NULL` is `None`.
pub(super) fn read_optional<T: DeserializeOwned>(
    table: &'static str,
    column: &'static str,
    text: Option<&str>,
) -> Result<Option<T>, StoreError> {
    text.map(|text| read(table, column, text)).transpose()
}

/// A word of one of the sets in [`crate::words`], or of the core's.
pub(super) fn word<T: FromStr>(table: &'static str, set: &'static str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::UnknownWord {
        table,
        source: UnknownWord {
            set,
            word: text.to_owned(),
        },
    })
}
