//! `themis mode`, `arm` and `observe`.

use serde_json::json;

use super::api::Api;
use super::command::{Arm, Observe};
use super::failure::Failure;
use super::{engine, names, requests};
use crate::output::{Answer, columns};

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
    let uuid = segment.as_ref().map(|segment| segment.uuid.as_str());
    show(&engine::for_people(&api.preflight().await?.of(uuid))?);
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
