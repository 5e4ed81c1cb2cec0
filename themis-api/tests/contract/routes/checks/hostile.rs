//! Values that somebody sends who looks for a hole: whatever the answer, it is no 5xx.

use serde_json::{Value, json};

use super::{Asking, of_every_case, path};
use crate::routes::case::Case;

#[tokio::test]
async fn no_value_in_a_query_is_trouble_of_ours() {
    of_every_case(async |api, case, world, faults| {
        let known = path(case, world, &[]);
        for query in hostile_queries(case) {
            let path = format!("{known}?{query}");
            let answer = Asking {
                path,
                ..Asking::good(api, case, world)
            }
            .answer()
            .await;
            if answer.status >= 500 {
                faults.push(format!("{query} is {} {}", answer.status, answer.text));
            }
        }
    })
    .await;
}

/// Values that no filter finds anything by, and that must be no trouble of ours.
fn hostile_queries(case: &Case) -> Vec<String> {
    let long = "x".repeat(4000);
    let values = [
        "%F0%9F%98%80",
        "%00",
        "%FF%FE",
        "%27%22%5C",
        "%25s%3B--",
        "-1",
        "0001-01-01",
        "1e400",
        "",
        long.as_str(),
    ];
    let pairs = case
        .route
        .parameters
        .iter()
        .flat_map(|name| values.map(|value| format!("{name}={value}")));
    pairs
        .chain(["&&=&%", "=", "a=b=c;d", "%%%"].map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn no_value_in_a_body_is_trouble_of_ours() {
    of_every_case(async |api, case, world, faults| {
        let Some(good) = case.body else { return };
        let leaves = leaves(&good(world), "");
        for leaf in leaves {
            for value in hostile_values() {
                let mut body = good(world);
                *body.pointer_mut(&leaf).unwrap() = value;
                let text = body.to_string();
                let answer = Asking {
                    body: Some(text.clone()),
                    ..Asking::good(api, case, world)
                }
                .answer()
                .await;
                if answer.status >= 500 {
                    faults.push(format!("{text:.200} is {} {}", answer.status, answer.text));
                }
            }
        }
    })
    .await;
}

/// Where a body has values, as JSON pointers.
fn leaves(value: &Value, at: &str) -> Vec<String> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, value)| (index.to_string(), value))
            .collect(),
        _ => return vec![at.to_owned()],
    };
    inner
        .into_iter()
        .flat_map(|(key, value)| leaves(value, &format!("{at}/{key}")))
        .collect()
}

fn hostile_values() -> Vec<Value> {
    let texts = [
        "\u{1f600}",
        "a\u{0}b",
        "\u{fffd}",
        "\u{202e}x",
        "'; DROP TABLE hosts; --",
        "\\",
        "%s{0}",
        " ",
        "-1",
        "0001-01-01",
        "0001-01-01T00:00:00+00:01",
    ];
    let long = [
        "\u{df}".repeat(255),
        "x".repeat(256),
        "\u{20ac}".repeat(3000),
        "9999-12-31T23:59:59-23:59".to_owned(),
    ];
    let numbers = [json!(-1), json!(u64::MAX), json!(1e300), json!(0.5)];
    let others = [
        json!(null),
        json!(true),
        json!([]),
        json!([[]]),
        json!({"a": {"b": "c"}}),
    ];
    let mut values: Vec<Value> = texts.into_iter().map(Value::from).collect();
    values.extend(long.into_iter().map(Value::from));
    values.into_iter().chain(numbers).chain(others).collect()
}
