//! Recoveries that notifications ask for, between the database, the decision core and Nova.

use themis_core::{InstanceId, Moment};
use themis_decision::notified::{self, Ask, Call, InstanceSight, Notice, Recovery, Turn};
use themis_decision::recovery::Outcome;
use time::OffsetDateTime;

use super::Engine;
use crate::ports::store::{StoredNotification, TakenUp};

impl Engine {
    /// One turn over the notified recoveries; after the hosts', so that a host that fails in this very turn holds them.
    pub(super) fn notified(&mut self, now: Moment) -> Turn {
        let heard = self.started.map(|started| now.since(started));
        self.world.deaf = heard.is_none_or(|heard| heard < self.settings.policy.settle_period);
        notified::turn(&mut self.world, now)
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
