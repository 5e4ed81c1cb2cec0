//! What others ask of the leader: operators' requests, and claims by Masakari's monitors (notifications).

use serde_json::json;
use themis_core::{HostState, Moment, Reason};
use themis_decision::notified::SEGMENT_DISABLED;
use themis_decision::requests::{Ask, ModeAsk, Request, answer};
use themis_decision::world::Claim;

use super::Engine;
use crate::ports::store::{StoredNotification, StoredRequest, Write};

impl Engine {
    pub(super) fn petitions(&mut self, now: Moment) {
        for request in std::mem::take(&mut self.snapshot.requests) {
            self.handle(&request, now);
        }
        for notification in std::mem::take(&mut self.snapshot.notifications) {
            if !self.hear_notification(&notification, now) {
                self.consider(&notification);
            }
        }
    }

    fn handle(&mut self, stored: &StoredRequest, now: Moment) {
        let request = match read(stored) {
            Ok(ask) => Request {
                user: stored.user.clone(),
                reason: stored.reason.clone(),
                ask,
            },
            Err(text) => return self.answered(stored, false, Reason::new("bad_request", text)),
        };
        let answer = answer(&mut self.world, &request, now);
        self.pending.extend(answer.changes);
        if let Some((segment, mode)) = answer.mode {
            let at = self.ports.clock.wall();
            self.writes.push(Write::Mode {
                segment,
                mode,
                by: stored.user.clone(),
                at,
            });
        }
        let reason = answer
            .reason
            .unwrap_or_else(|| Reason::new("unknown_host", "the host is no longer registered"));
        tracing::info!("request {} by {}: {}", stored.kind, stored.user, reason.text);
        self.answered(stored, answer.done, reason);
    }

    fn answered(&mut self, stored: &StoredRequest, done: bool, answer: Reason) {
        let at = self.ports.clock.wall();
        self.writes.push(Write::Request {
            id: stored.id,
            done,
            answer,
            at,
        });
    }

    /// A claim opens a check; it is never more than that here. What Themis does not act upon is said to be ignored.
    fn consider(&mut self, notification: &StoredNotification) {
        if notification.kind != "COMPUTE_HOST" {
            return self.mark(notification, "ignored", "a notification of this type is not known here");
        }
        let segment = self.world.hosts.get(&notification.host).map(|host| host.segment);
        let segment = segment.and_then(|segment| self.world.segments.get(&segment));
        if segment.is_some_and(|segment| !segment.enabled) {
            return self.mark(notification, "ignored", SEGMENT_DISABLED);
        }
        if notification.payload["event"] != json!("STOPPED") {
            return self.mark(notification, "finished", "nothing to do");
        }
        let Some(host) = self.world.hosts.get_mut(&notification.host) else {
            return self.mark(notification, "ignored", "the host is no longer registered");
        };
        match host.state {
            HostState::Active => {
                // Its row stays new until the incident that adopts it is stored.
                host.watch.claim.get_or_insert_with(|| Claim {
                    notification: notification.id,
                    reason: Reason::new(
                        "claimed",
                        format!("a monitor's notification says that {} stopped", host.name),
                    )
                    .with(notification.payload.clone()),
                });
            }
            HostState::Initializing | HostState::Disabled => {
                let message = format!("the host is {}: it is never fenced from there", host.state);
                self.mark(notification, "ignored", &message);
            }
            HostState::Checking
            | HostState::Failed
            | HostState::Fencing
            | HostState::Fenced
            | HostState::Evacuating
            | HostState::Evacuated
            | HostState::Recovering => {
                let message = format!("the host is {} already", host.state);
                self.mark(notification, "ignored", &message);
            }
        }
    }

    fn mark(&mut self, notification: &StoredNotification, status: &str, message: &str) {
        let (status, message) = (status.to_owned(), Some(message.to_owned()));
        self.writes.push(Write::Notification {
            id: notification.id,
            status,
            message,
            at: self.ports.clock.wall(),
        });
    }
}

fn read(stored: &StoredRequest) -> Result<Ask, String> {
    if stored.kind == "mode" {
        return serde_json::from_value::<ModeAsk>(stored.args.clone())
            .map(Ask::Mode)
            .map_err(|error| format!("the mode request cannot be read: {error}"));
    }
    let host = stored
        .host
        .ok_or_else(|| format!("a request '{}' needs a host", stored.kind))?;
    match stored.kind.as_str() {
        "enable" => Ok(Ask::Enable(host)),
        "disable" => Ok(Ask::Disable(host)),
        "confirm_dead" => Ok(Ask::ConfirmDead(host)),
        "retry" => Ok(Ask::Retry(host)),
        other => Err(format!("unknown request '{other}'")),
    }
}
