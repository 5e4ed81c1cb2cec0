//! One leader's book in a small world; time passes by the second.

use std::time::Duration;

use serde_json::{Value, json};
use themis_core::{HostId, HostState, InstanceId, Mode, Moment, NotificationId, Reason};
use uuid::Uuid;

use crate::evidence::NovaService;
use crate::judge::Change;
use crate::notified::{Ask, Call, Effect, InstanceSight, Notice, Recovery, Row, turn};
use crate::recovery::Outcome;
use crate::testing;
use crate::world::World;

pub(super) const INSTANCE: InstanceId = InstanceId(Uuid::from_u128(7));

/// A leader, and what it stored and sent.
pub(super) struct Story {
    pub(super) world: World,
    pub(super) now: Moment,
    pub(super) changes: Vec<Change>,
    pub(super) calls: Vec<Call>,
    /// The instance, as Nova would show it.
    pub(super) server: Option<InstanceSight>,
    /// Other instances, as Nova would show them.
    pub(super) others: std::collections::BTreeMap<InstanceId, InstanceSight>,
    pub(super) silent: bool,
    /// Monitors say nothing.
    pub(super) mute: bool,
    /// Hosts that the last turn asked for a sign of life.
    pub(super) asked: Vec<HostId>,
    /// How many instances the last turn wanted to see.
    pub(super) sights: usize,
}

impl Story {
    pub(super) fn begin() -> Self {
        let now = Moment(3_600_000_000);
        let mut world = testing::world(3, now);
        world.mode = Mode::Armed;
        for host in world.hosts.values_mut() {
            host.state = HostState::Active;
        }
        let mut story = Self {
            world,
            now,
            changes: Vec::new(),
            calls: Vec::new(),
            server: Some(server("h1", "active")),
            others: std::collections::BTreeMap::new(),
            silent: false,
            mute: false,
            asked: Vec::new(),
            sights: 0,
        };
        story.services_listed();
        story
    }

    pub(super) fn host(&self, name: &str) -> HostId {
        self.world.host_named(name).expect("a host").id
    }

    pub(super) fn state(&mut self, name: &str, state: HostState) {
        let id = self.host(name);
        self.world.hosts.get_mut(&id).expect("a host").state = state;
    }

    fn services_listed(&mut self) {
        for host in self.world.hosts.values() {
            let last = self.world.evidence.nova.get(&host.name);
            let service = NovaService {
                up: last.is_none_or(|last| last.up),
                forced_down: false,
                disabled: last.and_then(|last| last.disabled.clone()),
                updated_at: String::new(),
                at: self.now,
                ..NovaService::default()
            };
            self.world.evidence.nova.insert(host.name.clone(), service);
        }
    }

    pub(super) fn service(&mut self, host: &str) -> &mut NovaService {
        self.world.evidence.nova.get_mut(host).expect("a service")
    }

    /// A notification of `host` in status `new`.
    pub(super) fn notify(&mut self, number: u128, kind: &str, host: &str, payload: &Value) {
        let notice = self.notice(number, kind, host, payload);
        self.world.notified.hear(notice, self.now);
    }

    pub(super) fn notice(&self, number: u128, kind: &str, host: &str, payload: &Value) -> Notice {
        Notice {
            id: NotificationId(Uuid::from_u128(number)),
            host: self.host(host),
            ask: Ask::read(kind, payload).expect("a kind"),
            reported: self.now,
            expires_at: self.now.plus(Duration::from_secs(86_400)),
        }
    }

    pub(super) fn guest_stopped(&mut self) {
        self.notify(1, "VM", "h1", &instance_payload("LIFECYCLE", "STOPPED_FAILED"));
    }

    /// `count` guests of `host` fail; their notifications are numbered from `first`.
    pub(super) fn guests_stopped(&mut self, first: u128, count: u128, host: &str) {
        for number in first..first + count {
            let mut payload = instance_payload("IO_ERROR", "IO_ERROR_REPORT");
            payload["instance_uuid"] = json!(Uuid::from_u128(1000 + number));
            self.notify(number, "VM", host, &payload);
        }
    }

    /// One second: Nova is looked at and listed, one turn is taken. Answers the requests that were begun.
    pub(super) fn second(&mut self) -> Vec<Effect> {
        self.now = self.now.plus(Duration::from_secs(1));
        if !self.silent {
            self.services_listed();
            let asked = self.now;
            self.world.notified.saw(INSTANCE, self.server.as_ref(), asked);
            for (id, sight) in &self.others {
                self.world.notified.saw(*id, Some(sight), asked);
            }
        }
        if !self.mute {
            for heard in self.world.evidence.observers.values_mut() {
                heard.at = self.now;
            }
        }
        let turn = turn(&mut self.world, self.now);
        self.asked = turn.asked.into_iter().collect();
        self.changes.extend(turn.changes);
        self.sights = turn.sights.len();
        self.calls.extend(turn.calls.clone());
        turn.calls.into_iter().map(|call| call.effect).collect()
    }

    /// So many seconds; the requests that were begun meanwhile.
    pub(super) fn seconds(&mut self, count: usize) -> Vec<Effect> {
        (0..count).flat_map(|_| self.second()).collect()
    }

    /// The last requests were taken.
    pub(super) fn done_last(&mut self, count: usize) {
        for call in self.calls.split_at(self.calls.len() - count).1.to_vec() {
            self.end(&call, Outcome::Done(json!({})));
        }
    }

    /// The last request came to its end.
    pub(super) fn answer(&mut self, outcome: Outcome) {
        let call = self.calls.last().expect("a request").clone();
        self.end(&call, outcome);
    }

    fn end(&mut self, call: &Call, outcome: Outcome) {
        let retry_at = self.now.plus(self.world.policy.notification_retry_period);
        let changes = self.world.notified.ended(retry_at, call, outcome, self.now);
        self.changes.extend(changes);
    }

    pub(super) fn done(&mut self) {
        self.answer(Outcome::Done(json!({})));
    }

    pub(super) fn lost(&mut self) {
        self.answer(Outcome::Indeterminate(Reason::new("answer_lost", "lost")));
    }

    /// What Nova shows from now on.
    pub(super) fn shows(&mut self, host: &str, vm_state: &str) {
        self.server = Some(server(host, vm_state));
    }

    /// Statuses that were stored of a notification, in order.
    pub(super) fn statuses(&self, number: u128) -> Vec<&'static str> {
        let of = |change: &Change| match change {
            Change::Notified {
                notification, status, ..
            } if notification.0.as_u128() == number => Some(*status),
            _ => None,
        };
        self.changes.iter().filter_map(of).collect()
    }

    /// The last message that was stored.
    pub(super) fn message(&self) -> String {
        let of = |change: &Change| match change {
            Change::Notified { message, .. } | Change::NotifiedHold { message, .. } => {
                Some(message.clone().unwrap_or_default())
            }
            _ => None,
        };
        self.changes.iter().rev().find_map(of).unwrap_or_default()
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        let of = |change: &Change| match change {
            Change::NotifiedStep { row, .. } => Some(row.clone()),
            _ => None,
        };
        self.changes.iter().filter_map(of).collect()
    }

    /// `step event` of each row.
    pub(super) fn told(&self) -> Vec<String> {
        let word = |row: &Row| format!("{} {}", row.step.name(), row.event.name());
        self.rows().iter().map(word).collect()
    }

    /// The leader dies; its successor reads what is stored.
    pub(super) fn takeover(&mut self, failed_for: Option<Duration>) {
        let notice = self
            .world
            .notified
            .get(NotificationId(Uuid::from_u128(1)))
            .expect("a recovery")
            .notice
            .clone();
        let retry_at = failed_for.map(|since| self.now.plus(self.world.policy.notification_retry_period - since));
        self.world.notified.clear();
        let recovery = Recovery::replay(notice, &self.rows(), retry_at, self.now);
        self.world.notified.adopt(recovery);
    }
}

pub(super) fn stop(host: &str) -> Effect {
    Effect::Stop {
        instance: INSTANCE,
        host: host.to_owned(),
    }
}

pub(super) fn start(host: &str) -> Effect {
    Effect::Start {
        instance: INSTANCE,
        host: host.to_owned(),
    }
}

pub(super) fn reset(host: &str) -> Effect {
    Effect::ResetState {
        instance: INSTANCE,
        host: host.to_owned(),
    }
}

pub(super) fn server(host: &str, vm_state: &str) -> InstanceSight {
    InstanceSight {
        host: Some(host.to_owned()),
        vm_state: vm_state.to_owned(),
        task_state: None,
        metadata: [("HA_Enabled".to_owned(), "True".to_owned())].into(),
    }
}

pub(super) fn instance_payload(event: &str, domain_event: &str) -> Value {
    json!({"instance_uuid": INSTANCE, "event": event, "vir_domain_event": domain_event})
}
