//! The rows, and what one write does to them.

use std::collections::BTreeMap;

use themis_core::{HostId, IncidentId, Mode, NotificationId, Reason, RequestId, SegmentId, VmoveId};
use themis_decision::notified;
use themis_engine::ports::store::{
    Snapshot, StoreError, StoredHost, StoredNotification, StoredRequest, StoredSegment, StoredState, StoredStep,
    TakenUp, VmoveRow, Write,
};
use time::OffsetDateTime;

/// All tables.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// Segments.
    pub segments: BTreeMap<SegmentId, StoredSegment>,
    /// Hosts with their states and devices.
    pub hosts: BTreeMap<HostId, StoredHost>,
    /// Modes by scope.
    pub modes: BTreeMap<Option<SegmentId>, Mode>,
    /// Requests with what came of them.
    pub requests: Vec<(StoredRequest, Option<(bool, Reason)>)>,
    /// Notifications.
    pub notifications: Vec<NotificationRow>,
    /// Incidents.
    pub incidents: BTreeMap<IncidentId, IncidentRow>,
    /// The workflow log.
    pub steps: Vec<(IncidentId, StoredStep)>,
    /// The logs of notifications about instances and processes.
    pub notified: Vec<(NotificationId, notified::Row)>,
    /// Lines of incidents: incident, kind, reason.
    pub events: Vec<(IncidentId, String, Reason)>,
    /// Moves.
    pub vmoves: BTreeMap<VmoveId, VmoveRow>,
}

/// A notification with its status.
#[derive(Debug, Clone)]
pub struct NotificationRow {
    /// What a monitor, or the engine, wrote.
    pub row: StoredNotification,
    /// `new`, `running`, `finished`, ...
    pub status: String,
    /// Shown to operators.
    pub message: Option<String>,
    /// When its status was last written.
    pub updated: Option<OffsetDateTime>,
}

/// An incident.
#[derive(Debug, Clone)]
pub struct IncidentRow {
    /// Whose.
    pub host: HostId,
    /// Its notification.
    pub notification: NotificationId,
    /// How it ended, once it did.
    pub outcome: Option<String>,
}

fn stale(what: &str) -> StoreError {
    StoreError::Stale(what.to_owned())
}

impl Tables {
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            segments: self.segments.values().cloned().collect(),
            hosts: self.hosts.values().cloned().collect(),
            modes: self.modes.iter().map(|(scope, mode)| (*scope, *mode)).collect(),
            requests: self
                .requests
                .iter()
                .filter(|(_, answer)| answer.is_none())
                .map(|(request, _)| request.clone())
                .collect(),
            notifications: self.new_notifications(),
        }
    }

    /// Those about hosts first.
    fn new_notifications(&self) -> Vec<StoredNotification> {
        let new = self.notifications.iter().filter(|row| row.status == "new");
        let mut rows: Vec<StoredNotification> = new.map(|row| row.row.clone()).collect();
        rows.sort_by(|a, b| a.kind.cmp(&b.kind));
        rows
    }

    pub(super) fn taken_up(&self) -> Vec<TakenUp> {
        let ours = |row: &&NotificationRow| {
            matches!(row.status.as_str(), "running" | "error") && row.row.kind != "COMPUTE_HOST"
        };
        let taken_up = |row: &NotificationRow| {
            let log = self.notified.iter().filter(|(of, _)| *of == row.row.id);
            let failed = (row.status == "error").then(|| row.updated.unwrap_or(row.row.generated));
            TakenUp {
                notification: row.row.clone(),
                failed_at: failed,
                rows: log.map(|(_, step)| step.clone()).collect(),
            }
        };
        self.notifications.iter().filter(ours).map(taken_up).collect()
    }

    pub(super) fn steps_of(&self, incident: IncidentId) -> Vec<StoredStep> {
        let own = self.steps.iter().filter(|(of, _)| *of == incident);
        own.map(|(_, step)| step.clone()).collect()
    }

    pub(super) fn write(&mut self, write: &Write) -> Result<(), StoreError> {
        match write {
            Write::Host { host, state } => self.write_host(*host, state)?,
            Write::Opened { .. } => self.open(write)?,
            Write::Closed {
                incident,
                outcome,
                summary,
                status,
                ..
            } => {
                let notification = self.close(*incident, outcome)?;
                self.notify(notification, status, Some(&summary.text))?;
            }
            Write::Event {
                incident, kind, reason, ..
            } => self.events.push((*incident, kind.clone(), reason.clone())),
            Write::Step { incident, row, at } => {
                let (row, at) = (row.clone(), *at);
                self.steps.push((*incident, StoredStep { row, at }));
            }
            Write::NotifiedStep { notification, row, .. } => self.notified.push((*notification, row.clone())),
            Write::Maintenance { host, on } => {
                if let Some(row) = self.hosts.get_mut(host) {
                    row.on_maintenance = *on;
                }
            }
            Write::Vmove(row) => {
                if self.incidents.contains_key(&row.incident) {
                    self.vmoves.insert(row.id, row.clone());
                }
            }
            Write::Request { id, done, answer, .. } => self.settle(*id, *done, answer)?,
            Write::Mode { segment, mode, .. } => {
                self.modes.insert(*segment, *mode);
            }
            Write::Notification {
                id,
                status,
                message,
                at,
            } => {
                self.notify(*id, status, message.as_deref())?;
                let row = self.notifications.iter_mut().find(|row| row.row.id == *id);
                row.into_iter().for_each(|row| row.updated = Some(*at));
            }
            Write::Held { id, message, .. } => self.notify(*id, "running", message.as_deref())?,
            Write::Message { incident, message } => {
                let open = self.incidents.get(incident).filter(|row| row.outcome.is_none());
                if let Some(notification) = open.map(|row| row.notification) {
                    self.notify(notification, "running", Some(message))?;
                }
            }
            // What the API shows is derived from the rest; no decision reads it.
            Write::View { .. } => {}
        }
        Ok(())
    }

    fn write_host(&mut self, host: HostId, state: &StoredState) -> Result<(), StoreError> {
        let row = self
            .hosts
            .get_mut(&host)
            .ok_or_else(|| stale("host is not registered"))?;
        let before = row.state.as_ref().map_or(0, |stored| stored.generation);
        if state.generation != before + 1 {
            return Err(stale("state of host"));
        }
        row.state = Some(state.clone());
        Ok(())
    }

    fn open(&mut self, write: &Write) -> Result<(), StoreError> {
        let Write::Opened {
            incident,
            host,
            notification,
            adopted,
            ..
        } = write
        else {
            return Ok(());
        };
        if self.incidents.contains_key(incident) {
            return Err(stale("incident exists"));
        }
        if *adopted {
            self.notify(*notification, "running", None)?;
        } else {
            self.notifications.push(NotificationRow {
                row: StoredNotification {
                    id: *notification,
                    host: *host,
                    kind: "COMPUTE_HOST".to_owned(),
                    payload: serde_json::json!({"event": "STOPPED"}),
                    generated: OffsetDateTime::UNIX_EPOCH,
                },
                status: "running".to_owned(),
                message: None,
                updated: None,
            });
        }
        let row = IncidentRow {
            host: *host,
            notification: *notification,
            outcome: None,
        };
        self.incidents.insert(*incident, row);
        Ok(())
    }

    fn close(&mut self, incident: IncidentId, outcome: &str) -> Result<NotificationId, StoreError> {
        let open = self.incidents.get_mut(&incident).filter(|row| row.outcome.is_none());
        let row = open.ok_or_else(|| stale("open incident"))?;
        row.outcome = Some(outcome.to_owned());
        Ok(row.notification)
    }

    fn settle(&mut self, id: RequestId, done: bool, answer: &Reason) -> Result<(), StoreError> {
        let waiting = self
            .requests
            .iter_mut()
            .find(|(request, answer)| request.id == id && answer.is_none());
        waiting.ok_or_else(|| stale("request"))?.1 = Some((done, answer.clone()));
        Ok(())
    }

    fn notify(&mut self, id: NotificationId, status: &str, message: Option<&str>) -> Result<(), StoreError> {
        let row = self
            .notifications
            .iter_mut()
            .find(|notification| notification.row.id == id)
            .ok_or_else(|| stale("notification"))?;
        row.status = status.to_owned();
        row.message = message.map(str::to_owned);
        Ok(())
    }
}
