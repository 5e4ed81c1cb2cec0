//! The database behind the engine's port: one transaction per commit, with the lease row.

use std::collections::BTreeMap;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde_json::json;
use themis_core::{Epoch, HostId, IncidentId};
use themis_db::lease::{self, Lease};
use themis_db::store::host_states::HostStateRow;
use themis_db::store::notifications::{NotificationRow, notification_list_taken_up};
use themis_db::store::power_devices::PowerDeviceRow;
use themis_db::store::snapshot::snapshot_load;
use themis_db::store::workflow_steps::{self, LogOwner, step_list, step_list_of};
use themis_db::{Advice, NotificationStatus, Pool, StoreError as DbError};
use themis_decision::notified;
use themis_decision::recovery::{Step, StepEvent, StepRow};

use super::rows::write_row;
use crate::ports::store::{
    LeaseRow, Snapshot, Store, StoreError, StoredDevice, StoredHost, StoredNotification, StoredRequest, StoredSegment,
    StoredState, StoredStep, TakenUp, Write,
};

/// More notifications than a leader ever took up; they expire after a day.
const TAKEN_UP_LIMIT: u64 = 10_000;
/// Logs that are read in one query.
const LOGS_AT_ONCE: usize = 200;

/// MariaDB or MySQL.
#[derive(Debug, Clone)]
pub struct DatabaseStore {
    pool: Pool,
}

impl DatabaseStore {
    /// Over a pool of connections.
    #[must_use]
    pub const fn new(pool: Pool) -> Self {
        Self { pool }
    }

    /// The pool, for who reads beside the engine.
    #[must_use]
    pub fn pool(&self) -> Pool {
        self.pool.clone()
    }
}

fn error(error: DbError) -> StoreError {
    let text = error.to_string();
    match (&error, error.advice()) {
        (DbError::LeaseLost { .. }, _) => StoreError::LeaseLost,
        (DbError::Stale { .. } | DbError::NotFound { .. } | DbError::AlreadyExists { .. }, _) => {
            StoreError::Stale(text)
        }
        (_, Advice::Unknown) => StoreError::Unknown(text),
        (_, Advice::Retry | Advice::GiveUp) => StoreError::Unavailable(text),
    }
}

fn device(row: &PowerDeviceRow) -> StoredDevice {
    StoredDevice {
        id: row.device.uuid,
        driver: row.device.driver.clone(),
        address: row.device.address.clone(),
        port: row.device.port,
        system: row.device.system.clone(),
        username: row.device.username.clone(),
        secret: row.device.secret.expose_secret().to_owned(),
        accepted: row.device.accepted.is_some(),
    }
}

/// The devices of the first level that a host has; later levels are tried by no rule yet.
fn devices(rows: &[PowerDeviceRow], host: HostId) -> Vec<StoredDevice> {
    let own: Vec<&PowerDeviceRow> = rows.iter().filter(|row| row.device.host_uuid == host).collect();
    let first = own.iter().map(|row| row.device.level).min();
    own.into_iter()
        .filter(|row| Some(row.device.level) == first)
        .map(device)
        .collect()
}

fn state(row: HostStateRow) -> StoredState {
    StoredState {
        state: row.state,
        since: row.since,
        reason: row.reason,
        incident: row.incident_uuid,
        detail: row.detail,
        generation: row.generation,
    }
}

fn snapshot(read: themis_db::store::snapshot::Snapshot) -> Snapshot {
    let mut states: BTreeMap<HostId, HostStateRow> =
        read.host_states.into_iter().map(|row| (row.host_uuid, row)).collect();
    let segments = read.segments.iter().map(|row| StoredSegment {
        id: row.uuid,
        name: row.name.clone(),
        enabled: row.enabled,
        networks: read
            .segment_networks
            .get(&row.uuid)
            .map(|networks| networks.iter().map(|(n, i)| (n.clone(), *i)).collect())
            .unwrap_or_default(),
        recovery_method: row.recovery_method.name().to_owned(),
    });
    let hosts = read.hosts.into_iter().map(|row| StoredHost {
        id: row.uuid,
        name: row.name,
        segment: row.segment_uuid,
        on_maintenance: row.on_maintenance,
        state: states.remove(&row.uuid).map(state),
        devices: devices(&read.power_devices, row.uuid),
    });
    let requests = read.requests.into_iter().map(|row| StoredRequest {
        id: row.request.uuid,
        kind: row.request.kind.name().to_owned(),
        host: row.request.host_uuid,
        args: row.request.args,
        reason: row.request.reason,
        user: row.request.user_name,
    });
    let notifications = read.notifications.into_iter().map(notification);
    let segment_modes = read
        .modes
        .segments
        .into_iter()
        .map(|(segment, mode)| (Some(segment), mode));
    Snapshot {
        segments: segments.collect(),
        hosts: hosts.collect(),
        modes: std::iter::once((None, read.modes.global))
            .chain(segment_modes)
            .collect(),
        requests: requests.collect(),
        notifications: notifications.collect(),
    }
}

fn notification(row: NotificationRow) -> StoredNotification {
    StoredNotification {
        id: row.uuid,
        host: row.source_host_uuid,
        kind: row.kind.name().to_owned(),
        payload: row.payload,
        generated: row.generated_time,
    }
}

fn notified_row(row: workflow_steps::StepRow) -> Result<notified::Row, StoreError> {
    let entry = row.entry;
    // Guessing at a step of a later version would be worse than not leading.
    let unknown = || StoreError::Unavailable(format!("a notification has a step of a later version: {}", entry.step));
    Ok(notified::Row {
        step: notified::Step::named(&entry.step).ok_or_else(unknown)?,
        subject: entry.subject.clone(),
        attempt: entry.attempt.unsigned_abs(),
        event: StepEvent::named(entry.event.name()).ok_or_else(unknown)?,
        payload: entry.payload.clone(),
    })
}

fn step(row: workflow_steps::StepRow) -> Option<StoredStep> {
    let entry = row.entry;
    Some(StoredStep {
        row: StepRow {
            step: Step::named(&entry.step)?,
            subject: entry.subject,
            attempt: entry.attempt.unsigned_abs(),
            event: StepEvent::named(entry.event.name())?,
            payload: entry.payload,
        },
        at: entry.at,
    })
}

#[async_trait]
impl Store for DatabaseStore {
    async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        snapshot_load(&self.pool).await.map(snapshot).map_err(error)
    }

    async fn steps(&self, incident: IncidentId) -> Result<Vec<StoredStep>, StoreError> {
        let rows = step_list(&self.pool, incident).await.map_err(error)?;
        let count = rows.len();
        let steps: Vec<StoredStep> = rows.into_iter().filter_map(step).collect();
        // A step that this version does not know cannot be replayed; guessing would be worse than not leading.
        if steps.len() == count {
            Ok(steps)
        } else {
            Err(StoreError::Unavailable(format!(
                "incident {incident} has steps of a later version"
            )))
        }
    }

    async fn taken_up(&self) -> Result<Vec<TakenUp>, StoreError> {
        let rows = notification_list_taken_up(&self.pool, TAKEN_UP_LIMIT)
            .await
            .map_err(error)?;
        let mut logs: BTreeMap<LogOwner, Vec<notified::Row>> = BTreeMap::new();
        for part in rows.chunks(LOGS_AT_ONCE) {
            let owners: Vec<LogOwner> = part.iter().map(|row| row.uuid.into()).collect();
            for row in step_list_of(&self.pool, &owners).await.map_err(error)? {
                logs.entry(row.entry.owner).or_default().push(notified_row(row)?);
            }
        }
        let taken_up = |row: NotificationRow| TakenUp {
            failed_at: (row.status == NotificationStatus::Error).then(|| row.updated_at.unwrap_or(row.generated_time)),
            rows: logs.remove(&row.uuid.into()).unwrap_or_default(),
            notification: notification(row),
        };
        Ok(rows.into_iter().map(taken_up).collect())
    }

    async fn lease_read(&self) -> Result<Option<LeaseRow>, StoreError> {
        let row = lease::lease_read(&self.pool).await.map_err(error)?;
        Ok(row.map(|Lease { holder, epoch, beat }| LeaseRow {
            holder,
            token: epoch.0,
            beat,
        }))
    }

    async fn lease_take(&self, holder: &str, seen: Option<&LeaseRow>) -> Result<Option<Epoch>, StoreError> {
        let seen = seen.map(|row| Lease {
            holder: row.holder.clone(),
            epoch: Epoch(row.token),
            beat: row.beat,
        });
        lease::lease_take(&self.pool, holder, seen.as_ref())
            .await
            .map_err(error)
    }

    async fn lease_renew(&self, holder: &str, epoch: Epoch) -> Result<(), StoreError> {
        lease::lease_renew(&self.pool, holder, epoch).await.map_err(error)
    }

    async fn lease_release(&self, holder: &str, epoch: Epoch) -> Result<(), StoreError> {
        lease::lease_release(&self.pool, holder, epoch).await.map_err(error)
    }

    async fn commit(&self, holder: &str, epoch: Epoch, writes: &[Write]) -> Result<(), StoreError> {
        lease::epoch_transaction(&self.pool, holder, epoch, async |txn| {
            let txn = &txn;
            for write in writes {
                write_row(txn, write).await?;
            }
            Ok(())
        })
        .await
        .map_err(error)
    }
}

/// What a host shows before its view was first written.
pub(super) fn no_view() -> serde_json::Value {
    json!({"protected": false, "protected_reasons": [], "networks": {}, "power": {}, "hold": null})
}
