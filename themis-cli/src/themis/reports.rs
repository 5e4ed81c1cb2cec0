//! `themis host reports`: what monitors and people reported about a host, also what was refused.

use serde_json::Value;

use super::api::{Api, Report};
use super::failure::Failure;
use super::names;
use crate::output::{Answer, Cell, columns};

/// Last said first.
///
/// # Errors
/// No such host, or no usable answer.
pub async fn list(api: &Api, name: &str) -> Result<Answer, Failure> {
    let host = names::host(api, name).await?;
    let rows = api.reports(&host.uuid).await?.into_iter().map(row).collect();
    Ok(Answer::List {
        columns: columns(&[
            "last_at",
            "type",
            "payload",
            "reported_by",
            "address",
            "answer",
            "reports",
            "first_at",
            "+generated_time",
            "+user_id",
            "+notification_uuid",
        ]),
        rows,
    })
}

fn row(report: Report) -> Vec<Cell> {
    let said = said(&report.payload);
    vec![
        Cell::time(Some(&report.last_at)),
        report.kind.as_str().into(),
        Cell::new(report.payload, said),
        report.user_name.as_str().into(),
        report.address.as_str().into(),
        report.answer.as_str().into(),
        report.reports.into(),
        Cell::time(Some(&report.first_at)),
        Cell::time(Some(&report.generated_time)),
        report.user_id.as_str().into(),
        report.notification_uuid.into(),
    ]
}

/// The payload in one line.
fn said(payload: &Value) -> String {
    let Value::Object(fields) = payload else {
        return payload.to_string();
    };
    let words = fields.iter().map(|(key, value)| match value {
        Value::String(text) => format!("{key}={text}"),
        other => format!("{key}={other}"),
    });
    words.collect::<Vec<_>>().join(" ")
}
