//! `themis incident events` for people: when, since the first event, what and why; and with `--follow` as it happens.

use std::collections::BTreeMap;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::sleep;

use super::api::{Api, Event, Incident};
use super::failure::Failure;
use super::incidents::{events_after, meant};
use crate::output::{Colour, Paint};

/// How often is looked.
const INTERVAL: Duration = Duration::from_millis(500);
/// Looks in a row that may fail before the command gives up: a restart of the API is shorter.
const FAILURES_MAX: u32 = 60;
/// Incidents that are followed at once, newest first.
const FOLLOWED_MAX: usize = 50;

/// Prints one incident's events.
pub struct Timeline {
    paint: Paint,
    first: Option<OffsetDateTime>,
    /// Printed before each line when several hosts are followed.
    host: Option<String>,
}

impl Timeline {
    /// A timeline that begins with its first event.
    #[must_use]
    pub const fn new(paint: Paint, host: Option<String>) -> Self {
        Self {
            paint,
            first: None,
            host,
        }
    }

    /// The line above the first event.
    #[must_use]
    pub fn head(&self, incident: &Incident) -> String {
        let opened = incident
            .opened_at
            .get(..19)
            .unwrap_or(&incident.opened_at)
            .replace('T', " ");
        let text = format!(
            "{}  incident {}  opened {opened} UTC",
            incident.host_name, incident.uuid
        );
        self.paint.text(Colour::Strong, &text)
    }

    /// One event as a line: `+  12.3s  checking -> failed   why`.
    pub fn line(&mut self, event: &Event) -> String {
        let at = OffsetDateTime::parse(&event.at, &Rfc3339).ok();
        self.first = self.first.or(at);
        let since = match (at, self.first) {
            (Some(at), Some(first)) => offset((at - first).as_seconds_f64()),
            _ => event.at.clone(),
        };
        let (word, colour) = what(event);
        let host = self
            .host
            .as_ref()
            .map(|host| format!("{host:<12} "))
            .unwrap_or_default();
        format!(
            "{} {host}{} {}",
            self.paint.text(Colour::Faint, &since),
            self.paint.text(colour, &format!("{word:<24}")),
            event.reason.text
        )
    }

    /// The line below the last event of an incident that is closed.
    #[must_use]
    pub fn foot(&self, incident: &Incident) -> String {
        let outcome = incident.outcome.as_deref().unwrap_or("closed");
        let colour = if outcome == "partly_evacuated" {
            Colour::Doubt
        } else {
            Colour::Good
        };
        let why = incident
            .summary
            .as_ref()
            .map(|reason| reason.text.as_str())
            .unwrap_or_default();
        format!("{} {}: {why}", incident.host_name, self.paint.text(colour, outcome))
    }
}

fn offset(seconds: f64) -> String {
    if seconds < 600.0 {
        format!("+{seconds:7.1}s")
    } else {
        format!("+{:5.0}m  ", seconds / 60.0)
    }
}

/// The word and its colour. A change of state shows both states.
fn what(event: &Event) -> (String, Colour) {
    let state = |key: &str| event.reason.data.get(key).and_then(serde_json::Value::as_str);
    if let ("state", Some(to)) = (event.kind.as_str(), state("to")) {
        let word = state("from").map_or_else(|| to.to_owned(), |from| format!("{from} -> {to}"));
        return (word, of_state(to));
    }
    let colour = match event.kind.as_str() {
        "hold" | "indeterminate" | "withdrawn" => Colour::Doubt,
        kind if kind.contains("fail") || kind.contains("refused") => Colour::Bad,
        kind if kind.contains("proven") || kind.contains("back") || kind.contains("released") => Colour::Good,
        _ => Colour::Busy,
    };
    (event.kind.replace('_', " "), colour)
}

fn of_state(state: &str) -> Colour {
    match state {
        "failed" | "fencing" => Colour::Bad,
        "checking" | "initializing" | "recovering" => Colour::Doubt,
        "active" | "evacuated" => Colour::Good,
        "disabled" => Colour::Faint,
        _ => Colour::Busy,
    }
}

/// `incident events` without `--follow`.
///
/// # Errors
/// No such incident, or no usable answer.
pub async fn print(api: &Api, name: Option<&str>, paint: Paint, show: impl Fn(&str)) -> Result<(), Failure> {
    let Some(incident) = meant(api, name).await? else {
        show("nothing has happened yet\n");
        return Ok(());
    };
    let mut timeline = Timeline::new(paint, None);
    show(&format!("{}\n", timeline.head(&incident)));
    for event in events_after(api, &incident.uuid, 0).await? {
        show(&format!("{}\n", timeline.line(&event)));
    }
    if incident.status == "closed" {
        show(&format!("{}\n", timeline.foot(&incident)));
    }
    Ok(())
}

/// `incident events --follow`: the named incident until it ends, or whatever goes on until the operator has enough.
///
/// # Errors
/// No such incident; no usable answer for long.
pub async fn follow(api: &Api, name: Option<&str>, paint: Paint, show: impl Fn(&str)) -> Result<(), Failure> {
    let named = match name {
        Some(name) => Some(
            meant(api, Some(name))
                .await?
                .map(|incident| incident.uuid)
                .unwrap_or_default(),
        ),
        None => None,
    };
    let mut followed: BTreeMap<String, Followed> = BTreeMap::new();
    if named.is_none() {
        // What ended before is history: it is not told, only its existence is known.
        for past in api
            .incidents(None, false)
            .await?
            .into_iter()
            .filter(|incident| incident.status == "closed")
        {
            followed.insert(past.uuid.clone(), Followed::ended(paint));
        }
        show(&format!(
            "{}\n",
            paint.text(Colour::Faint, "waiting for what happens; Ctrl-C ends")
        ));
    }
    let mut failures = 0;
    loop {
        match look(api, named.as_deref(), paint, &mut followed, &show).await {
            Ok(true) => return Ok(()),
            Ok(false) => failures = 0,
            Err(Failure::Service(error)) if error.status().is_none_or(|status| status >= 500) => {
                failures += 1;
                if failures > FAILURES_MAX {
                    return Err(Failure::Service(error));
                }
            }
            Err(other) => return Err(other),
        }
        sleep(INTERVAL).await;
    }
}

struct Followed {
    timeline: Timeline,
    last: i64,
    begun: bool,
    ended: bool,
}

impl Followed {
    fn new(paint: Paint, host: Option<String>) -> Self {
        Self {
            timeline: Timeline::new(paint, host),
            last: 0,
            begun: false,
            ended: false,
        }
    }

    fn ended(paint: Paint) -> Self {
        Self {
            ended: true,
            ..Self::new(paint, None)
        }
    }
}

/// One look. `true` when the named incident has ended and all of it was shown.
async fn look(
    api: &Api,
    named: Option<&str>,
    paint: Paint,
    followed: &mut BTreeMap<String, Followed>,
    show: &impl Fn(&str),
) -> Result<bool, Failure> {
    // Incidents before their events: one that is closed here has no event after those read next.
    let mut incidents = match named {
        Some(uuid) => vec![api.incident(uuid).await?],
        None => api.incidents(None, false).await?,
    };
    incidents.truncate(FOLLOWED_MAX);
    let listed: Vec<String> = incidents.iter().map(|incident| incident.uuid.clone()).collect();
    if named.is_none() {
        followed.retain(|uuid, _| listed.contains(uuid));
    }
    for incident in incidents.iter().rev() {
        let host = named.is_none().then(|| incident.host_name.clone());
        let entry = followed
            .entry(incident.uuid.clone())
            .or_insert_with(|| Followed::new(paint, host));
        if entry.ended {
            continue;
        }
        if !entry.begun {
            show(&format!("{}\n", entry.timeline.head(incident)));
            entry.begun = true;
        }
        for event in events_after(api, &incident.uuid, entry.last).await? {
            show(&format!("{}\n", entry.timeline.line(&event)));
            entry.last = event.id;
        }
        if incident.status == "closed" {
            show(&format!("{}\n", entry.timeline.foot(incident)));
            entry.ended = true;
        }
    }
    Ok(named.is_some_and(|uuid| followed.get(uuid).is_some_and(|entry| entry.ended)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(at: &str, kind: &str, data: serde_json::Value) -> Event {
        let whole = json!({"id": 1, "at": at, "kind": kind, "reason": {"code": "c", "text": "why", "data": data}});
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn a_line_tells_when_what_and_why() {
        let mut timeline = Timeline::new(Paint { on: false }, None);
        let first = event(
            "2026-11-20T12:00:00.000000Z",
            "state",
            json!({"from": "active", "to": "checking"}),
        );
        assert_eq!(timeline.line(&first), "+    0.0s active -> checking       why");
        let later = event("2026-11-20T12:00:12.340000Z", "instance_back", json!(null));
        assert_eq!(timeline.line(&later), "+   12.3s instance back            why");
        let much_later = event("2026-11-20T12:20:00.000000Z", "hold", json!(null));
        assert!(
            timeline.line(&much_later).starts_with("+   20m"),
            "{}",
            timeline.line(&much_later)
        );
    }

    #[test]
    fn colours_are_only_for_terminals() {
        let failed = event("2026-11-20T12:00:00Z", "state", json!({"to": "failed"}));
        let painted = Timeline::new(Paint { on: true }, Some("compute-1".to_owned())).line(&failed);
        assert!(
            painted.contains("\x1b[31mfailed") && painted.contains("compute-1"),
            "{painted:?}"
        );
        assert!(!Timeline::new(Paint { on: false }, None).line(&failed).contains('\x1b'));
    }
}
