//! How answers are shown: a table for people, `json`, `yaml`, `csv` and `value` for programs, as the OpenStack client
//! does it. A program gets the whole value; a table gets a short text.

mod paint;
mod render;

pub use paint::{Colour, Paint};
pub use render::{ColumnUnknown, render};

use serde_json::Value;

/// `-f`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// A list of objects, or one object.
    Json,
    /// The same as YAML.
    Yaml,
    /// Values only, separated by spaces, one line per row.
    Value,
    /// With a header line.
    Csv,
}

/// `-f` and `-c`, of every command that shows something.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Shape {
    /// How to show the answer
    #[arg(short = 'f', long = "format", value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Show this column only; may be given several times
    #[arg(short = 'c', long = "column", value_name = "COLUMN")]
    pub columns: Vec<String>,
}

/// One value: whole for programs, short for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// What it is.
    pub value: Value,
    /// How a table shows it.
    pub text: String,
}

impl Cell {
    /// A cell whose text differs from its value.
    #[must_use]
    pub fn new(value: impl Into<Value>, text: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            text: text.into(),
        }
    }

    /// A truth, shown as yes or no.
    #[must_use]
    pub fn yes_no(truth: bool) -> Self {
        Self::new(truth, if truth { "yes" } else { "no" })
    }

    /// A time as the API writes it; a table shows it without its fraction.
    #[must_use]
    pub fn time(text: Option<&str>) -> Self {
        let short = text
            .map(|text| text.get(..19).unwrap_or(text).replace('T', " "))
            .unwrap_or_default();
        Self::new(text.map(str::to_owned), short)
    }
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        let text = match &value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Self { value, text }
    }
}

macro_rules! cells {
    ($($kind:ty),+) => {$(
        impl From<$kind> for Cell {
            fn from(value: $kind) -> Self {
                Self::from(Value::from(value))
            }
        }
    )+};
}
cells!(&str, String, i64, u64, bool, Option<String>);

/// A column of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// As chosen with `-c`, and as the key in JSON.
    pub name: &'static str,
    /// Whether a table shows it without being asked.
    pub in_table: bool,
}

/// What a command shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A list.
    List {
        /// Its columns.
        columns: Vec<Column>,
        /// Its rows, as many cells each as there are columns.
        rows: Vec<Vec<Cell>>,
    },
    /// One thing with its properties.
    One(Vec<(&'static str, Cell)>),
}

/// Columns from their names; those with a leading `+` appear in a table only when chosen.
#[must_use]
pub fn columns(names: &[&'static str]) -> Vec<Column> {
    names
        .iter()
        .map(|name| match name.strip_prefix('+') {
            Some(name) => Column { name, in_table: false },
            None => Column { name, in_table: true },
        })
        .collect()
}
