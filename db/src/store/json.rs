//! JSON and words in text columns, with errors that name the table.

use std::io;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::ser::Formatter;

use crate::StoreError;
use crate::words::UnknownWord;

pub(super) fn write(table: &'static str, column: &'static str, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|source| StoreError::Json { table, column, source })
}

/// The same in ASCII, every other character as `\uXXXX`, which is how Python writes JSON: a column that Masakari made
/// holds it whatever its character set.
pub(super) fn write_ascii(
    table: &'static str,
    column: &'static str,
    value: &impl Serialize,
) -> Result<String, StoreError> {
    let mut text = Vec::new();
    value
        .serialize(&mut serde_json::Serializer::with_formatter(&mut text, Ascii))
        .map_err(|source| StoreError::Json { table, column, source })?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Escapes what is no ASCII in strings; the rest is compact.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        for character in fragment.chars() {
            if character.is_ascii() {
                out.write_all(&[character as u8])?;
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn ascii_json_escapes_as_python_does_and_reads_as_the_same() {
        let value = json!({"event": "caf\u{e9} \u{1F980} \"quoted\"\n", "k\u{20ac}y": 1});
        let text = write_ascii("t", "c", &value).unwrap();
        assert_eq!(text, r#"{"event":"caf\u00e9 \ud83e\udd80 \"quoted\"\n","k\u20acy":1}"#);
        assert_eq!(read::<Value>("t", "c", &text).unwrap(), value);
    }
}
