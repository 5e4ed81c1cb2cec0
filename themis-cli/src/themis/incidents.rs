//! `themis incident`.

use serde_json::{Value, json};

use super::api::{Api, EVENTS_MAX, Event, Incident};
use super::failure::Failure;
use super::names;
use crate::output::{Answer, Cell, columns};

/// `incident list`.
///
/// # Errors
/// No such host, or no usable answer.
pub async fn list(api: &Api, host: Option<&str>, open: bool) -> Result<Answer, Failure> {
    let incidents = api.incidents(host, open).await?;
    if let (Some(name), true) = (host, incidents.is_empty()) {
        // Nothing happened to it, or there is no such host: an operator must be told which.
        names::host(api, name).await?;
    }
    let rows = incidents
        .iter()
        .map(|incident| properties(incident).into_iter().map(|(_, cell)| cell).collect());
    Ok(Answer::List {
        columns: columns(&[
            "uuid",
            "host_name",
            "status",
            "outcome",
            "opened_at",
            "closed_at",
            "summary",
            "+host_uuid",
            "+segment_uuid",
            "+notification_uuid",
        ]),
        rows: rows.collect(),
    })
}

fn properties(incident: &Incident) -> Vec<(&'static str, Cell)> {
    let summary = match &incident.summary {
        Some(reason) => Cell::new(json!(reason), reason.text.clone()),
        None => Value::Null.into(),
    };
    vec![
        ("uuid", incident.uuid.as_str().into()),
        ("host_name", incident.host_name.as_str().into()),
        ("status", incident.status.as_str().into()),
        ("outcome", incident.outcome.clone().into()),
        ("opened_at", Cell::time(Some(&incident.opened_at))),
        ("closed_at", Cell::time(incident.closed_at.as_deref())),
        ("summary", summary),
        ("host_uuid", incident.host_uuid.as_str().into()),
        ("segment_uuid", incident.segment_uuid.as_str().into()),
        ("notification_uuid", incident.notification_uuid.clone().into()),
    ]
}

/// `incident show`: with the workflow log.
///
/// # Errors
/// No such incident.
pub async fn show(api: &Api, name: &str) -> Result<Answer, Failure> {
    let incident = names::incident(api, name).await?;
    let mut all = properties(&incident);
    let reporters: Vec<String> = incident.corroborations.iter().map(reporter).collect();
    all.push((
        "reported_by",
        Cell::new(incident.corroborations.clone(), reporters.join("\n")),
    ));
    let lines: Vec<String> = incident
        .steps
        .iter()
        .map(|step| {
            let at = Cell::time(step["at"].as_str()).text;
            let what = [word(step, "step"), word(step, "subject")].join(" ");
            format!(
                "{at} {} #{}: {}",
                what.trim_end(),
                word(step, "attempt"),
                word(step, "event")
            )
        })
        .collect();
    all.push(("steps", Cell::new(incident.steps.clone(), lines.join("\n"))));
    Ok(Answer::One(all))
}

/// Who reported the host: a Masakari monitor's user and address, how often, and what it was answered.
fn reporter(report: &Value) -> String {
    let times = report["reports"].as_i64().unwrap_or(1);
    format!(
        "{} {} at {}: {} time{}, answered {}",
        Cell::time(report["first_at"].as_str()).text,
        word(report, "user_name"),
        word(report, "address"),
        times,
        if times == 1 { "" } else { "s" },
        word(report, "answer"),
    )
}

fn word(object: &Value, key: &str) -> String {
    match &object[key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The incident that is meant: the one named, or the newest; `None` when nothing ever happened.
///
/// # Errors
/// No such incident.
pub async fn meant(api: &Api, name: Option<&str>) -> Result<Option<Incident>, Failure> {
    match name {
        Some(name) => names::incident(api, name).await.map(Some),
        None => Ok(api.incidents(None, false).await?.into_iter().next()),
    }
}

/// All events after `after`, whatever the size of one answer.
///
/// # Errors
/// No usable answer.
pub async fn events_after(api: &Api, incident: &str, after: i64) -> Result<Vec<Event>, Failure> {
    let mut all = Vec::new();
    let mut last = after;
    loop {
        let some = api.events(incident, last).await?;
        let more = some.len() >= EVENTS_MAX;
        last = some.last().map_or(last, |event| event.id);
        all.extend(some);
        if !more {
            return Ok(all);
        }
    }
}

/// `incident events` for programs.
#[must_use]
pub fn events(events: &[Event]) -> Answer {
    let row = |event: &Event| {
        vec![
            event.id.into(),
            Cell::new(event.at.as_str(), event.at.as_str()),
            event.kind.as_str().into(),
            Cell::new(json!(event.reason), event.reason.text.clone()),
            event.engine.as_str().into(),
            event.epoch.into(),
        ]
    };
    Answer::List {
        columns: columns(&["id", "at", "kind", "reason", "engine", "epoch"]),
        rows: events.iter().map(row).collect(),
    }
}
