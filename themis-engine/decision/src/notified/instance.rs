//! The recovery of one instance: stop, start, see it active. What comes next is decided from what Nova shows now and
//! from the log, never from what ought to be.

use std::fmt::Write;
use std::time::Duration;

use themis_core::{HostState, Moment, Reason};

use super::guard::{self, Guard};
use super::{Effect, InstanceAsk, InstanceSight, Out, Recovery, Row, Stage, Step};
use crate::world::World;

/// How often one step is sent in a run; its time limit ends it earlier, unless every answer is lost.
const TRIES_MAX: u32 = 25;

/// A look without an answer is not worth a word before this.
const ANSWER_USUAL: Duration = Duration::from_secs(5);

/// How lately a host's own monitor must have spoken when a request is sent to that host.
const LIFE_AGE_MAX: Duration = Duration::from_secs(1);

/// One recovery on its way.
pub(super) struct Instance<'a> {
    pub world: &'a World,
    pub recovery: &'a mut Recovery,
    pub ask: &'a InstanceAsk,
    pub now: Moment,
    pub out: &'a mut Out,
    /// Places that are free: one that was held needs one to go on.
    pub places: &'a mut usize,
}

impl Instance<'_> {
    pub(super) fn advance(&mut self) {
        match self.recovery.stage {
            Stage::Open(at) if at <= self.now => self.open(),
            Stage::Followed { step, doubtful } => self.follow(step, doubtful),
            Stage::Open(_) | Stage::Waiting | Stage::Sent(_) | Stage::Failed(_) | Stage::Over => {}
        }
    }

    fn subject(&self) -> String {
        self.ask.instance.to_string()
    }

    /// The next look decides.
    fn open(&mut self) {
        if !self.recovery.touched && self.host_holds() {
            return;
        }
        let Some(seen) = self.recovery.seen() else {
            if self.now.since(self.recovery.changed) < ANSWER_USUAL {
                return;
            }
            let text = format!("Nova does not show instance {}", self.ask.instance);
            return self.wait(&Reason::new("nova_silent", text));
        };
        let Some(sight) = seen.cloned() else {
            return self.end(
                "ignored",
                "instance_gone",
                format!("instance {} no longer exists", self.ask.instance),
            );
        };
        if (!self.recovery.touched && self.not_ours(&sight)) || self.at_rest_on_purpose(&sight) {
            return;
        }
        if self.recovered(&sight) {
            return self.confirmed();
        }
        let Some(host) = sight.host.clone() else {
            let text = format!("instance {} is on no host", self.ask.instance);
            return self.end("ignored", "instance_without_host", text);
        };
        match guard::instance(self.world, &host, self.ask.instance, self.now) {
            Guard::Go => {}
            Guard::Observe if self.recovery.touched => {
                return self.hold(&Reason::new(
                    "observe_mode",
                    "disarmed in the middle of a recovery: 'themis arm' goes on with it",
                ));
            }
            Guard::Observe => {
                let text = format!(
                    "Themis only observes: instance {} would have been stopped and started on {host}",
                    self.ask.instance
                );
                return self.end("ignored", "observe_mode", text);
            }
            Guard::Leave(_) if self.recovery.touched && self.operator_took_out(&host) => {}
            Guard::Hold(why) => return self.hold(&why),
            // What was stopped here must run again: it is started when whoever has it is done.
            Guard::Leave(why) if self.recovery.touched => return self.hold(&why),
            Guard::Leave(why) => return self.end("ignored", &why.code.clone(), why.text),
            Guard::Wait(why) => return self.wait(&why),
        }
        if let Some(task) = &sight.task_state {
            let text = format!("Nova is busy with instance {}: {task}", self.ask.instance);
            return self.wait(&Reason::new("instance_busy", text));
        }
        if (self.recovery.parked && !self.take_place()) || self.awaits_life(&host) {
            return;
        }
        self.out.release(self.recovery);
        self.next(&sight, host);
    }

    /// Whether the host that reported holds it, without a look; what it held before needs a place to go on.
    fn host_holds(&mut self) -> bool {
        let host = self.world.hosts.get(&self.recovery.notice.host);
        if let Some(why) = host.and_then(|host| guard::host_hold(self.world, host)) {
            self.hold(&why);
            return true;
        }
        self.recovery.parked && !self.take_place()
    }

    /// Nova learns of a host's death a minute late: a host whose monitor reports is asked right before each request, so that
    /// hardly any reaches the queue of a dead nova-compute.
    fn awaits_life(&mut self, host: &str) -> bool {
        let evidence = &self.world.evidence;
        let reports = evidence
            .fresh(host, self.now, self.world.policy.report_age_max())
            .is_some();
        let Some(record) = self.world.host_named(host).filter(|_| reports) else {
            return false;
        };
        if evidence.spoke_within(host, self.now, LIFE_AGE_MAX) {
            return false;
        }
        self.out.asked.insert(record.id);
        if self.now.since(self.recovery.changed) >= ANSWER_USUAL {
            let text = format!("{host} does not answer when asked for a sign of life: nothing is sent to it");
            self.wait(&Reason::new("life_asked", text));
        }
        true
    }

    /// Goes on when there is a place; its time begins then.
    fn take_place(&mut self) -> bool {
        self.recovery.since = self.now;
        if *self.places == 0 {
            let text = "nothing holds it back any more; it waits for its turn among the recoveries";
            self.out.hold(self.recovery, &Reason::new("turn_awaited", text));
            return false;
        }
        *self.places -= 1;
        self.recovery.parked = false;
        self.recovery.changed = self.now;
        true
    }

    /// Ends what is not to be touched at all; true when it did.
    fn not_ours(&mut self, sight: &InstanceSight) -> bool {
        let policy = &self.world.policy;
        let marked = sight
            .metadata
            .get(&policy.instance_ha_key)
            .is_some_and(|text| super::ask::truth(text));
        let id = self.ask.instance;
        if !marked && !policy.instance_process_all {
            let why = Reason::new(
                "instance_not_ha",
                format!("Skipping recovery for instance: {id} as it is not Ha_Enabled"),
            );
            self.skip("finished", &why);
            return true;
        }
        let reporter = self
            .world
            .hosts
            .get(&self.recovery.notice.host)
            .map(|host| host.name.as_str());
        if reporter.is_some() && sight.host.as_deref() != reporter {
            let text = format!(
                "instance {id} is on {}, not on {} that reported it",
                sight.host.as_deref().unwrap_or("no host"),
                reporter.unwrap_or_default()
            );
            self.end("ignored", "instance_elsewhere", text);
            return true;
        }
        false
    }

    /// Ends what somebody paused or rescues; true when it did.
    fn at_rest_on_purpose(&mut self, sight: &InstanceSight) -> bool {
        let (id, state) = (self.ask.instance, sight.vm_state.as_str());
        if !matches!(state, "paused" | "rescued") || self.recovery.done.contains(&Step::StopInstance) {
            return false;
        }
        let text = format!("Recovery of instance '{id}' is ignored as it is in '{state}' state.");
        self.skip("ignored", &Reason::new("instance_paused", text));
        true
    }

    /// Whether it runs again: started by this recovery, or brought back elsewhere by its host's.
    fn recovered(&self, sight: &InstanceSight) -> bool {
        let reporter = self
            .world
            .hosts
            .get(&self.recovery.notice.host)
            .map(|host| host.name.as_str());
        let moved = self.recovery.touched && sight.host.is_some() && sight.host.as_deref() != reporter;
        let started = self.recovery.start_sent || self.recovery.done.contains(&Step::StopInstance);
        sight.rests("active") && (started || moved)
    }

    /// The next step, with everything in order.
    fn next(&mut self, sight: &InstanceSight, host: String) {
        let instance = self.ask.instance;
        if sight.vm_state == "stopped" {
            if !self.recovery.done.contains(&Step::StopInstance) {
                self.succeed(Step::StopInstance);
            }
            return self.send(Step::StartInstance, Effect::Start { instance, host });
        }
        if self.recovery.done.contains(&Step::StopInstance) {
            let text = format!(
                "Invalid state for Instance {instance}. Expected state: 'STOPPED', Actual state: '{}'",
                sight.vm_state
            );
            return self.fail(Step::StartInstance, &Reason::new("instance_not_stopped", text));
        }
        if sight.vm_state == "resized" {
            return self.send(Step::ResetInstance, Effect::ResetState { instance, host });
        }
        self.send(Step::StopInstance, Effect::Stop { instance, host });
    }

    /// What was asked for is looked at until it holds.
    fn follow(&mut self, step: Step, doubtful: bool) {
        let seen = self.recovery.seen().map(Option::<&InstanceSight>::cloned);
        if let Some(None) = seen {
            return self.end(
                "ignored",
                "instance_gone",
                format!("instance {} was deleted meanwhile", self.ask.instance),
            );
        }
        let sight = seen.flatten();
        if let Some(sight) = &sight {
            match step {
                Step::StopInstance if sight.rests("stopped") => return self.succeed(step),
                Step::StartInstance | Step::ConfirmInstance if sight.rests("active") => return self.confirmed(),
                // A reset is harmless to repeat; the next look decides.
                Step::ResetInstance => return self.recovery.go(Stage::Open(self.now), self.now),
                _ if self.recovered(sight) => return self.confirmed(),
                _ => {}
            }
            if let Some(host) = &sight.host
                && let Guard::Hold(why) | Guard::Leave(why) =
                    guard::instance(self.world, host, self.ask.instance, self.now)
                && !self.operator_took_out(host)
            {
                return self.hold(&why);
            }
            if self.stranded(step, sight) {
                let text = format!(
                    "it was moved before the start took effect and is stopped where it is now; {}",
                    left_behind(self.recovery.started_on.iter())
                );
                return self.again(step, &Reason::new("start_left_behind", text));
            }
        }
        self.out.release(self.recovery);
        let policy = &self.world.policy;
        let age = self.now.since(self.recovery.since);
        if doubtful {
            let idle = sight.as_ref().is_some_and(|sight| sight.task_state.is_none());
            if idle && age >= policy.nova_request_horizon {
                let text = "its answer was lost and nothing came of it within the horizon";
                self.again(step, &Reason::new("request_lost", text));
            } else if age >= policy.nova_request_horizon + policy.instance_stop_period {
                self.overdue(step);
            }
            return;
        }
        let limit = match step {
            Step::ConfirmInstance => policy.instance_start_period,
            _ => policy.instance_stop_period,
        };
        if age >= limit {
            self.overdue(step);
        }
    }

    /// Whether a start was sent to a host on which the instance is no longer.
    fn stranded(&self, step: Step, sight: &InstanceSight) -> bool {
        matches!(step, Step::StartInstance | Step::ConfirmInstance)
            && sight.rests("stopped")
            && sight.host.is_some()
            && sight.host != self.recovery.started_on
    }

    /// The step did not hold; the next look decides what is sent.
    fn again(&mut self, step: Step, why: &Reason) {
        let row = Row::failed(self.recovery, step, &self.subject(), why, true);
        self.out.row(self.recovery, row, self.now);
    }

    fn overdue(&mut self, step: Step) {
        let verb = if step == Step::StopInstance { "stop" } else { "start" };
        let text = format!("Failed to {verb} instance {}", self.ask.instance);
        self.fail(step, &Reason::new("instance_overdue", text));
    }

    /// It runs: what was not yet told of its start is told now.
    fn confirmed(&mut self) {
        for step in [Step::StartInstance, Step::ConfirmInstance] {
            if !self.recovery.done.contains(&step) {
                self.succeed(step);
            }
        }
        let mut text = format!("instance {} is active", self.ask.instance);
        if !self.recovery.strays.is_empty() {
            let _ = write!(text, "; {}", left_behind(self.recovery.strays.iter()));
        }
        self.end("finished", "instance_recovered", text);
    }

    fn operator_took_out(&self, host: &str) -> bool {
        self.world
            .host_named(host)
            .is_some_and(|host| host.state == HostState::Disabled)
    }

    fn send(&mut self, step: Step, effect: Effect) {
        let tries = self.recovery.tries.get(&step).copied().unwrap_or(0);
        let late = self.now.since(self.recovery.since) >= self.world.policy.instance_stop_period;
        if tries >= TRIES_MAX || (tries > 0 && late) {
            return self.overdue(step);
        }
        let subject = self.subject();
        self.out.begin(self.recovery, step, &subject, effect, self.now);
    }

    fn succeed(&mut self, step: Step) {
        let row = Row::succeeded(self.recovery, step, &self.subject());
        self.out.row(self.recovery, row, self.now);
    }

    fn skip(&mut self, status: &'static str, why: &Reason) {
        let row = Row::skipped(self.recovery, Step::StopInstance, &self.subject(), why);
        self.out.row(self.recovery, row, self.now);
        self.out.end(self.recovery, status, why, self.now);
    }

    fn end(&mut self, status: &'static str, code: &str, text: String) {
        self.out.end(self.recovery, status, &Reason::new(code, text), self.now);
    }

    fn fail(&mut self, step: Step, why: &Reason) {
        let (subject, retry_at) = (
            self.subject(),
            self.now.plus(self.world.policy.notification_retry_period),
        );
        self.out.fail(self.recovery, step, &subject, why, retry_at, self.now);
    }

    fn hold(&mut self, why: &Reason) {
        self.out.park(self.recovery, why, self.now);
    }

    /// Held until it passes, or the step's time is over.
    fn wait(&mut self, why: &Reason) {
        if self.now.since(self.recovery.since) >= self.world.policy.instance_stop_period {
            let step = if self.recovery.done.contains(&Step::StopInstance) {
                Step::StartInstance
            } else {
                Step::StopInstance
            };
            return self.fail(step, why);
        }
        self.out.hold(self.recovery, why);
    }
}

/// What an operator must know of starts that Nova took and that were not carried out before the host died.
fn left_behind<'a>(hosts: impl Iterator<Item = &'a String>) -> String {
    let hosts: Vec<&str> = hosts.map(String::as_str).collect();
    let hosts = hosts.join(", ");
    format!(
        "a start of it may still lie in the queue of nova-compute on {hosts}: empty that queue before nova-compute is \
         started there, or the instance is started there too"
    )
}
