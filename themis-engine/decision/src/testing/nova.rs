//! A Nova that keeps the rules which matter here, as they were measured: it takes a second evacuation of the same
//! instance without a word, an answer may be lost while the request takes effect, a destination may die.
//!
//! It also keeps where each guest really runs, which neither Nova nor Themis would know.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use themis_core::{InstanceId, Moment, Reason};
use uuid::Uuid;

use crate::recovery::away::FORBIDDEN;
use crate::recovery::{Effect, InstanceLook, ListedInstance, MigrationLook, MigrationState, Outcome};

/// From a post to the guest's start on its new host.
const EVACUATION_TAKES: Duration = Duration::from_secs(3);

/// What becomes of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    Well,
    /// Requests take effect; their answers do not arrive.
    Lost,
    /// Requests neither take effect nor are they answered.
    Dropped,
    /// Turned away unheard, for now.
    Busy,
    /// Heard and refused.
    Refused,
}

#[derive(Debug, Clone)]
pub(crate) struct Guest {
    pub(crate) listed: ListedInstance,
    pub(crate) host: String,
    pub(crate) vm_state: String,
    pub(crate) task_state: Option<String>,
    pub(crate) deleted: bool,
    pub(crate) migrations: Vec<(Moment, MigrationLook)>,
    /// Where it really runs.
    pub(crate) runs_on: BTreeSet<String>,
}

#[derive(Clone)]
pub(crate) struct Nova {
    pub(crate) guests: BTreeMap<InstanceId, Guest>,
    pub(crate) answers: Answers,
    /// How many evacuations from now on find no host.
    pub(crate) no_valid_host: usize,
    /// Instances whose evacuation is forbidden, whoever asks.
    pub(crate) forbidden: BTreeSet<InstanceId>,
    /// Evacuations that were taken go on for ever.
    pub(crate) stalls: bool,
    pub(crate) forced_down: BTreeSet<String>,
    pub(crate) disabled: BTreeMap<String, String>,
    /// Every evacuation that took effect.
    pub(crate) posts: Vec<(Moment, InstanceId)>,
    /// Every request about a service, in order.
    pub(crate) service_calls: Vec<&'static str>,
    migrations: i64,
}

pub(crate) fn instance_id(number: usize) -> InstanceId {
    InstanceId(Uuid::from_u128(0x1000 + number as u128))
}

impl Nova {
    pub(crate) fn new() -> Self {
        Self {
            guests: BTreeMap::new(),
            answers: Answers::Well,
            no_valid_host: 0,
            forbidden: BTreeSet::new(),
            stalls: false,
            forced_down: BTreeSet::new(),
            disabled: BTreeMap::new(),
            posts: Vec::new(),
            service_calls: Vec::new(),
            migrations: 0,
        }
    }

    pub(crate) fn boot(&mut self, number: usize, host: &str) -> &mut Guest {
        let id = instance_id(number);
        self.guests.entry(id).or_insert(Guest {
            listed: listed(number),
            host: host.to_owned(),
            vm_state: "active".to_owned(),
            task_state: None,
            deleted: false,
            migrations: Vec::new(),
            runs_on: BTreeSet::from([host.to_owned()]),
        })
    }

    /// Performs one request.
    pub(crate) fn perform(&mut self, effect: &Effect, host: &str, now: Moment) -> Outcome {
        match self.answers {
            Answers::Dropped => return Outcome::Indeterminate(Reason::new("timeout", "no answer")),
            Answers::Busy => return Outcome::Retry(Reason::new("nova_unavailable", "503")),
            Answers::Refused => return Outcome::Failed(Reason::new("nova_refused", "400")),
            Answers::Well | Answers::Lost => {}
        }
        if let Effect::Evacuate { instance, .. } = effect
            && self.forbidden.contains(instance)
        {
            return Outcome::Retry(Reason::new(FORBIDDEN, "403"));
        }
        let outcome = self.obey(effect, host, now);
        if self.answers == Answers::Lost {
            return Outcome::Indeterminate(Reason::new("timeout", "no answer"));
        }
        outcome
    }

    fn obey(&mut self, effect: &Effect, host: &str, now: Moment) -> Outcome {
        match effect {
            Effect::PowerOff { .. } => return Outcome::Failed(Reason::new("misrouted", "not for Nova")),
            Effect::ForceDown => {
                self.service_calls.push("force_down");
                self.forced_down.insert(host.to_owned());
            }
            Effect::Disable => {
                self.service_calls.push("disable");
                let before = self.disabled.insert(host.to_owned(), "themis/lab/x".to_owned());
                let foreign = before.filter(|reason| !reason.starts_with("themis/"));
                if let Some(reason) = foreign.clone() {
                    self.disabled.insert(host.to_owned(), reason);
                }
                return Outcome::Done(json!({"disabled_before": foreign.is_some()}));
            }
            Effect::ForceUp => {
                self.service_calls.push("force_up");
                self.forced_down.remove(host);
            }
            Effect::Enable => {
                self.service_calls.push("enable");
                self.disabled.remove(host);
            }
            Effect::List => {
                let on_host = self.guests.values().filter(|guest| guest.host == host);
                let instances: Vec<_> = on_host.map(|guest| guest.listed.clone()).collect();
                return Outcome::Done(json!({"instances": instances}));
            }
            Effect::ResetState { instance } => self.guest(*instance).vm_state = "error".to_owned(),
            Effect::Stop { instance } => self.guest(*instance).vm_state = "stopped".to_owned(),
            Effect::Evacuate { instance, .. } => self.evacuate(*instance, now),
        }
        Outcome::Done(json!({}))
    }

    fn guest(&mut self, id: InstanceId) -> &mut Guest {
        self.guests.get_mut(&id).expect("Nova knows the instance")
    }

    fn evacuate(&mut self, id: InstanceId, now: Moment) {
        self.posts.push((now, id));
        self.migrations += 1;
        let fails = self.no_valid_host > 0;
        self.no_valid_host = self.no_valid_host.saturating_sub(1);
        let migration = MigrationLook {
            id: self.migrations,
            state: if fails {
                MigrationState::Failed
            } else {
                MigrationState::UnderWay
            },
            dest: None,
        };
        let guest = self.guest(id);
        guest.task_state = (!fails).then(|| "rebuilding".to_owned());
        guest.migrations.push((now, migration));
    }

    /// Lets evacuations go on; `alive` says whether a host can take and start guests.
    pub(crate) fn advance(&mut self, now: Moment, alive: &dyn Fn(&str) -> bool, hosts: &[String]) {
        let takes = |host: &&String| !self.forced_down.contains(*host) && !self.disabled.contains_key(*host);
        let target = hosts.iter().rev().filter(takes).find(|host| alive(host)).cloned();
        for guest in self.guests.values_mut() {
            for (since, migration) in &mut guest.migrations {
                if migration.state != MigrationState::UnderWay {
                    continue;
                }
                let took = now.since(*since);
                if migration.dest.is_none() && took >= EVACUATION_TAKES / 3 {
                    migration.dest.clone_from(&target);
                }
                let Some(dest) = migration.dest.clone().filter(|dest| alive(dest)) else {
                    continue;
                };
                if took >= EVACUATION_TAKES && !self.stalls {
                    migration.state = MigrationState::Done;
                    guest.runs_on.insert(dest.clone());
                    guest.host = dest;
                    guest.vm_state = "active".to_owned();
                    guest.task_state = None;
                }
            }
        }
    }

    /// A host was started anew: its nova-compute starts the guests that were never moved.
    pub(crate) fn booted(&mut self, host: &str) {
        for guest in self.guests.values_mut() {
            if guest.host == host && guest.migrations.is_empty() {
                guest.runs_on.insert(host.to_owned());
            }
        }
    }

    /// A host lost its power: what ran there runs no more.
    pub(crate) fn power_lost(&mut self, host: &str) {
        for guest in self.guests.values_mut() {
            guest.runs_on.remove(host);
        }
    }

    pub(crate) fn look(&self, id: InstanceId) -> InstanceLook {
        let guest = &self.guests[&id];
        InstanceLook {
            id,
            deleted: guest.deleted,
            host: Some(guest.host.clone()),
            vm_state: guest.vm_state.clone(),
            task_state: guest.task_state.clone(),
            migrations: guest
                .migrations
                .iter()
                .map(|(_, migration)| migration.clone())
                .collect(),
            claimed_on: Some(guest.migrations.iter().filter_map(|(_, m)| m.dest.clone()).collect()),
        }
    }

    /// Guests that run on more than one host.
    pub(crate) fn twice(&self) -> Vec<InstanceId> {
        let twice = |guest: &&Guest| guest.runs_on.len() > 1;
        self.guests
            .values()
            .filter(twice)
            .map(|guest| guest.listed.id)
            .collect()
    }

    /// The hosts that guests run on.
    pub(crate) fn running_on(&self, host: &str) -> usize {
        self.guests
            .values()
            .filter(|guest| guest.runs_on.contains(host))
            .count()
    }
}

/// An active instance on shared storage.
pub(crate) fn listed(number: usize) -> ListedInstance {
    ListedInstance {
        id: instance_id(number),
        name: format!("vm-{number}"),
        vm_state: "active".to_owned(),
        task_state: None,
        local_disk: false,
        marked: true,
        priority: 0,
        migrations_before: Vec::new(),
        may_run_on: Vec::new(),
    }
}
