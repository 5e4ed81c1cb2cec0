//! How an offending value is shown back to its sender: as Python prints it, because that is what messages of this API have
//! always looked like, and never at length.

use serde_json::Value;

/// How much of a value is shown, in characters.
const SHOWN_MAX: usize = 200;

/// A value as Python would print it, which is how the validator's messages show values.
#[must_use]
pub fn repr(value: &Value) -> String {
    cut(&match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!(
            "'{}'",
            text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n")
        ),
        Value::Array(items) => format!("[{}]", items.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| format!("{}: {}", repr(&Value::String(key.clone())), repr(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    })
}

/// At most [`SHOWN_MAX`] characters: an answer never echoes a whole body.
#[must_use]
pub fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
