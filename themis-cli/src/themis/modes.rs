//! `themis mode`, `arm` and `observe`.

use serde_json::json;

use super::api::{Api, Host};
use super::command::{Arm, Observe};
use super::failure::Failure;
use super::{names, requests};
use crate::output::{Answer, Cell, Shape, columns, render};

/// `mode show`: the global mode, then segments that differ or say so.
///
/// # Errors
/// No usable answer.
pub async fn show(api: &Api) -> Result<Answer, Failure> {
    let modes = api.modes().await?;
    let segments = if modes.segments.is_empty() {
        vec![]
    } else {
        api.segments().await?
    };
    let mut rows = vec![vec![
        "global".into(),
        modes.global.as_str().into(),
        Option::<String>::None.into(),
    ]];
    for (uuid, mode) in &modes.segments {
        let name = segments
            .iter()
            .find(|segment| segment.uuid == *uuid)
            .map_or("(deleted)", |s| s.name.as_str());
        rows.push(vec![name.into(), mode.as_str().into(), uuid.as_str().into()]);
    }
    Ok(Answer::List {
        columns: columns(&["scope", "mode", "segment_uuid"]),
        rows,
    })
}

/// The hosts that arming is about, and whether each would be saved. A table: it is for the person who decides.
fn preflight(hosts: &[&Host]) -> Result<String, Failure> {
    let rows = hosts.iter().map(|host| {
        let why: Vec<&str> = host
            .protected_reasons
            .iter()
            .map(|reason| reason.text.as_str())
            .collect();
        vec![
            host.name.as_str().into(),
            host.state.as_str().into(),
            Cell::yes_no(host.protected),
            why.join("\n").into(),
        ]
    });
    let answer = Answer::List {
        columns: columns(&["name", "state", "protected", "why_not"]),
        rows: rows.collect(),
    };
    let protected = hosts.iter().filter(|host| host.protected).count();
    let table = render(&answer, &Shape::default())?;
    Ok(format!("{table}{protected} of {} hosts protected\n", hosts.len()))
}

/// `arm`: prints the preflight through `show`, then asks and waits.
///
/// # Errors
/// No such segment or host; [`Failure::Refused`] with the engine's words.
pub async fn arm(api: &Api, asked: &Arm, show: impl Fn(&str)) -> Result<String, Failure> {
    let segment = match &asked.segment {
        Some(name) => Some(names::segment(api, name).await?),
        None => None,
    };
    let hosts = api.hosts().await?;
    let mut accepted = Vec::new();
    for name in &asked.accept_unbound {
        let host = names::find(&hosts, name).ok_or_else(|| names::unknown(&hosts, name))?;
        accepted.push(host.name.clone());
    }
    let concerned = hosts
        .iter()
        .filter(|host| segment.as_ref().is_none_or(|s| s.uuid == host.segment_uuid));
    show(&preflight(&concerned.collect::<Vec<_>>())?);
    let uuid = segment.as_ref().map(|segment| segment.uuid.as_str());
    let body = json!({"value": "armed", "segment_uuid": uuid, "accept_unbound": accepted, "reason": asked.reason});
    let said = requests::settled(api, api.mode_ask(body).await?).await?;
    Ok(format!("{}\n", outcome("armed", &said)))
}

/// `observe`.
///
/// # Errors
/// No such segment, or not settled in time.
pub async fn observe(api: &Api, asked: &Observe) -> Result<String, Failure> {
    let segment = match &asked.segment {
        Some(name) => Some(names::segment(api, name).await?.uuid),
        None => None,
    };
    let body = json!({"value": "observe", "segment_uuid": segment, "accept_unbound": [], "reason": asked.reason});
    let said = requests::settled(api, api.mode_ask(body).await?).await?;
    Ok(format!("{}\n", outcome("observing", &said)))
}

fn outcome(word: &str, said: &str) -> String {
    if said.is_empty() {
        word.to_owned()
    } else {
        format!("{word}: {said}")
    }
}
