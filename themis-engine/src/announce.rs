//! What others are told of a commit: Masakari's versioned notifications `notification.process.*` and `host.update.*`.
//!
//! [`news`] picks them from the rows that were just stored; the engine hands them on and waits for nobody. Only a leader
//! stores, so only the leader tells. An engine that dies between the commit and the telling tells nothing, and its
//! successor does not catch up: the database is the truth, an event is a courtesy. Read next: `adapters/announce.rs`.

use themis_core::{HostId, IncidentId, NotificationId};
use themis_service::logging::RequestContext;

use crate::ports::store::Write;

/// Whose recovery an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A notification.
    Notification(NotificationId),
    /// The notification that an incident owns.
    Incident(IncidentId),
}

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A notification is being acted upon.
    Begun(NotificationId),
    /// Nothing more is done for a notification.
    Ended {
        /// Which.
        about: About,
        /// Why it failed, if it did.
        failure: Option<String>,
    },
    /// The engine has changed a host's flags.
    HostChanged(HostId),
}

/// Where news go.
pub trait Announce: Send + Sync {
    /// Takes news and returns at once; what cannot be told is dropped. `request`: the one that woke the engine for this
    /// commit, if one did.
    fn announce(&self, news: Vec<News>, request: Option<&RequestContext>);
}

/// What is to be told of a commit, in its order.
#[must_use]
pub fn news(writes: &[Write]) -> Vec<News> {
    writes.iter().filter_map(of).collect()
}

fn of(write: &Write) -> Option<News> {
    match write {
        Write::Opened { notification, .. } => Some(News::Begun(*notification)),
        Write::Closed {
            incident,
            status,
            summary,
            ..
        } => Some(News::Ended {
            about: About::Incident(*incident),
            failure: has_failed(status).then(|| summary.text.clone()),
        }),
        Write::Notification { id, status, .. } if status == "running" => Some(News::Begun(*id)),
        Write::Notification {
            id, status, message, ..
        } => Some(News::Ended {
            about: About::Notification(*id),
            failure: has_failed(status).then(|| message.clone().unwrap_or_default()),
        }),
        Write::Maintenance { host, .. } => Some(News::HostChanged(*host)),
        _ => None,
    }
}

/// A notification that was ignored has ended, not failed. Upstream says `error` for an instance that is paused or rescued,
/// and nothing at all of an end for other ignored ones: `docs/operators/compatibility.md` has the list.
fn has_failed(status: &str) -> bool {
    matches!(status, "error" | "failed")
}

#[cfg(test)]
mod tests {
    use themis_core::{Reason, SegmentId};
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    fn closed(status: &str) -> Write {
        Write::Closed {
            incident: IncidentId(Uuid::nil()),
            outcome: "any".to_owned(),
            summary: Reason::new("any", "2 instances were not evacuated"),
            status: status.to_owned(),
            at: datetime!(2026-11-20 08:30 UTC),
        }
    }

    fn marked(status: &str, message: Option<&str>) -> Write {
        Write::Notification {
            id: NotificationId(Uuid::nil()),
            status: status.to_owned(),
            message: message.map(str::to_owned),
            at: datetime!(2026-11-20 08:30 UTC),
        }
    }

    #[test]
    fn a_commit_is_told_in_its_order_and_only_what_consumers_know() {
        let (notification, host) = (NotificationId(Uuid::from_u128(7)), HostId(Uuid::from_u128(8)));
        let opened = Write::Opened {
            incident: IncidentId(Uuid::nil()),
            host,
            host_name: "compute-1".to_owned(),
            segment: SegmentId(Uuid::nil()),
            notification,
            adopted: true,
            at: datetime!(2026-11-20 08:30 UTC),
        };
        let message = Write::Message {
            incident: IncidentId(Uuid::nil()),
            message: "fencing".to_owned(),
        };
        let told = news(&[message, opened, Write::Maintenance { host, on: true }]);
        assert_eq!(told, [News::Begun(notification), News::HostChanged(host)]);
    }

    #[test]
    fn an_end_is_a_failure_only_when_the_status_says_so() {
        let failure = |write: Write| match news(&[write]).pop() {
            Some(News::Ended { failure, .. }) => failure,
            other => panic!("no end: {other:?}"),
        };
        assert_eq!(failure(closed("finished")), None);
        assert_eq!(failure(closed("ignored")), None);
        assert_eq!(
            failure(closed("failed")).as_deref(),
            Some("2 instances were not evacuated")
        );
        assert_eq!(failure(marked("ignored", Some("the host is evacuated already"))), None);
        assert_eq!(
            failure(marked("error", Some("no reserved host"))).as_deref(),
            Some("no reserved host")
        );
        assert_eq!(failure(marked("failed", None)).as_deref(), Some(""));
    }

    #[test]
    fn a_notification_that_runs_has_begun() {
        assert_eq!(
            news(&[marked("running", None)]),
            [News::Begun(NotificationId(Uuid::nil()))]
        );
    }
}
