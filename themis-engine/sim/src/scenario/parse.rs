//! Reading scenario files. Every error names its line.

use std::time::Duration;

use themis_core::{HostState, Mode};
use themis_decision::Policy;

use super::{Command, Scenario, Step, When};
use crate::machines::Mood;
use crate::world::Crash;

/// Where the expected log begins.
const LOG: &str = "----";
/// Hosts are registered healthy; the simulation does not wait a minute to see it.
const INITIALIZING: Duration = Duration::from_secs(5);
/// Guards against a slip of the pen.
const HOSTS_MAX: usize = 100;

/// A line that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ScenarioError {
    /// Counts from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub what: String,
}

pub(super) fn parse(text: &str) -> Result<Scenario, ScenarioError> {
    let mut scenario = Scenario {
        intent: String::new(),
        hosts: 4,
        instances: Vec::new(),
        engines: 1,
        seed: 1,
        mode: Mode::Armed,
        policy: Policy {
            initializing_period: INITIALIZING,
            ..Policy::default()
        },
        until: Duration::from_secs(120),
        end: None,
        down: 0,
        crash: None,
        before: Vec::new(),
        steps: Vec::new(),
        expected: Vec::new(),
    };
    let mut lines = text.lines().enumerate();
    for (index, line) in lines.by_ref() {
        let line = line.trim();
        if line == LOG {
            break;
        }
        if let Some(comment) = line.strip_prefix('#') {
            if scenario.intent.is_empty() {
                comment.trim().clone_into(&mut scenario.intent);
            }
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        read(&mut scenario, &words).map_err(|what| ScenarioError { line: index + 1, what })?;
    }
    scenario.expected = lines.map(|(_, line)| line.trim_end().to_owned()).collect();
    check(&scenario)?;
    Ok(scenario)
}

/// What can be seen only when all is read.
fn check(scenario: &Scenario) -> Result<(), ScenarioError> {
    let wrong = |what: String| Err(ScenarioError { line: 1, what });
    if scenario.intent.is_empty() {
        return wrong("a scenario begins with one sentence of intent: '# what it shows'".to_owned());
    }
    let names = scenario.host_names();
    let steps = scenario.steps.iter().map(|step| &step.command);
    let commanded = scenario.before.iter().chain(steps).filter_map(Command::host);
    let placed = scenario.instances.iter().map(|(_, host)| host.as_str());
    match commanded
        .chain(placed)
        .find(|host| !names.iter().any(|name| name == host))
    {
        Some(host) => wrong(format!(
            "no host '{host}': with 'hosts {}' they are {}",
            names.len(),
            names.join(", ")
        )),
        None => Ok(()),
    }
}

fn read(scenario: &mut Scenario, words: &[&str]) -> Result<(), String> {
    match words {
        [] => {}
        ["hosts", count] => scenario.hosts = number(count).and_then(|n| bounded(n, HOSTS_MAX))?,
        ["instances", count, "on", host] => {
            let count = number(count).and_then(|n| bounded(n, 10_000))?;
            scenario.instances.push((count, (*host).to_owned()));
        }
        ["engines", count] => scenario.engines = number(count).and_then(|n| bounded(n, 9))? as u64,
        ["seed", seed] => scenario.seed = number(seed)? as u64,
        ["mode", mode] => scenario.mode = mode.parse()?,
        ["policy", name, value] => policy(&mut scenario.policy, name, number(value)?)?,
        ["until", end] => scenario.until = seconds(end)?,
        ["end", after, "after", host, state] => {
            scenario.end = Some((seconds(after)?, (*host).to_owned(), self::state(state)?));
        }
        ["expect", "down", count] => scenario.down = number(count)?,
        ["crash-leader", "after", what, count] => scenario.crash = Some(crash(what, number(count)?)?),
        ["before", rest @ ..] => scenario.before.push(command(rest)?),
        ["at", at, rest @ ..] => {
            let (when, command) = (When::At(seconds(at)?), command(rest)?);
            scenario.steps.push(Step { when, command });
        }
        ["when", "posted", count, rest @ ..] => {
            let (when, command) = (When::Posted(number(count)?), command(rest)?);
            scenario.steps.push(Step { when, command });
        }
        ["when", host, state, rest @ ..] => {
            let (when, command) = (When::State((*host).to_owned(), self::state(state)?), command(rest)?);
            scenario.steps.push(Step { when, command });
        }
        [first, ..] => {
            return Err(format!(
                "'{first}' begins no line: hosts, instances, engines, seed, mode, policy, until, end, expect, crash-leader, \
                 before, at, when"
            ));
        }
    }
    Ok(())
}

fn state(word: &str) -> Result<HostState, String> {
    let known = HostState::ALL.into_iter().find(|state| state.name() == word);
    known.ok_or_else(|| {
        format!(
            "'{word}' is no state: {}",
            HostState::ALL.map(HostState::name).join(", ")
        )
    })
}

fn crash(what: &str, count: usize) -> Result<Crash, String> {
    match what {
        "post" => Ok(Crash::AfterPost(count)),
        "commit" => Ok(Crash::AfterCommit(count)),
        "effect" => Ok(Crash::AfterEffect(count)),
        _ => Err("crash-leader after post|commit|effect K".to_owned()),
    }
}

fn policy(policy: &mut Policy, name: &str, value: usize) -> Result<(), String> {
    let seconds = Duration::from_secs(value as u64);
    let place = match name {
        "confirm_period" => &mut policy.confirm_period,
        "confirm_period_silent" => &mut policy.confirm_period_silent,
        "clear_period" => &mut policy.clear_period,
        "outage_cooldown" => &mut policy.outage_cooldown,
        "return_period" => &mut policy.return_period,
        "nova_request_horizon" => &mut policy.nova_request_horizon,
        "evacuation_deadline" => &mut policy.evacuation_deadline,
        "fence_deadline" => &mut policy.fence_deadline,
        "instance_stop_period" => &mut policy.instance_stop_period,
        "instance_start_period" => &mut policy.instance_start_period,
        "service_update_period" => &mut policy.service_update_period,
        "notification_retry_period" => &mut policy.notification_retry_period,
        "notification_expiry" => &mut policy.notification_expiry,
        "notification_expiry_grace" => &mut policy.notification_expiry_grace,
        "notified_parallel" => {
            policy.notified_parallel = value;
            return Ok(());
        }
        "mass_failure_hosts" => {
            policy.mass_failure_hosts = value;
            return Ok(());
        }
        "evacuations_parallel" => {
            policy.evacuations_parallel = value;
            return Ok(());
        }
        "hosts_in_recovery_max" => {
            policy.hosts_in_recovery_max = value;
            return Ok(());
        }
        _ => return Err(format!("'{name}' is no threshold that a scenario may set")),
    };
    *place = seconds;
    Ok(())
}

fn command(words: &[&str]) -> Result<Command, String> {
    let own = |word: &str| word.to_owned();
    Ok(match words {
        ["kill", host] => Command::Kill(own(host)),
        ["power", host, "on"] => Command::Power(own(host), true),
        ["power", host, "off"] => Command::Power(own(host), false),
        ["hang", host] => Command::Hang(own(host)),
        ["resume", host] => Command::Resume(own(host)),
        ["zombie", host] => Command::Zombie(own(host)),
        ["agents", host, "dead"] => Command::Agents(own(host), false),
        ["agents", host, "alive"] => Command::Agents(own(host), true),
        ["cut", host, network] => Command::Cut(own(host), own(network)),
        ["heal", host] => Command::Heal(own(host)),
        ["outage", network] => Command::Outage(own(network), true),
        ["outage-over", network] => Command::Outage(own(network), false),
        ["bmc", host, mood] => Command::Bmc(own(host), self::mood(mood)?),
        ["wrong-bmc", host] => Command::WrongBmc(own(host)),
        ["request", "confirm-dead", host] => Command::Request(own("confirm_dead"), own(host)),
        ["request", kind @ ("retry" | "enable" | "disable"), host] => Command::Request(own(kind), own(host)),
        ["mode", mode] => Command::Mode(mode.parse()?),
        ["report", server, "on", host, event, domain_event] => {
            Command::InstanceReport(own(server), own(host), own(event), own(domain_event))
        }
        ["process", host, name, event] => Command::ProcessReport(own(host), own(name), own(event)),
        ["guest-dies", server] => Command::Guest(own(server)),
        ["plain", server] => Command::Plain(own(server)),
        ["maintenance", host, "on"] => Command::Maintenance(own(host), true),
        ["maintenance", host, "off"] => Command::Maintenance(own(host), false),
        ["compute", host, "dead"] => Command::Compute(own(host), false),
        ["compute", host, "alive"] => Command::Compute(own(host), true),
        ["claim", host] => Command::Claim(own(host)),
        ["database", "away"] => Command::Database(true),
        ["database", "back"] => Command::Database(false),
        ["database", "loses-answer"] => Command::DatabaseLosesAnswer,
        ["broker", "away"] => Command::Broker(true),
        ["broker", "back"] => Command::Broker(false),
        ["nova", "away"] => Command::Nova(true),
        ["nova", "back"] => Command::Nova(false),
        ["nova", "loses-answers", count] => {
            Command::NovaLosesAnswers(u32::try_from(number(count)?).unwrap_or(u32::MAX))
        }
        ["nova", "shows-after", time] => Command::NovaShowsAfter(seconds(time)?),
        ["crash-leader"] => Command::CrashLeader,
        _ => {
            return Err(format!(
                "'{}' is no command: kill, power, hang, resume, zombie, agents, cut, heal, outage, outage-over, bmc, \
                 wrong-bmc, request, mode, claim, report, process, guest-dies, plain, maintenance, compute, database, broker, \
                 nova, crash-leader",
                words.join(" ")
            ));
        }
    })
}

fn mood(word: &str) -> Result<Mood, String> {
    match word {
        "well" => Ok(Mood::Well),
        "silent" => Ok(Mood::Silent),
        "refusing" => Ok(Mood::Refusing),
        "slow" => Ok(Mood::Slow),
        "stuck" => Ok(Mood::Stuck),
        "lying" => Ok(Mood::Lying),
        _ => Err(format!(
            "a power device is well, silent, refusing, slow, stuck or lying, not '{word}'"
        )),
    }
}

fn number(word: &str) -> Result<usize, String> {
    word.parse().map_err(|_| format!("'{word}' is no number"))
}

fn bounded(value: usize, max: usize) -> Result<usize, String> {
    if (1..=max).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{value} is out of range: 1 to {max}"))
    }
}

fn seconds(word: &str) -> Result<Duration, String> {
    let value: f64 = word.parse().map_err(|_| format!("'{word}' is no number of seconds"))?;
    Duration::try_from_secs_f64(value).map_err(|_| format!("'{word}' is no number of seconds"))
}

impl Command {
    /// The host that it names.
    pub(super) fn host(&self) -> Option<&str> {
        match self {
            Self::Kill(host)
            | Self::Power(host, _)
            | Self::Hang(host)
            | Self::Resume(host)
            | Self::Zombie(host)
            | Self::Agents(host, _)
            | Self::Cut(host, _)
            | Self::Heal(host)
            | Self::Bmc(host, _)
            | Self::WrongBmc(host)
            | Self::Request(_, host)
            | Self::InstanceReport(_, host, ..)
            | Self::ProcessReport(host, ..)
            | Self::Maintenance(host, _)
            | Self::Compute(host, _)
            | Self::Claim(host) => Some(host),
            Self::Outage(..)
            | Self::Mode(_)
            | Self::Database(_)
            | Self::DatabaseLosesAnswer
            | Self::Broker(_)
            | Self::Nova(_)
            | Self::NovaLosesAnswers(_)
            | Self::NovaShowsAfter(_)
            | Self::Guest(_)
            | Self::Plain(_)
            | Self::CrashLeader => None,
        }
    }
}
