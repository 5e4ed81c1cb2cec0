//! The database as the engine needs it. It is the truth; the engine's memory is a cache of it plus evidence.
//!
//! Every write goes through [`Store::commit`]: one transaction that also writes the lease row, so that a leader that
//! lost its lease cannot change one more row. An outcome that is not known is said to be so; the engine then resigns
//! and reads everything anew.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use themis_core::network::Importance;
use themis_core::{
    Epoch, HostId, HostState, IncidentId, InstanceId, Mode, NetworkName, NotificationId, PowerDeviceId, Reason,
    RequestId, SegmentId, VmoveId,
};
use themis_decision::notified;
use themis_decision::recovery::StepRow;
use time::OffsetDateTime;

/// All that is registered, asked for and claimed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// Live segments.
    pub segments: Vec<StoredSegment>,
    /// Live hosts.
    pub hosts: Vec<StoredHost>,
    /// The modes; `None` is the installation's.
    pub modes: Vec<(Option<SegmentId>, Mode)>,
    /// Requests that wait.
    pub requests: Vec<StoredRequest>,
    /// Notifications in status `new`.
    pub notifications: Vec<StoredNotification>,
}

/// A segment.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSegment {
    /// Its id.
    pub id: SegmentId,
    /// Its name.
    pub name: String,
    /// HA switched on.
    pub enabled: bool,
    /// Its own importance of networks.
    pub networks: Vec<(NetworkName, Importance)>,
    /// How its hosts are to be recovered, in Masakari's word.
    pub recovery_method: String,
}

/// A host with its stored state, if it has one yet.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredHost {
    /// Its id.
    pub id: HostId,
    /// Its name.
    pub name: String,
    /// Its segment.
    pub segment: SegmentId,
    /// Its maintenance flag.
    pub on_maintenance: bool,
    /// Its state.
    pub state: Option<StoredState>,
    /// Its power devices of the first level.
    pub devices: Vec<StoredDevice>,
}

/// A host's stored state.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredState {
    /// The state.
    pub state: HostState,
    /// Since when.
    pub since: OffsetDateTime,
    /// Why.
    pub reason: Reason,
    /// The incident it is in.
    pub incident: Option<IncidentId>,
    /// The machine's own notes.
    pub detail: Value,
    /// Grows with each write.
    pub generation: i64,
}

/// A power device, its password still sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDevice {
    /// Its id.
    pub id: PowerDeviceId,
    /// `ipmi`.
    pub driver: String,
    /// Where it is.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// System or outlet behind it.
    pub system: String,
    /// Its user.
    pub username: String,
    /// Its password, sealed.
    pub secret: String,
    /// An operator accepted it without proven identity.
    pub accepted: bool,
}

/// An operator's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRequest {
    /// Its id.
    pub id: RequestId,
    /// `enable`, `disable`, `confirm_dead`, `retry`, `mode`.
    pub kind: String,
    /// The host it is about.
    pub host: Option<HostId>,
    /// Its arguments.
    pub args: Value,
    /// Why.
    pub reason: String,
    /// Who.
    pub user: String,
}

/// A notification that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredNotification {
    /// Its id.
    pub id: NotificationId,
    /// The host it is about.
    pub host: HostId,
    /// `COMPUTE_HOST`, `VM` or `PROCESS`.
    pub kind: String,
    /// What it says.
    pub payload: Value,
    /// When its reporter saw what it says, on the reporter's clock.
    pub generated: OffsetDateTime,
}

/// A notification about an instance or a process that a leader took up, with its log.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenUp {
    /// The notification.
    pub notification: StoredNotification,
    /// Since when it is in status `error`; `None` while it is `running`.
    pub failed_at: Option<OffsetDateTime>,
    /// Its log, oldest first.
    pub rows: Vec<notified::Row>,
}

/// A row of the workflow log with when it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredStep {
    /// The row.
    pub row: StepRow,
    /// When.
    pub at: OffsetDateTime,
}

/// The lease row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    /// Who holds it.
    pub holder: String,
    /// The epoch.
    pub token: i64,
    /// Moves with each renewal and each commit.
    pub beat: i64,
}

/// One change to the database.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A host's state; refused when its generation moved.
    Host {
        /// The host.
        host: HostId,
        /// The new row; its generation is the one before plus one.
        state: StoredState,
    },
    /// What the API shows of the host.
    View {
        /// The host.
        host: HostId,
        /// The JSON.
        view: Value,
    },
    /// A new incident with its notification: adopted, or written now.
    Opened {
        /// The incident.
        incident: IncidentId,
        /// The host.
        host: HostId,
        /// Its name.
        host_name: String,
        /// Its segment.
        segment: SegmentId,
        /// The notification's id.
        notification: NotificationId,
        /// It exists already: a claim.
        adopted: bool,
        /// When.
        at: OffsetDateTime,
    },
    /// The end of an incident; its notification gets `status`.
    Closed {
        /// The incident.
        incident: IncidentId,
        /// How it ended.
        outcome: String,
        /// In a sentence.
        summary: Reason,
        /// The notification's status: `finished`, `error`, `ignored`.
        status: String,
        /// When.
        at: OffsetDateTime,
    },
    /// A line of an incident's story.
    Event {
        /// The incident.
        incident: IncidentId,
        /// The host.
        host: HostId,
        /// Its kind.
        kind: String,
        /// What and why.
        reason: Reason,
        /// When it happened.
        at: OffsetDateTime,
    },
    /// A row of the workflow log.
    Step {
        /// The incident.
        incident: IncidentId,
        /// The row.
        row: StepRow,
        /// When.
        at: OffsetDateTime,
    },
    /// A row of the workflow log of a notification about an instance or a process.
    NotifiedStep {
        /// The notification.
        notification: NotificationId,
        /// The row.
        row: notified::Row,
        /// When.
        at: OffsetDateTime,
    },
    /// The maintenance flag.
    Maintenance {
        /// The host.
        host: HostId,
        /// On or off.
        on: bool,
    },
    /// An instance's move, inserted or updated.
    Vmove(VmoveRow),
    /// A request was handled.
    Request {
        /// Which.
        id: RequestId,
        /// Done or refused.
        done: bool,
        /// In a sentence.
        answer: Reason,
        /// When.
        at: OffsetDateTime,
    },
    /// The mode.
    Mode {
        /// A segment's, or all's.
        segment: Option<SegmentId>,
        /// The mode.
        mode: Mode,
        /// Who.
        by: String,
        /// When.
        at: OffsetDateTime,
    },
    /// A notification's status and message.
    Notification {
        /// Which.
        id: NotificationId,
        /// `running`, `finished`, `ignored`, `error`, `failed`.
        status: String,
        /// Shown to operators.
        message: Option<String>,
        /// When.
        at: OffsetDateTime,
    },
    /// The message of a notification about an instance or a process; its status stays `running`.
    Held {
        /// Which.
        id: NotificationId,
        /// Shown to operators.
        message: Option<String>,
        /// When.
        at: OffsetDateTime,
    },
    /// The message of an incident's notification, status `running`: why it is held, or what is being done.
    Message {
        /// The incident.
        incident: IncidentId,
        /// Shown to operators.
        message: String,
    },
}

/// Masakari's record of one instance's move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmoveRow {
    /// Its id.
    pub id: VmoveId,
    /// The incident whose notification it hangs on.
    pub incident: IncidentId,
    /// The instance.
    pub instance: InstanceId,
    /// Its name.
    pub instance_name: String,
    /// Where it was.
    pub source: String,
    /// Where it is now.
    pub dest: Option<String>,
    /// `pending`, `ongoing`, `ignored`, `failed`, `succeeded`.
    pub status: String,
    /// Why.
    pub message: Option<String>,
    /// When the row is written: start time when it becomes ongoing, end time when it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// Why the database did not do as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Not reached, or it refused for the moment; nothing changed.
    #[error("database not available: {0}")]
    Unavailable(String),
    /// The lease is somebody else's: nothing changed.
    #[error("the lease was lost")]
    LeaseLost,
    /// The answer was lost: whether it changed anything is not known.
    #[error("the answer of the database was lost: {0}")]
    Unknown(String),
    /// A row was not as expected (another generation): nothing changed.
    #[error("stale row: {0}")]
    Stale(String),
}

/// The database.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads what is registered, asked for and claimed.
    async fn snapshot(&self) -> Result<Snapshot, StoreError>;
    /// Reads the workflow log of an incident, oldest first.
    async fn steps(&self, incident: IncidentId) -> Result<Vec<StoredStep>, StoreError>;
    /// Reads the notifications about instances and processes that a leader took up and has not ended, oldest first.
    async fn taken_up(&self) -> Result<Vec<TakenUp>, StoreError>;
    /// Reads the lease.
    async fn lease_read(&self) -> Result<Option<LeaseRow>, StoreError>;
    /// Takes the lease if it is still as `seen` (`None`: absent). `Ok(None)`: somebody else was faster.
    async fn lease_take(&self, holder: &str, seen: Option<&LeaseRow>) -> Result<Option<Epoch>, StoreError>;
    /// Renews it.
    async fn lease_renew(&self, holder: &str, epoch: Epoch) -> Result<(), StoreError>;
    /// Gives it up, so that a successor need not wait.
    async fn lease_release(&self, holder: &str, epoch: Epoch) -> Result<(), StoreError>;
    /// Writes all in one transaction, with the lease row.
    async fn commit(&self, holder: &str, epoch: Epoch, writes: &[Write]) -> Result<(), StoreError>;
}
