//! What operators ask for: enable, disable, confirm-dead, retry, mode. Each is done or refused with a reason; a refusal
//! changes nothing.

use serde::{Deserialize, Serialize};
use serde_json::json;
use themis_core::{HostId, HostState, Mode, Moment, Reason, SegmentId};

use crate::brakes;
use crate::judge::Change;
use crate::verdict::judge_host;
use crate::world::{Vouch, World};

/// One request as the API stored it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub user: String,
    /// Why, in their words.
    pub reason: String,
    /// What for.
    pub ask: Ask,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Look after the host (again).
    Enable(HostId),
    /// Ignore the host.
    Disable(HostId),
    /// The operator vouches for its death.
    ConfirmDead(HostId),
    /// Try again what is held or stuck.
    Retry(HostId),
    /// Arm or observe.
    Mode(ModeAsk),
}

/// The arguments of a mode request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeAsk {
    /// The mode wanted.
    pub value: Mode,
    /// For one segment only.
    #[serde(default)]
    pub segment_uuid: Option<SegmentId>,
    /// Hosts that may stay without a bound power device, by name.
    #[serde(default)]
    pub accept_unbound: Vec<String>,
}

/// What came of a request.
#[derive(Debug, Default)]
pub struct Answer {
    /// Done, or refused.
    pub done: bool,
    /// In a sentence.
    pub reason: Option<Reason>,
    /// To be stored with it.
    pub changes: Vec<Change>,
    /// The mode to store: scope (`None`: all) and value.
    pub mode: Option<(Option<SegmentId>, Mode)>,
}

impl Answer {
    fn done(text: impl Into<String>) -> Self {
        Self {
            done: true,
            reason: Some(Reason::new("done", text)),
            ..Self::default()
        }
    }
    fn refused(code: &str, text: impl Into<String>) -> Self {
        Self {
            done: false,
            reason: Some(Reason::new(code, text)),
            ..Self::default()
        }
    }
}

/// Takes one request.
pub fn answer(world: &mut World, request: &Request, now: Moment) -> Answer {
    match &request.ask {
        Ask::Mode(ask) => mode(world, ask, now),
        Ask::Enable(id) | Ask::Disable(id) | Ask::ConfirmDead(id) | Ask::Retry(id) => {
            if !world.hosts.contains_key(id) {
                return Answer::refused("unknown_host", "the host is no longer registered");
            }
            match &request.ask {
                Ask::Enable(_) => enable(world, *id, now),
                Ask::Disable(_) => disable(world, *id),
                Ask::ConfirmDead(_) => confirm_dead(world, *id, request, now),
                Ask::Retry(_) | Ask::Mode(_) => retry(world, *id, request, now),
            }
        }
    }
}

fn enable(world: &mut World, id: HostId, now: Moment) -> Answer {
    let Some(host) = world.hosts.get_mut(&id) else {
        return Answer::default();
    };
    host.detail.disabled_by_operator = false;
    let mut answer = match host.state {
        HostState::Evacuated => {
            host.state = HostState::Recovering;
            host.since = now;
            host.reason = Reason::new(
                "enabled",
                "returned by an operator; Nova is told, then it is on probation",
            );
            host.detail.vouched = None;
            host.detail.returned = true;
            host.recovery.force_up = crate::recovery::Task::Open;
            host.recovery.enable = crate::recovery::Task::Open;
            Answer::done(format!("{} is being returned to service", host.name))
        }
        HostState::Disabled if host.maintenance_by_operator() => {
            return Answer::refused(
                "on_maintenance",
                format!(
                    "{} is on maintenance: clear that flag first (segment host update --on_maintenance False)",
                    host.name
                ),
            );
        }
        HostState::Disabled => Answer::done(format!("{} is enabled and waits to be seen good", host.name)),
        HostState::Initializing
        | HostState::Active
        | HostState::Checking
        | HostState::Failed
        | HostState::Fencing
        | HostState::Fenced
        | HostState::Evacuating
        | HostState::Recovering => Answer::done(format!("{} was enabled already: it is {}", host.name, host.state)),
    };
    answer.changes.push(Change::Host(id));
    answer
}

fn disable(world: &mut World, id: HostId) -> Answer {
    let Some(host) = world.hosts.get_mut(&id) else {
        return Answer::default();
    };
    if host.state.in_recovery() {
        let text = format!("{} is {}: its recovery must end first", host.name, host.state);
        return Answer::refused("in_recovery", text);
    }
    host.detail.disabled_by_operator = true;
    let mut answer = Answer::done(format!("{} is disabled: it is not looked after", host.name));
    answer.changes.push(Change::Host(id));
    answer
}

/// An operator's word is a proof, so nothing may speak against it.
fn confirm_dead(world: &mut World, id: HostId, request: &Request, now: Moment) -> Answer {
    let life = judge_host(world, id, now).and_then(|verdicts| verdicts.life);
    let Some(host) = world.hosts.get(&id) else {
        return Answer::default();
    };
    let name = host.name.clone();
    // The recovery of another host may wait for an evacuated one whose power cannot be read any more.
    let waits = matches!(host.state, HostState::Failed | HostState::Evacuated) || host.state.in_recovery();
    if !waits {
        let text = format!(
            "{name} is {}: only a host that failed can be confirmed dead",
            host.state
        );
        return Answer::refused("not_failed", text);
    }
    if let Some(life) = life {
        return Answer::refused(
            "shows_life",
            format!("{name} shows life ({}): it is not dead", life.text),
        );
    }
    if brakes::power_word(world, host, now) == crate::power::PowerWord::On {
        return Answer::refused(
            "reads_on",
            format!("the power device of {name} reads on: it is not dead"),
        );
    }
    let (state, incident) = (host.state, host.incident);
    if let Some(host) = world.hosts.get_mut(&id) {
        host.detail.vouched = Some(Vouch {
            user: request.user.clone(),
            reason: request.reason.clone(),
        });
        host.detail.maintenance_by_incident = true;
        host.on_maintenance = true;
    }
    let text = format!("{} confirms that {name} is dead: {}", request.user, request.reason);
    let mut answer = Answer::done(text.clone());
    answer
        .changes
        .extend([Change::Host(id), Change::Maintenance { host: id, on: true }]);
    if let Some(incident) = incident {
        let reason = Reason::new("confirmed_dead", text).with(json!({"state": state, "user": request.user}));
        answer.changes.push(Change::Event {
            host: id,
            incident,
            kind: "request",
            reason,
            at: now,
        });
    }
    answer
}

/// Tries again what is held or stuck, for this host alone: who else is held by the same brake stays so.
fn retry(world: &mut World, id: HostId, request: &Request, now: Moment) -> Answer {
    let Some(host) = world.hosts.get_mut(&id) else {
        return Answer::default();
    };
    let name = host.name.clone();
    let mut text = format!("{name}: trying again");
    match host.state {
        HostState::Fencing => {
            host.detail.returns = 0;
            host.watch.fence_since = Some(now);
            host.watch.commanded = None;
        }
        HostState::Failed => {
            if host.watch.hold.as_ref().is_some_and(|hold| hold.code == "mass_failure") {
                text = let_through(world, id);
            }
        }
        HostState::Disabled
        | HostState::Initializing
        | HostState::Active
        | HostState::Checking
        | HostState::Fenced
        | HostState::Evacuating
        | HostState::Evacuated
        | HostState::Recovering => {
            return Answer::refused(
                "nothing_to_retry",
                format!("{name} is {}: nothing is held there", host.state),
            );
        }
    }
    let Some(host) = world.hosts.get_mut(&id) else {
        return Answer::default();
    };
    host.watch.hold = None;
    host.watch.alarmed.clear();
    let incident = host.incident;
    let mut answer = Answer::done(text.clone());
    answer.changes.push(Change::Host(id));
    if let Some(incident) = incident {
        let text = format!("{} asks to try again ({}): {text}", request.user, request.reason);
        let reason = Reason::new("retried", text).with(json!({"user": request.user}));
        answer.changes.push(Change::Event {
            host: id,
            incident,
            kind: "request",
            reason,
            at: now,
        });
    }
    answer
}

/// Lets one host through the hold on so many failing at once; says who stays held.
fn let_through(world: &mut World, id: HostId) -> String {
    let held = |host: &&crate::world::HostRecord| {
        let massed = host.watch.hold.as_ref().is_some_and(|hold| hold.code == "mass_failure");
        host.id != id && host.state == HostState::Failed && massed
    };
    let others: Vec<&str> = world
        .hosts
        .values()
        .filter(held)
        .map(|host| host.name.as_str())
        .collect();
    let others = if others.is_empty() {
        "no other host is held with it".to_owned()
    } else {
        format!("{} stay held", others.join(", "))
    };
    let Some(host) = world.hosts.get_mut(&id) else {
        return String::new();
    };
    host.detail.let_through = true;
    format!(
        "{} alone is let through the hold on so many hosts failing at once; {others}",
        host.name
    )
}

/// Arming refuses hosts without a bound power device unless they are named.
fn mode(world: &mut World, ask: &ModeAsk, now: Moment) -> Answer {
    if let Some(unknown) = ask.segment_uuid.filter(|id| !world.segments.contains_key(id)) {
        return Answer::refused("unknown_segment", format!("no segment {unknown}"));
    }
    if ask.value == Mode::Armed {
        let mut bare: Vec<&str> = world
            .hosts
            .values()
            .filter(|host| ask.segment_uuid.is_none_or(|segment| host.segment == segment))
            .filter(|host| host.state != HostState::Disabled && !ask.accept_unbound.contains(&host.name))
            .filter(|host| {
                !world
                    .evidence
                    .power
                    .get(&host.id)
                    .is_some_and(crate::power::HostPower::all_bound)
            })
            .filter(|host| !host.state.in_recovery() && host.state != HostState::Evacuated)
            .map(|host| host.name.as_str())
            .collect();
        bare.sort_unstable();
        if !bare.is_empty() {
            let names = bare.join(", ");
            let text = format!(
                "no bound power device: {names}; register one, or name them: themis arm --accept-unbound {}",
                bare.join(" --accept-unbound ")
            );
            return Answer::refused("unbound_power_devices", text).with_data(json!({"hosts": bare, "at_us": now.0}));
        }
    }
    match ask.segment_uuid {
        None => world.mode = ask.value,
        Some(id) => {
            if let Some(segment) = world.segments.get_mut(&id) {
                segment.mode = Some(ask.value);
            }
        }
    }
    let mut answer = Answer::done(format!("the mode is now {}", ask.value));
    answer.mode = Some((ask.segment_uuid, ask.value));
    answer
}

impl Answer {
    fn with_data(mut self, data: serde_json::Value) -> Self {
        if let Some(reason) = &mut self.reason {
            reason.data = data;
        }
        self
    }
}
