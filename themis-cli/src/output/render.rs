//! From an answer and a shape to text.

use std::fmt::Write;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Map, Value};
use themis_config::nearest;

use super::{Answer, Cell, Column, Format, Shape};

/// A column was chosen that the answer does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no column '{column}'{hint}; the columns are: {known}")]
pub struct ColumnUnknown {
    column: String,
    hint: String,
    known: String,
}

/// The text of an answer, with a line end.
///
/// # Errors
/// A chosen column that does not exist.
pub fn render(answer: &Answer, shape: &Shape) -> Result<String, ColumnUnknown> {
    match answer {
        Answer::List { columns, rows } => list(columns, rows, shape),
        Answer::One(properties) => one(properties, shape),
    }
}

fn list(columns: &[Column], rows: &[Vec<Cell>], shape: &Shape) -> Result<String, ColumnUnknown> {
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let everything = shape.format != Format::Table;
    let chosen = match choose(&names, &shape.columns)? {
        Some(chosen) => chosen,
        None => (0..columns.len())
            .filter(|&index| everything || columns[index].in_table)
            .collect(),
    };
    let cells = |row: &[Cell]| -> Vec<Cell> { chosen.iter().filter_map(|&index| row.get(index).cloned()).collect() };
    let header: Vec<&str> = chosen.iter().map(|&index| names[index]).collect();
    Ok(match shape.format {
        Format::Table => table(
            &header,
            rows.iter()
                .map(|row| cells(row).into_iter().map(|cell| cell.text).collect()),
        ),
        Format::Json | Format::Yaml => {
            let objects = rows.iter().map(|row| object(header.iter().copied().zip(cells(row))));
            document(&Value::Array(objects.collect()), shape.format)
        }
        Format::Value => lines(
            rows.iter()
                .map(|row| cells(row).iter().map(plain).collect::<Vec<_>>().join(" ")),
        ),
        Format::Csv => {
            let head = header.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(",");
            let body = rows
                .iter()
                .map(|row| cells(row).iter().map(csv).collect::<Vec<_>>().join(","));
            lines(std::iter::once(head).chain(body))
        }
    })
}

fn one(properties: &[(&'static str, Cell)], shape: &Shape) -> Result<String, ColumnUnknown> {
    let names: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let chosen = choose(&names, &shape.columns)?.unwrap_or_else(|| (0..names.len()).collect());
    let chosen: Vec<&(&str, Cell)> = chosen.iter().map(|&index| &properties[index]).collect();
    Ok(match shape.format {
        Format::Table => {
            let rows = chosen
                .iter()
                .map(|(name, cell)| vec![(*name).to_owned(), cell.text.clone()]);
            table(&["field", "value"], rows)
        }
        Format::Json | Format::Yaml => document(
            &object(chosen.iter().map(|(name, cell)| (*name, cell.clone()))),
            shape.format,
        ),
        Format::Value => lines(chosen.iter().map(|(_, cell)| plain(cell))),
        Format::Csv => {
            let head = chosen
                .iter()
                .map(|(name, _)| quoted(name))
                .collect::<Vec<_>>()
                .join(",");
            lines([
                head,
                chosen.iter().map(|(_, cell)| csv(cell)).collect::<Vec<_>>().join(","),
            ])
        }
    })
}

/// Where the chosen columns stand, in the order in which they were chosen; `None` when none was.
fn choose(names: &[&str], wanted: &[String]) -> Result<Option<Vec<usize>>, ColumnUnknown> {
    if wanted.is_empty() {
        return Ok(None);
    }
    let find = |column: &String| {
        names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(column))
            .ok_or_else(|| ColumnUnknown {
                column: column.clone(),
                hint: nearest::hint(column, names.iter().copied(), |name| format!("'{name}'")),
                known: names.join(", "),
            })
    };
    wanted.iter().map(find).collect::<Result<_, _>>().map(Some)
}

fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header.to_vec());
    for row in rows {
        table.add_row(row);
    }
    format!("{}\n", table.trim_fmt())
}

fn object<'a>(properties: impl Iterator<Item = (&'a str, Cell)>) -> Value {
    Value::Object(
        properties
            .map(|(name, cell)| (name.to_owned(), cell.value))
            .collect::<Map<_, _>>(),
    )
}

fn document(value: &Value, format: Format) -> String {
    // Neither can fail on a JSON value; an empty answer would be seen at once.
    let text = match format {
        Format::Yaml => serde_saphyr::to_string(value).unwrap_or_default(),
        _ => serde_json::to_string_pretty(value).unwrap_or_default(),
    };
    format!("{}\n", text.trim_end())
}

fn lines(rows: impl IntoIterator<Item = String>) -> String {
    rows.into_iter().fold(String::new(), |mut text, row| {
        let _ = writeln!(text, "{row}");
        text
    })
}

fn plain(cell: &Cell) -> String {
    match &cell.value {
        Value::Null => String::new(),
        Value::String(text) => text.replace('\n', " "),
        other => other.to_string(),
    }
}

/// Texts are quoted, everything else is not, as the OpenStack client's csv does it.
fn csv(cell: &Cell) -> String {
    match &cell.value {
        Value::Null => String::new(),
        Value::String(text) => quoted(text),
        Value::Bool(_) | Value::Number(_) => cell.value.to_string(),
        other => quoted(&other.to_string()),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::super::columns;
    use super::*;

    fn hosts() -> Answer {
        Answer::List {
            columns: columns(&["name", "protected", "+uuid"]),
            rows: vec![
                vec!["compute-1".into(), Cell::yes_no(true), "u1".into()],
                vec!["say \"hi\"".into(), Cell::yes_no(false), Option::<String>::None.into()],
            ],
        }
    }

    fn shown(answer: &Answer, format: Format, columns: &[&str]) -> String {
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        render(answer, &Shape { format, columns }).unwrap()
    }

    #[test]
    fn a_table_is_short_and_every_other_format_is_whole() {
        let table = shown(&hosts(), Format::Table, &[]);
        assert!(
            table.contains("| compute-1 | yes") && !table.contains("uuid"),
            "{table}"
        );
        assert_eq!(
            serde_json::from_str::<Value>(&shown(&hosts(), Format::Json, &[])).unwrap(),
            serde_json::json!([
                {"name": "compute-1", "protected": true, "uuid": "u1"},
                {"name": "say \"hi\"", "protected": false, "uuid": null},
            ])
        );
        assert_eq!(
            shown(&hosts(), Format::Csv, &[]),
            "\"name\",\"protected\",\"uuid\"\n\"compute-1\",true,\"u1\"\n\"say \"\"hi\"\"\",false,\n"
        );
        let yaml = shown(&hosts(), Format::Yaml, &[]);
        assert!(
            yaml.contains("name: compute-1") && yaml.contains("protected: true"),
            "{yaml}"
        );
    }

    #[test]
    fn chosen_columns_come_in_the_order_of_choice() {
        assert_eq!(
            shown(&hosts(), Format::Value, &["UUID", "name"]),
            "u1 compute-1\n say \"hi\"\n"
        );
        assert!(shown(&hosts(), Format::Table, &["uuid"]).contains("u1"));
        let one = Answer::One(vec![("state", "active".into()), ("hold", Value::Null.into())]);
        assert_eq!(shown(&one, Format::Value, &["state"]), "active\n");
        assert_eq!(shown(&one, Format::Json, &["hold"]), "{\n  \"hold\": null\n}\n");
    }

    #[test]
    fn an_unknown_column_names_the_nearest() {
        let shape = Shape {
            format: Format::Json,
            columns: vec!["protectd".to_owned()],
        };
        let error = render(&hosts(), &shape).unwrap_err().to_string();
        assert!(
            error.contains("did you mean 'protected'?") && error.contains("name, protected, uuid"),
            "{error}"
        );
    }
}
