//! The decision log: one line per event, readable by an operator, comparable by a test. Codes and fields, never
//! sentences, so that rewording costs nothing; whole seconds, so that a quarter of one costs nothing either.
//!
//! What happens to single instances is summed up per second: posts that reached Nova, instances that Themis holds to be
//! back, instances that the oracle sees running.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use themis_core::{HostId, HostState, Reason};
use themis_engine::ports::store::Write;

use crate::clock::since_epoch;
use crate::machines::Time;

/// Facts of a reason that an operator wants to see; ids and figures that only programs need are left out.
const SHOWN: [&str; 10] = [
    "network",
    "observers",
    "hosts",
    "host",
    "limit",
    "of",
    "count",
    "back",
    "step",
    "row",
];

/// Reasons that are about everybody, not about one host.
const GENERAL_DOUBTS: [&str; 2] = ["network_out", "no_majority"];

/// The log.
#[derive(Debug, Default)]
pub struct Chronicle {
    lines: Vec<String>,
    zero: Option<Time>,
    live: bool,
    states: BTreeMap<HostId, HostState>,
    progress: BTreeMap<String, Progress>,
    doubts: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    second: u64,
}

#[derive(Debug, Default, Clone)]
struct Progress {
    posts: usize,
    back: usize,
    moved: bool,
}

impl Chronicle {
    /// Nothing is noted before [`Chronicle::begin`]; `live` prints each line at once.
    #[must_use]
    pub fn new(live: bool) -> Self {
        Self {
            live,
            ..Self::default()
        }
    }

    /// From `now` on, which becomes second zero.
    pub const fn begin(&mut self, now: Time) {
        self.zero = Some(now);
    }

    /// The lines so far.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Notes a line: who says what about whom.
    pub fn note(&mut self, now: Time, who: &str, about: &str, what: &str) {
        let Some(zero) = self.zero else { return };
        let second = now.saturating_sub(zero).as_secs();
        let line = format!("{second:>5}  {who:<7} {about:<10} {what}")
            .trim_end()
            .to_owned();
        #[allow(clippy::print_stdout, reason = "themis-simulate shows the log as it grows")]
        if self.live {
            println!("{line}");
        }
        self.lines.push(line);
    }

    /// A post reached Nova.
    pub fn posted(&mut self, host: &str) {
        let progress = self.progress.entry(host.to_owned()).or_default();
        progress.posts += 1;
        progress.moved = true;
    }

    /// Closes the second that ended before `now`; `running` is the oracle's count of each host's instances.
    pub fn tick(&mut self, now: Time, running: impl Fn(&str) -> (usize, usize)) {
        let second = now.as_secs();
        if second == self.second {
            return;
        }
        self.second = second;
        let moved: Vec<(String, Progress)> = self
            .progress
            .iter_mut()
            .filter(|(_, progress)| progress.moved)
            .map(|(host, progress)| {
                progress.moved = false;
                (host.clone(), progress.clone())
            })
            .collect();
        for (host, progress) in moved {
            let (up, all) = running(&host);
            let text = format!("posts={} back={} running={up} of={all}", progress.posts, progress.back);
            self.note(now.saturating_sub(Duration::from_secs(1)), "moves", &host, &text);
        }
    }

    /// Notes what an engine committed.
    pub fn committed(&mut self, now: Time, writes: &[Write], name: impl Fn(HostId) -> String) {
        for write in writes {
            match write {
                Write::Host { host, state } => {
                    let before = self.states.insert(*host, state.state);
                    let before = before.unwrap_or(HostState::Initializing);
                    if before != state.state {
                        let text = format!("{} -> {} ({})", before.name(), state.state.name(), state.reason.code);
                        self.note(now, "state", &name(*host), &text);
                    }
                }
                Write::Event {
                    host, kind, reason, at, ..
                } => self.event(since_epoch(*at), &name(*host), kind, reason),
                Write::View { host, view } => self.view(now, &name(*host), view),
                Write::Request { done, answer, .. } => {
                    let word = if *done { "done" } else { "refused" };
                    self.note(now, "request", "", &format!("{word} ({})", answer.code));
                }
                Write::Closed { outcome, status, .. } => {
                    self.note(now, "closed", "", &format!("incident {outcome}, notification {status}"));
                }
                Write::Notification { status, message, .. } => {
                    let text = format!("{status}: {}", message.as_deref().unwrap_or_default());
                    self.note(now, "notice", "", text.trim_end_matches([':', ' ']));
                }
                Write::NotifiedStep { row, .. } => {
                    self.note(now, "themis", "", &format!("{} {}", row.step.name(), row.event.name()));
                }
                Write::Held { message, .. } => {
                    let text = message
                        .as_ref()
                        .map_or_else(|| "no longer held".to_owned(), |why| format!("held: {why}"));
                    self.note(now, "notice", "", &text);
                }
                Write::Opened { .. }
                | Write::Step { .. }
                | Write::Maintenance { .. }
                | Write::Vmove(_)
                | Write::Mode { .. }
                | Write::Message { .. } => {}
            }
        }
    }

    /// What holds everybody back opens no incident: it is said in the view of every host.
    fn view(&mut self, now: Time, host: &str, view: &Value) {
        let mut doubts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (network, verdict) in view["networks"].as_object().into_iter().flatten() {
            let code = verdict["reason"]["code"].as_str().unwrap_or_default();
            if GENERAL_DOUBTS.contains(&code) {
                doubts.entry(code.to_owned()).or_default().push(network.clone());
            }
        }
        let before = self.doubts.insert(host.to_owned(), doubts.clone()).unwrap_or_default();
        for (code, networks) in &doubts {
            if before.get(code) != Some(networks) {
                self.note(
                    now,
                    "verdict",
                    host,
                    &format!("unknown ({code}) networks={}", networks.join(",")),
                );
            }
        }
        for code in before.keys().filter(|code| !doubts.contains_key(*code)) {
            self.note(now, "verdict", host, &format!("no longer {code}"));
        }
    }

    fn event(&mut self, now: Time, host: &str, kind: &str, reason: &Reason) {
        match kind {
            // Told by the host's row, and by the row of the incident.
            "state" | "closed" => {}
            "instance_back" => {
                let progress = self.progress.entry(host.to_owned()).or_default();
                progress.back += 1;
                progress.moved = true;
            }
            // Summed up from what really reached Nova.
            "evacuate_sent" => {}
            _ => {
                let code = if reason.code == kind {
                    String::new()
                } else {
                    format!(" ({})", reason.code)
                };
                self.note(now, "themis", host, &format!("{kind}{code}{}", fields(&reason.data)));
            }
        }
    }
}

fn fields(data: &Value) -> String {
    let Some(map) = data.as_object() else {
        return String::new();
    };
    let shown = SHOWN.iter().filter_map(|key| Some((key, map.get(*key)?)));
    shown
        .filter_map(|(key, value)| Some(format!(" {key}={}", word(value)?)))
        .collect()
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(items) => Some(items.iter().filter_map(word).collect::<Vec<_>>().join(",")),
        Value::Null | Value::Bool(_) | Value::Object(_) => None,
    }
}
