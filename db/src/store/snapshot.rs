//! All that a leader needs to begin, read in one transaction and so of one moment.

use std::collections::BTreeMap;

use themis_core::SegmentId;

use super::host_states::{HostStateRow, host_state_list};
use super::hosts::{HostRow, host_list_all};
use super::incidents::{IncidentRow, incident_list_open};
use super::modes::{Modes, mode_read};
use super::notifications::{NotificationRow, notification_list_new};
use super::power_devices::{PowerDeviceRow, power_device_list_all};
use super::requests::{RequestRow, request_list_new};
use super::segment_networks::{SegmentNetworks, segment_network_list_all};
use super::segments::{SegmentRow, segment_list_all};
use super::workflow_steps::{StepRow, step_list_open};
use crate::{Pool, StoreError};

/// How many new notifications and new requests one snapshot brings; the rest come with the next.
pub const INBOX_LIMIT: u64 = 500;

/// The database at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// All living segments.
    pub segments: Vec<SegmentRow>,
    /// All living hosts; each names its segment.
    pub hosts: Vec<HostRow>,
    /// Where hosts stand; also of hosts that are registered no more.
    pub host_states: Vec<HostStateRow>,
    /// All power devices, by level.
    pub power_devices: Vec<PowerDeviceRow>,
    /// What networks mean to segments that say so.
    pub segment_networks: BTreeMap<SegmentId, SegmentNetworks>,
    /// Observe or armed.
    pub modes: Modes,
    /// The oldest requests that are not settled.
    pub requests: Vec<RequestRow>,
    /// The oldest notifications in status `new`.
    pub notifications: Vec<NotificationRow>,
    /// Incidents that go on.
    pub incidents: Vec<IncidentRow>,
    /// Their workflow logs, oldest line first.
    pub steps: Vec<StepRow>,
}

/// Reads the snapshot.
///
/// # Errors
/// The database's trouble.
pub async fn snapshot_load(pool: &Pool) -> Result<Snapshot, StoreError> {
    pool.transaction(async |txn| {
        let txn = &txn;
        Ok(Snapshot {
            segments: segment_list_all(txn).await?,
            hosts: host_list_all(txn).await?,
            host_states: host_state_list(txn).await?,
            power_devices: power_device_list_all(txn).await?,
            segment_networks: segment_network_list_all(txn).await?,
            modes: mode_read(txn).await?,
            requests: request_list_new(txn, INBOX_LIMIT).await?,
            notifications: notification_list_new(txn, INBOX_LIMIT).await?,
            incidents: incident_list_open(txn).await?,
            steps: step_list_open(txn).await?,
        })
    })
    .await
}
