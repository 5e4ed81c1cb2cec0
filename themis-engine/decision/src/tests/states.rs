//! The table of every state times every event, by letting the machine run for each cell.

use std::fmt::Write;
use std::time::Duration;

use themis_core::{HostState, Mode};

use super::printed::expect;
use crate::evidence::NovaService;
use crate::policy::Policy;
use crate::requests::{Ask, Request, answer};
use crate::testing::nova::Answers;
use crate::testing::{Cluster, hear, report};

const HOST: &str = "h1";

/// A cluster whose first host stands in `state` and would stay there.
fn standing_in(state: HostState) -> Cluster {
    let mut cluster = Cluster::of(4);
    if state != HostState::Recovering && state != HostState::Evacuated {
        cluster.nova.boot(1, HOST);
    }
    match state {
        HostState::Active => {}
        HostState::Initializing => {
            cluster.cut(HOST, "storage");
            let host = cluster.host_mut(HOST);
            host.state = HostState::Initializing;
            host.watch.good_since = None;
            cluster.run(10);
        }
        HostState::Disabled => {
            let id = cluster.id(HOST);
            cluster.request(Ask::Disable(id));
        }
        HostState::Checking => cluster.cut(HOST, "management"),
        HostState::Failed => {
            cluster.set_segment_enabled(false);
            cluster.crash(HOST);
        }
        HostState::Fencing => {
            cluster.crash(HOST);
            cluster.machine(HOST).bmc.answers = false;
        }
        HostState::Fenced => {
            cluster.crash(HOST);
            cluster.nova.answers = Answers::Busy;
        }
        HostState::Evacuating => {
            cluster.crash(HOST);
            cluster.nova.stalls = true;
        }
        HostState::Evacuated => cluster.crash(HOST),
        HostState::Recovering => {
            cluster.crash(HOST);
            cluster.until(HOST, HostState::Evacuated);
            cluster.power_on(HOST);
            let id = cluster.id(HOST);
            cluster.request(Ask::Enable(id));
        }
    }
    cluster.until(HOST, state);
    // Probation would end by itself.
    cluster.world.policy.return_period = Duration::from_secs(3600);
    // Holds that come with time are there before the event, and a sign of life is later than the proof.
    cluster.run(70);
    assert_eq!(cluster.state(HOST), state, "it must stay there\n{}", cluster.story());
    cluster
}

/// Something that happens to the host: what it is called, how it comes about, how long it is given to take effect.
struct Event {
    name: &'static str,
    happens: fn(&mut Cluster),
    seconds: u64,
}

const EVENTS: &[Event] = &[
    Event {
        name: "suspected",
        happens: |c| c.cut(HOST, "storage"),
        seconds: 20,
    },
    Event {
        name: "claim",
        happens: |c| c.claim(HOST),
        seconds: 5,
    },
    Event {
        name: "all good throughout the period",
        happens: |c| {
            c.heal(HOST);
            c.world.policy.return_period = Policy::default().return_period;
        },
        seconds: 100,
    },
    Event {
        name: "all good, reads on after the last command",
        happens: |c| {
            c.heal(HOST);
            c.machine(HOST).bmc.answers = true;
            c.machine(HOST).bmc.deaf = true;
        },
        seconds: 150,
    },
    Event {
        name: "confirmed: bad on a critical network",
        happens: |c| c.cut(HOST, "storage"),
        seconds: 90,
    },
    Event {
        name: "confirmed: silent everywhere",
        happens: |c| c.crash(HOST),
        seconds: 50,
    },
    Event {
        name: "power off throughout off_hold",
        happens: |c| c.lose_power(HOST),
        seconds: 40,
    },
    Event {
        name: "brake",
        happens: |c| c.set_segment_enabled(false),
        seconds: 10,
    },
    Event {
        name: "no brake",
        happens: |c| c.set_segment_enabled(true),
        seconds: 10,
    },
    Event {
        name: "disarmed",
        happens: |c| c.world.mode = Mode::Observe,
        seconds: 10,
    },
    Event {
        name: "proof: read off after the command",
        happens: |c| c.machine(HOST).bmc.answers = true,
        seconds: 60,
    },
    Event {
        name: "device unreachable",
        happens: |c| c.machine(HOST).bmc.answers = false,
        seconds: 60,
    },
    Event {
        name: "power reads on again",
        happens: |c| {
            let machine = c.machine(HOST);
            (machine.powered, machine.kernel) = (true, false);
        },
        seconds: 5,
    },
    Event {
        name: "monitor reports again",
        happens: |c| {
            let now = c.now;
            hear(&mut c.world, report(HOST).build(), now);
        },
        seconds: 3,
    },
    Event {
        name: "nova-compute reports again",
        happens: |c| {
            let (updated_at, at) = ("moved".to_owned(), c.now);
            let last = c.world.evidence.nova[HOST].clone();
            let moved = NovaService { updated_at, at, ..last };
            c.world.evidence.hear_nova(HOST, moved, Some(at));
        },
        seconds: 3,
    },
    Event {
        name: "Nova told",
        happens: |c| c.nova.answers = Answers::Well,
        seconds: 20,
    },
    Event {
        name: "recovery ended",
        happens: |c| c.nova.stalls = false,
        seconds: 30,
    },
    Event {
        name: "operator sets on_maintenance",
        happens: |c| c.host_mut(HOST).on_maintenance = true,
        seconds: 3,
    },
];

/// A request about a host.
type AskOf = fn(themis_core::HostId) -> Ask;

/// What an operator may ask, by name.
const ASKS: &[(&str, AskOf)] = &[
    ("operator disables", Ask::Disable),
    ("operator enables", Ask::Enable),
    ("operator confirms dead", Ask::ConfirmDead),
    ("operator retries", Ask::Retry),
];

/// What came of an event in a state.
struct Cell {
    /// The state that it led to first, if any.
    to: Option<HostState>,
    text: String,
}

fn happened(mut cluster: Cluster, event: &Event) -> Cell {
    let (before, hold) = (cluster.state(HOST), cluster.hold(HOST).map(str::to_owned));
    (event.happens)(&mut cluster);
    for _ in 0..event.seconds * 4 {
        cluster.tick();
        if cluster.state(HOST) != before {
            break;
        }
    }
    cell(&cluster, before, hold.as_deref(), None)
}

fn asked(mut cluster: Cluster, ask: AskOf) -> Cell {
    let (before, hold) = (cluster.state(HOST), cluster.hold(HOST).map(str::to_owned));
    let request = Request {
        user: "anna".to_owned(),
        reason: "told to".to_owned(),
        ask: ask(cluster.id(HOST)),
    };
    let now = cluster.now;
    let answer = answer(&mut cluster.world, &request, now);
    let code = answer.reason.map(|reason| reason.code).unwrap_or_default();
    let answer = if answer.done {
        "done".to_owned()
    } else {
        format!("refused: `{code}`")
    };
    if cluster.state(HOST) == before {
        cluster.tick();
    }
    cell(&cluster, before, hold.as_deref(), Some(answer))
}

fn cell(cluster: &Cluster, before: HostState, hold: Option<&str>, answer: Option<String>) -> Cell {
    let (after, reason) = (cluster.state(HOST), &cluster.host(HOST).reason.code);
    let to = (after != before).then_some(after);
    let now = cluster.hold(HOST);
    let effect = match (to, now) {
        (Some(to), _) => format!("to **{to}** (`{reason}`)"),
        (None, Some(code)) if now != hold => format!("stays, held: `{code}`"),
        (None, None) if hold.is_some() => "stays, no longer held".to_owned(),
        (None, _) => String::new(),
    };
    let text: Vec<String> = answer
        .into_iter()
        .chain(Some(effect).filter(|effect| !effect.is_empty()))
        .collect();
    Cell {
        to,
        text: if text.is_empty() {
            "–".to_owned()
        } else {
            text.join("; ")
        },
    }
}

const HEAD: &str = "\
# Host states

Every state times every event, printed by a test that lets the machine run for each cell. `–`: nothing changes. A cell
names the first state that the event leads to and its reason; what the reasons mean is in [reasons.md](reasons.md).

How the host stands before the event: disabled by an operator; initializing, never seen good on storage; active;
checking, cut off from a tolerated network; failed, held by a brake (its segment is disabled); fencing, its power device
does not answer; fenced, Nova does not answer; evacuating, its instance is on its way; evacuated; recovering, good.

";

/// From a state to another by an event.
type Move = (HostState, &'static str, HostState);

/// The whole document, and every move in it for the assertions below.
fn table() -> (String, Vec<Move>) {
    let (mut out, mut details, mut cells) = (HEAD.to_owned(), String::new(), Vec::new());
    let standing: Vec<Cluster> = HostState::ALL.into_iter().map(standing_in).collect();
    let mut rows: Vec<(&str, Vec<Cell>)> = Vec::new();
    for event in EVENTS {
        rows.push((
            event.name,
            standing.iter().map(|c| happened(c.clone(), event)).collect(),
        ));
    }
    for (name, ask) in ASKS {
        rows.push((*name, standing.iter().map(|c| asked(c.clone(), *ask)).collect()));
    }
    let names: Vec<&str> = HostState::ALL.iter().map(|state| state.name()).collect();
    let _ = writeln!(
        out,
        "| event | {} |\n| --- |{}",
        names.join(" | "),
        " --- |".repeat(names.len())
    );
    for (name, row) in &rows {
        let row: Vec<&str> = row.iter().map(|cell| cell.to.map_or("–", HostState::name)).collect();
        let _ = writeln!(out, "| {name} | {} |", row.join(" | "));
    }
    for (index, state) in HostState::ALL.into_iter().enumerate() {
        let _ = writeln!(details, "\n## {state}\n\n| event | what happens |\n| --- | --- |");
        for (name, row) in &rows {
            let _ = writeln!(details, "| {name} | {} |", row[index].text);
            cells.extend(row[index].to.map(|to| (state, *name, to)));
        }
    }
    (out + &details, cells)
}

#[test]
fn table_of_states_is_printed_and_fences_only_by_the_one_way() {
    let (printed, cells) = table();
    for (from, event, to) in cells {
        let allowed = match to {
            HostState::Disabled => !from.in_recovery() && from != HostState::Evacuated,
            HostState::Initializing => from == HostState::Disabled,
            HostState::Active => matches!(
                from,
                HostState::Initializing | HostState::Checking | HostState::Recovering
            ),
            HostState::Checking => {
                matches!(
                    from,
                    HostState::Active | HostState::Failed | HostState::Fencing | HostState::Recovering
                )
            }
            HostState::Failed => from == HostState::Checking,
            HostState::Fencing => matches!(from, HostState::Failed | HostState::Fenced | HostState::Evacuating),
            HostState::Fenced => from == HostState::Fencing,
            HostState::Evacuating => from == HostState::Fenced,
            HostState::Evacuated => from == HostState::Evacuating,
            HostState::Recovering => from == HostState::Evacuated,
        };
        assert!(allowed, "{from} must not lead to {to} by '{event}'");
    }
    expect("states.md", &printed);
}
