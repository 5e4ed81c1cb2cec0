//! The recovery of one process. Nobody restarts it (its own monitor tried): the host is taken out of service, and, for
//! nova-compute, the scheduler kept away from it.

use themis_core::{Moment, Reason};

use super::ask::NOVA_COMPUTE;
use super::guard::{self, Guard};
use super::{Effect, Out, ProcessAsk, Recovery, Row, Stage, Step};
use crate::judge::Change;
use crate::world::World;

/// One recovery on its way.
pub(super) struct Process<'a> {
    pub world: &'a mut World,
    pub recovery: &'a mut Recovery,
    pub ask: &'a ProcessAsk,
    pub now: Moment,
    pub out: &'a mut Out,
}

impl Process<'_> {
    pub(super) fn advance(&mut self) {
        let host = self.recovery.notice.host;
        let Some(name) = self.world.hosts.get(&host).map(|host| host.name.clone()) else {
            return self.end("ignored", "unknown_host", "the host is no longer registered".to_owned());
        };
        match self.recovery.stage {
            Stage::Open(at) if at <= self.now => self.open(&name),
            Stage::Followed { step, .. } => self.follow(step, &name),
            Stage::Open(_) | Stage::Waiting | Stage::Sent(_) | Stage::Failed(_) | Stage::Over => {}
        }
    }

    fn open(&mut self, host: &str) {
        if !self.admitted(host) {
            return;
        }
        if self.ask.name != NOVA_COMPUTE {
            let text = format!(
                "{host} is on maintenance for {}: nothing else is done for it",
                self.ask.name
            );
            return self.end("finished", "process_noted", text);
        }
        if self.recovery.done.contains(&Step::DisableService) {
            let row = Row::started(self.recovery, Step::ConfirmService, host);
            return self.out.row(self.recovery, row, self.now);
        }
        if self.now.since(self.recovery.since) >= self.world.policy.service_update_period {
            return self.overdue(host);
        }
        let effect = Effect::DisableService {
            host: host.to_owned(),
            reason: self.world.policy.process_disable_reason.clone(),
        };
        self.out
            .begin(self.recovery, Step::DisableService, host, effect, self.now);
    }

    /// Whether something may be touched; the first time, the maintenance flag is set on the process's behalf.
    fn admitted(&mut self, name: &str) -> bool {
        let id = self.recovery.notice.host;
        let Some(guard) = self.world.hosts.get(&id).map(|host| guard::process(self.world, host)) else {
            return false;
        };
        let begun = self.recovery.run > 1 || !self.recovery.tries.is_empty() || !self.recovery.done.is_empty();
        match guard {
            Guard::Go => self.out.release(self.recovery),
            Guard::Observe if begun => {
                let text = "disarmed in the middle of a recovery: 'themis arm' goes on with it";
                self.hold(&Reason::new("observe_mode", text));
                return false;
            }
            Guard::Observe => {
                let text = format!(
                    "Themis only observes: {name} would have been set on maintenance for {}",
                    self.ask.name
                );
                self.end("ignored", "observe_mode", text);
                return false;
            }
            Guard::Hold(why) | Guard::Wait(why) => {
                self.hold(&why);
                return false;
            }
            Guard::Leave(why) => {
                self.end("ignored", &why.code.clone(), why.text);
                return false;
            }
        }
        if !begun && let Some(host) = self.world.hosts.get_mut(&id) {
            host.detail.maintenance_by_process = true;
            host.on_maintenance = true;
            self.out.changes.push(Change::Maintenance { host: id, on: true });
            self.out.changes.push(Change::Host(id));
        }
        true
    }

    /// Held for as long as it takes: no time limit runs meanwhile.
    fn hold(&mut self, why: &Reason) {
        self.out.park(self.recovery, why, self.now);
    }

    /// Nova's services are listed all the time: what was listed later than the step began tells.
    fn follow(&mut self, step: Step, host: &str) {
        let listed = self
            .world
            .evidence
            .nova
            .get(host)
            .filter(|service| service.at > self.recovery.changed);
        match listed.map(|service| service.disabled.is_some()) {
            Some(true) => {
                self.succeed(step, host);
                if step == Step::ConfirmService {
                    self.end(
                        "finished",
                        "service_disabled",
                        format!("nova-compute of {host} is disabled"),
                    );
                }
            }
            // Harmless to repeat.
            Some(false) if step == Step::DisableService => {
                let why = Reason::new("request_lost", "its answer was lost and the service is not disabled");
                let row = Row::failed(self.recovery, step, host, &why, true);
                self.out.row(self.recovery, row, self.now);
            }
            Some(false) | None => {
                if self.now.since(self.recovery.since) >= self.world.policy.service_update_period {
                    self.overdue(host);
                }
            }
        }
    }

    fn overdue(&mut self, host: &str) {
        let step = if self.recovery.done.contains(&Step::DisableService) {
            Step::ConfirmService
        } else {
            Step::DisableService
        };
        let why = Reason::new(
            "service_overdue",
            format!("Failed to disable service {}", self.ask.name),
        );
        let retry_at = self.now.plus(self.world.policy.notification_retry_period);
        self.out.fail(self.recovery, step, host, &why, retry_at, self.now);
    }

    fn succeed(&mut self, step: Step, host: &str) {
        let row = Row::succeeded(self.recovery, step, host);
        self.out.row(self.recovery, row, self.now);
    }

    fn end(&mut self, status: &'static str, code: &str, text: String) {
        self.out.end(self.recovery, status, &Reason::new(code, text), self.now);
    }
}
