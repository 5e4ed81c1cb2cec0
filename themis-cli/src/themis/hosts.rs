//! `themis host`.

use std::io::{BufRead, IsTerminal, Write};

use serde_json::{Value, json};
use themis_core::Reason;

use super::api::{Api, Host};
use super::failure::Failure;
use super::{names, requests};
use crate::output::{Answer, Cell, columns};

/// `host list`: name, state and protected first.
///
/// # Errors
/// No usable answer.
pub async fn list(api: &Api) -> Result<Answer, Failure> {
    let rows = api.hosts().await?.iter().map(row).collect();
    Ok(Answer::List {
        columns: columns(&[
            "name",
            "state",
            "protected",
            "since",
            "remark",
            "+reason",
            "+hold",
            "+protected_reasons",
            "+networks",
            "+segment_uuid",
            "+incident_uuid",
            "+uuid",
        ]),
        rows,
    })
}

fn row(host: &Host) -> Vec<Cell> {
    vec![
        host.name.as_str().into(),
        host.state.as_str().into(),
        Cell::yes_no(host.protected),
        Cell::time(host.since.as_deref()),
        remark(host).into(),
        reason(host.reason.as_ref()),
        reason(host.hold.as_ref()),
        reasons(&host.protected_reasons),
        networks(host),
        host.segment_uuid.as_str().into(),
        host.incident_uuid.clone().into(),
        host.uuid.as_str().into(),
    ]
}

/// What matters most: what holds it; in peace why it is not protected; else why it stands where it stands.
fn remark(host: &Host) -> String {
    let peace = matches!(host.state.as_str(), "active" | "initializing" | "disabled");
    let why: Vec<&str> = host
        .protected_reasons
        .iter()
        .map(|reason| reason.text.as_str())
        .collect();
    match (&host.hold, &host.reason) {
        (Some(hold), _) => format!("held: {}", hold.text),
        (None, _) if peace && !host.protected && !why.is_empty() => why.join("; "),
        (None, reason) => reason.as_ref().map(|reason| reason.text.clone()).unwrap_or_default(),
    }
}

/// `host show`.
///
/// # Errors
/// No such host, or no usable answer.
pub async fn show(api: &Api, name: &str) -> Result<Answer, Failure> {
    let host = names::host(api, name).await?;
    Ok(Answer::One(vec![
        ("name", host.name.as_str().into()),
        ("state", host.state.as_str().into()),
        ("protected", Cell::yes_no(host.protected)),
        ("since", Cell::time(host.since.as_deref())),
        ("reason", reason(host.reason.as_ref())),
        ("hold", reason(host.hold.as_ref())),
        ("protected_reasons", reasons(&host.protected_reasons)),
        ("networks", networks(&host)),
        ("power", power(&host.power)),
        ("segment_uuid", host.segment_uuid.as_str().into()),
        ("incident_uuid", host.incident_uuid.clone().into()),
        ("uuid", host.uuid.as_str().into()),
    ]))
}

/// `host enable`, `disable`, `retry`: what the engine said.
///
/// # Errors
/// No such host, refused, or not settled in time.
pub async fn ask(api: &Api, name: &str, action: &str, why: &str) -> Result<String, Failure> {
    let host = names::host(api, name).await?;
    let said = requests::settled(api, api.host_ask(&host.uuid, action, why).await?).await?;
    Ok(format!("{}: {}\n", host.name, or(&said, "done")))
}

/// `host confirm-dead`. Asks for the host's name to be typed: a wrong word here may start instances twice.
///
/// # Errors
/// As [`ask`]; [`Failure::NotConfirmed`].
pub async fn confirm_dead(api: &Api, name: &str, why: &str, yes: bool) -> Result<String, Failure> {
    if why.trim().is_empty() {
        return Err(Failure::Usage(
            "--reason must say how you know that the host is dead; it is recorded".to_owned(),
        ));
    }
    let host = names::host(api, name).await?;
    if !yes {
        confirm(&host)?;
    }
    ask(api, &host.uuid, "confirm-dead", why).await
}

fn confirm(host: &Host) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let text = "confirm-dead asks at a terminal; without one say --yes".to_owned();
        return Err(Failure::Usage(text));
    }
    let io = |source| Failure::Io {
        what: "cannot ask".to_owned(),
        source,
    };
    let mut terminal = std::io::stderr();
    let question = format!(
        "Host {} is {}. If it still runs, its instances will run twice and destroy their disks.\n\
         Look at the machine itself, not at a monitor. To vouch that it is off, type its name: ",
        host.name, host.state
    );
    terminal
        .write_all(question.as_bytes())
        .and_then(|()| terminal.flush())
        .map_err(io)?;
    let mut typed = String::new();
    std::io::stdin().lock().read_line(&mut typed).map_err(io)?;
    if typed.trim() == host.name {
        Ok(())
    } else {
        Err(Failure::NotConfirmed)
    }
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

fn reason(reason: Option<&Reason>) -> Cell {
    match reason {
        Some(reason) => Cell::new(json!(reason), reason.text.clone()),
        None => Value::Null.into(),
    }
}

fn reasons(reasons: &[Reason]) -> Cell {
    let texts: Vec<&str> = reasons.iter().map(|reason| reason.text.as_str()).collect();
    Cell::new(json!(reasons), texts.join("\n"))
}

fn networks(host: &Host) -> Cell {
    let lines: Vec<String> = host
        .networks
        .iter()
        .map(|(name, network)| match &network.reason {
            Some(reason) if network.verdict != "good" => format!("{name}: {}, {}", network.verdict, reason.text),
            _ => format!("{name}: {}", network.verdict),
        })
        .collect();
    let whole: serde_json::Map<String, Value> = host
        .networks
        .iter()
        .map(|(name, network)| {
            (
                name.clone(),
                json!({"verdict": network.verdict, "reason": network.reason}),
            )
        })
        .collect();
    Cell::new(Value::Object(whole), lines.join("\n"))
}

fn power(power: &Value) -> Cell {
    let word = |value: &Value| match value {
        Value::String(text) => text.clone(),
        // A binding that does not hold has its reason inside, a reading that failed its trouble.
        Value::Object(fields) => match fields.iter().next() {
            Some((kind, Value::String(word))) if kind == "Ok" => word.clone(),
            Some((kind, Value::String(trouble))) if kind == "Err" => format!("nothing ({trouble})"),
            Some((kind, detail)) => match detail.get("text").and_then(Value::as_str) {
                Some(text) => format!("{kind} ({text})"),
                None => kind.clone(),
            },
            None => "unknown".to_owned(),
        },
        _ => "unknown".to_owned(),
    };
    let devices = power
        .get("devices")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let lines: Vec<String> = devices
        .iter()
        .map(|device| {
            let address = device.get("address").map(&word).unwrap_or_default();
            format!(
                "{address}: reads {}, binding {}",
                word(&device["reads"]),
                word(&device["binding"])
            )
        })
        .collect();
    Cell::new(
        power.clone(),
        if lines.is_empty() {
            "no device".to_owned()
        } else {
            lines.join("\n")
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(body: Value) -> Host {
        let mut whole = json!({"uuid": "u", "name": "compute-1", "segment_uuid": "s", "state": "active", "since": null,
            "reason": {"code": "seen_good", "text": "seen good"}, "protected": true, "hold": null, "incident_uuid": null});
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn the_remark_is_what_an_operator_must_know_first() {
        assert_eq!(remark(&host(json!({}))), "seen good");
        let why = json!([{"code": "no_power_device", "text": "it has no power device"}]);
        let unprotected = json!({"protected": false, "protected_reasons": why});
        assert_eq!(remark(&host(unprotected)), "it has no power device");
        let evacuating = json!({"state": "evacuating", "protected": false, "protected_reasons": why});
        assert_eq!(remark(&host(evacuating)), "seen good");
        let held = json!({"protected": false, "hold": {"code": "x", "text": "too few observers"}});
        assert_eq!(remark(&host(held)), "held: too few observers");
    }

    #[test]
    fn power_is_told_in_words() {
        assert_eq!(power(&json!({})).text, "no device");
        let unbound = json!({"unbound": {"code": "x", "text": "another machine"}});
        let devices = json!({"devices": [
            {"address": "ipmi://a:623", "binding": "identity", "reads": {"Ok": "on"}},
            {"address": "ipmi://b:623", "binding": unbound, "reads": null},
            {"address": "ipmi://c:623", "binding": "accepted", "reads": {"Err": "unreachable"}},
        ]});
        let lines: Vec<String> = power(&devices).text.lines().map(str::to_owned).collect();
        assert_eq!(lines[0], "ipmi://a:623: reads on, binding identity");
        assert_eq!(
            lines[1],
            "ipmi://b:623: reads unknown, binding unbound (another machine)"
        );
        assert_eq!(lines[2], "ipmi://c:623: reads nothing (unreachable), binding accepted");
    }
}
