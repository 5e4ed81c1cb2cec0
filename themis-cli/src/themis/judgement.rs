//! `themis observer`, `themis brake` and `themis matrix`: what the leading engine judges by, what would hold it back, what it
//! makes of bad networks.

use serde_json::json;
use themis_core::leader::{Brake, MatrixRow, Observer};

use super::api::Api;
use super::failure::Failure;
use super::names;
use crate::output::{Answer, Cell, columns};

/// `observer list`.
///
/// # Errors
/// No engine leads, or no usable answer.
pub async fn observers(api: &Api) -> Result<Answer, Failure> {
    Ok(Answer::List {
        columns: columns(&[
            "name",
            "witness",
            "age_s",
            "eligible_on",
            "health",
            "why_not",
            "+networks",
        ]),
        rows: api.observers().await?.iter().map(observer).collect(),
    })
}

fn observer(observer: &Observer) -> Vec<Cell> {
    let places = || observer.networks.iter();
    let eligible: Vec<String> = places()
        .filter(|(_, place)| place.eligible)
        .map(|(network, _)| network.to_string())
        .collect();
    let health: Vec<String> = places()
        .filter_map(|(network, place)| place.health_score.map(|score| format!("{network}={score}")))
        .collect();
    // What holds for the whole monitor is the same text on every network: once is enough.
    let mut why: Vec<&str> = places()
        .filter_map(|(_, place)| place.reason.as_ref().map(|reason| reason.text.as_str()))
        .collect();
    why.dedup();
    #[allow(clippy::cast_precision_loss, reason = "an age in milliseconds is far below 2^52")]
    let age_s = observer.age_ms as f64 / 1000.0;
    vec![
        observer.name.as_str().into(),
        Cell::yes_no(observer.witness),
        Cell::new(age_s, format!("{age_s:.1}")),
        Cell::new(eligible.clone(), eligible.join(" ")),
        health.join(" ").into(),
        why.join("\n").into(),
        json!(observer.networks).into(),
    ]
}

/// `brake list`.
///
/// # Errors
/// No engine leads, or no usable answer.
pub async fn brakes(api: &Api) -> Result<Answer, Failure> {
    Ok(Answer::List {
        columns: columns(&["code", "holds", "why", "released_by", "+hosts"]),
        rows: api.brakes().await?.iter().map(brake).collect(),
    })
}

fn brake(brake: &Brake) -> Vec<Cell> {
    let names: Vec<&str> = brake.hosts.iter().map(|host| host.name.as_str()).collect();
    let holds = match (&brake.reason, names.as_slice()) {
        (Some(_), _) => "all".to_owned(),
        (None, []) => "no".to_owned(),
        (None, names) => names.join(" "),
    };
    let mut why: Vec<&str> = brake
        .reason
        .iter()
        .chain(brake.hosts.iter().map(|host| &host.reason))
        .map(|reason| reason.text.as_str())
        .collect();
    why.dedup();
    vec![
        brake.code.as_str().into(),
        Cell::new(brake.holds, holds),
        why.join("\n").into(),
        brake.release.as_str().into(),
        json!(brake.hosts).into(),
    ]
}

/// `matrix show`.
///
/// # Errors
/// No such segment, no engine leads, or no usable answer.
pub async fn matrix(api: &Api, segment: &str) -> Result<Answer, Failure> {
    let segment = names::segment(api, segment).await?;
    let matrix = api.decision_matrix(&segment.uuid).await?;
    Ok(Answer::List {
        columns: columns(&["bad", "demand", "row", "confirm_period_s", "why"]),
        rows: matrix.rows.iter().map(matrix_row).collect(),
    })
}

fn matrix_row(row: &MatrixRow) -> Vec<Cell> {
    let bad: Vec<String> = row.bad.iter().map(ToString::to_string).collect();
    vec![
        Cell::new(bad.clone(), bad.join(" ")),
        row.demand.name().into(),
        row.row.clone().into(),
        json!(row.confirm_period_s).into(),
        row.reason.as_ref().map(|reason| reason.text.clone()).into(),
    ]
}
