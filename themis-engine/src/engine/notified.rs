//! Recoveries that notifications ask for, between the database, the decision core and Nova.

use std::time::Duration;

use themis_core::{HostId, InstanceId, Moment};
use themis_decision::Want;
use themis_decision::notified::{self, Ask, Call, InstanceSight, Notice, Recovery, Turn};
use themis_decision::recovery::Outcome;
use time::OffsetDateTime;

use super::Engine;
use crate::effects;
use crate::ports::store::{StoredNotification, TakenUp};

/// How often a host is asked for a sign of life before something is sent to it.
const ASK_INTERVAL: Duration = Duration::from_secs(1);

impl Engine {
    /// One turn over the notified recoveries; after the hosts', so that a host that fails in this very turn holds them.
    pub(super) fn notified(&mut self, now: Moment) -> Turn {
        self.world.deaf = self.deaf(now);
        let turn = notified::turn(&mut self.world, now);
        for host in &turn.asked {
            self.ask_for_life(*host, now);
        }
        turn
    }

    /// Whether this engine has only begun to hear, or hears none of the monitors that it heard before.
    fn deaf(&self, now: Moment) -> bool {
        let policy = &self.settings.policy;
        let begun = self
            .started
            .is_none_or(|started| now.since(started) < policy.settle_period);
        let evidence = &self.world.evidence;
        let mut observers = evidence.observers.keys();
        let silent = |name: &String| evidence.fresh(name, now, policy.report_age_max()).is_none();
        begun || (!evidence.observers.is_empty() && observers.all(silent))
    }

    /// A question moves nothing: it need not wait for the commit.
    fn ask_for_life(&mut self, host: HostId, now: Moment) {
        let want = Want::AskLife { host };
        if self.throttle.admit(&want, ASK_INTERVAL, now)
            && let Some(subject) = self.subject(host)
        {
            effects::ask(&self.executor, want, subject, None, now);
        }
    }

    /// A notification in status `new`; false when its type is not one of an instance or a process.
    pub(super) fn hear_notification(&mut self, stored: &StoredNotification, now: Moment) -> bool {
        let Some(notice) = self.notice(stored, now) else {
            return false;
        };
        self.world.notified.hear(notice, now);
        true
    }

    /// What the leader before took up goes on, each beginning with a look.
    pub(super) fn adopt_notified(&mut self, taken_up: Vec<TakenUp>, now: Moment) {
        self.world.notified.clear();
        let wall = self.ports.clock.wall();
        let period = self.world.policy.notification_retry_period;
        for stored in taken_up {
            let Some(notice) = self.notice(&stored.notification, now) else {
                continue;
            };
            let retry_at = stored
                .failed_at
                .map(|failed_at| now.plus(period.saturating_sub(age(failed_at, wall))));
            let recovery = Recovery::replay(notice, &stored.rows, retry_at, now);
            self.world.notified.adopt(recovery);
        }
    }

    fn notice(&self, stored: &StoredNotification, now: Moment) -> Option<Notice> {
        let ask = Ask::read(&stored.kind, &stored.payload)?;
        let policy = &self.world.policy;
        let age = age(stored.generated, self.ports.clock.wall());
        let left = policy.notification_expiry.saturating_sub(age);
        Some(Notice {
            id: stored.id,
            host: stored.host,
            ask,
            reported: now.minus(age),
            expires_at: now.plus(left.max(policy.notification_expiry_grace)),
        })
    }

    pub(super) fn look_at_instances(&mut self, instances: &[InstanceId], now: Moment) {
        let interval = self.settings.policy.instance_look_interval;
        for instance in instances {
            if self.throttle.admit_sight(*instance, interval, now) {
                self.executor.sight(*instance, now);
            }
        }
    }

    pub(super) fn sighted(&mut self, instance: InstanceId, sight: Option<Option<InstanceSight>>, asked: Moment) {
        if let Some(sight) = sight {
            self.world.notified.saw(instance, sight.as_ref(), asked);
        }
        let goes_on = self.world.notified.concerns(instance);
        self.throttle.sighted(instance, goes_on);
    }

    pub(super) fn call_ended(&mut self, call: &Call, outcome: Outcome, now: Moment) {
        if let Outcome::Retry(why) | Outcome::Failed(why) | Outcome::Indeterminate(why) = &outcome {
            tracing::warn!("notification {}: {}", call.notification, why.text);
        }
        let retry_at = now.plus(self.world.policy.notification_retry_period);
        let changes = self.world.notified.ended(retry_at, call, outcome, now);
        self.pending.extend(changes);
    }
}

/// How old a time of the database is; a clock ahead of ours makes nothing older.
fn age(at: OffsetDateTime, wall: OffsetDateTime) -> std::time::Duration {
    (wall - at).max(time::Duration::ZERO).unsigned_abs()
}
