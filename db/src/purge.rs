//! Removing what is old, as `masakari-manage db purge` does, and what Themis has of its own with it: soft-deleted segments,
//! hosts and vmoves by `deleted_at`; notifications that are `finished`, `failed` or `ignored` by `updated_at`, with their
//! vmoves, corroborations, incidents, decision records and workflow logs; incidents that have no notification by
//! `closed_at`; settled requests by `handled_at`; refused reports by when they were said last.
//!
//! What an incident that goes on needs stays, and so does the incident at which a host still stands. Rows go in small
//! batches, what hangs on a row before the row itself, each statement by itself: a purge that is cut off has removed less,
//! and the next one goes on. It takes no lease: nothing that it removes is read by a leader.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;

use crate::entity::{
    TextUuid, corroborations, failover_segments, host_states, hosts, incident_events, incidents, leases, modes,
    notifications, refused_reports, requests, segment_networks, vmoves, workflow_steps,
};
use crate::progress::{Progress, untold};
use crate::stamp::seconds;
use crate::store::queue::{HOST_QUEUE, SEGMENT_QUEUE};
use crate::{IncidentStatus, NotificationStatus, Pool, RequestStatus, StoreError};

use sweep::Sweep;

mod sweep;

/// Notifications, hosts or segments that are looked at together.
const BATCH: u64 = 100;

/// What is to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurgeScope {
    /// Rows that ended before this moment.
    pub before: OffsetDateTime,
    /// Rows of all tables together, at most; `None`: as many as there are.
    pub rows_max: Option<u64>,
    /// Count only.
    pub dry_run: bool,
}

/// Rows that were removed from a table, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purged {
    /// The table.
    pub table: &'static str,
    /// How many.
    pub rows: u64,
}

/// Removes old rows; one entry per table, zeros too.
///
/// # Errors
/// The database's trouble; what was removed before it stays removed.
pub async fn purge(pool: &Pool, scope: PurgeScope) -> Result<Vec<Purged>, StoreError> {
    purge_telling(pool, scope, &mut untold).await
}

/// The same for a caller who waits; told are the rows that are removed, table by table.
///
/// # Errors
/// As [`purge`].
pub async fn purge_telling(pool: &Pool, scope: PurgeScope, progress: Progress<'_>) -> Result<Vec<Purged>, StoreError> {
    let mut purge = Purge {
        pool,
        before: scope.before,
        sweep: Sweep::new(pool, scope.rows_max, scope.dry_run, progress),
        hosts_gone: BTreeSet::new(),
    };
    purge.notifications().await?;
    purge.silent_incidents().await?;
    let old = vmoves::Column::DeletedAt.lt(seconds(scope.before));
    purge
        .sweep
        .table::<vmoves::Entity>("vmoves", vmoves::Column::Id, old)
        .await?;
    let old = refused_reports::Column::LastAt.lt(scope.before);
    purge
        .sweep
        .table::<refused_reports::Entity>("refused_reports", refused_reports::Column::Id, old)
        .await?;
    let settled = RequestStatus::ALL
        .iter()
        .filter(|status| **status != RequestStatus::New);
    let old = Condition::all()
        .add(requests::Column::Status.is_in(settled.map(|status| status.name())))
        .add(requests::Column::HandledAt.lt(scope.before));
    purge
        .sweep
        .table::<requests::Entity>("requests", requests::Column::Id, old)
        .await?;
    purge.hosts().await?;
    purge.segments().await?;
    Ok(purge.sweep.into_counts())
}

struct Purge<'a> {
    pool: &'a Pool,
    before: OffsetDateTime,
    sweep: Sweep<'a>,
    /// Ids of hosts that are removed, or would be.
    hosts_gone: BTreeSet<i32>,
}

impl Purge<'_> {
    async fn notifications(&mut self) -> Result<(), StoreError> {
        let ended = [
            NotificationStatus::Finished,
            NotificationStatus::Failed,
            NotificationStatus::Ignored,
        ];
        let mut after = 0;
        while !self.sweep.is_spent() {
            let batch: Vec<(i32, TextUuid)> = notifications::Entity::find()
                .select_only()
                .columns([notifications::Column::Id, notifications::Column::NotificationUuid])
                .filter(notifications::Column::Status.is_in(ended.map(NotificationStatus::name)))
                .filter(notifications::Column::UpdatedAt.lt(seconds(self.before)))
                .filter(notifications::Column::Id.gt(after))
                .order_by_asc(notifications::Column::Id)
                .limit(BATCH)
                .into_tuple()
                .all(self.pool)
                .await?;
            let Some((last, _)) = batch.last() else { break };
            after = *last;
            self.with_notifications(batch).await?;
        }
        Ok(())
    }

    /// These notifications, unless an incident still needs them, and what hangs on them.
    async fn with_notifications(&mut self, batch: Vec<(i32, TextUuid)>) -> Result<(), StoreError> {
        let uuids: Vec<TextUuid> = batch.iter().map(|(_, uuid)| *uuid).collect();
        let theirs = incidents::Column::NotificationUuid.is_in(uuids);
        let theirs = incidents::Entity::find().filter(theirs).all(self.pool).await?;
        let needed = self.needed(&theirs).await?;
        let kept: BTreeSet<_> = theirs
            .iter()
            .filter(|incident| needed.contains(&incident.uuid.0))
            .filter_map(|incident| incident.notification_uuid.map(|uuid| uuid.0))
            .collect();
        let batch: Vec<_> = batch.into_iter().filter(|(_, uuid)| !kept.contains(&uuid.0)).collect();
        let uuids: Vec<TextUuid> = batch.iter().map(|(_, uuid)| *uuid).collect();
        let stories: Vec<TextUuid> = theirs
            .iter()
            .filter(|incident| incident.notification_uuid.is_some_and(|uuid| !kept.contains(&uuid.0)))
            .map(|incident| incident.uuid)
            // The recovery of one instance or process logs its steps under its notification.
            .chain(uuids.iter().copied())
            .collect();
        self.with_incidents(stories).await?;
        let moved = vmoves::Column::NotificationUuid.is_in(uuids.clone());
        self.sweep
            .table::<vmoves::Entity>("vmoves", vmoves::Column::Id, moved)
            .await?;
        let said = corroborations::Column::NotificationUuid.is_in(uuids);
        self.sweep
            .table::<corroborations::Entity>("corroborations", corroborations::Column::Id, said)
            .await?;
        let ids = notifications::Column::Id.is_in(batch.into_iter().map(|(id, _)| id));
        self.sweep
            .table::<notifications::Entity>("notifications", notifications::Column::Id, ids)
            .await
    }

    async fn with_incidents(&mut self, stories: Vec<TextUuid>) -> Result<(), StoreError> {
        let logged = workflow_steps::Column::IncidentUuid.is_in(stories.clone());
        self.sweep
            .table::<workflow_steps::Entity>("workflow_steps", workflow_steps::Column::Id, logged)
            .await?;
        let told = incident_events::Column::IncidentUuid.is_in(stories.clone());
        self.sweep
            .table::<incident_events::Entity>("incident_events", incident_events::Column::Id, told)
            .await?;
        let these = incidents::Column::Uuid.is_in(stories);
        self.sweep
            .table::<incidents::Entity>("incidents", incidents::Column::Id, these)
            .await
    }

    /// Closed incidents that never had a notification.
    async fn silent_incidents(&mut self) -> Result<(), StoreError> {
        let mut after = 0;
        while !self.sweep.is_spent() {
            let batch = incidents::Entity::find()
                .filter(incidents::Column::NotificationUuid.is_null())
                .filter(incidents::Column::Status.eq(IncidentStatus::Closed.name()))
                .filter(incidents::Column::ClosedAt.lt(self.before))
                .filter(incidents::Column::Id.gt(after))
                .order_by_asc(incidents::Column::Id)
                .limit(BATCH)
                .all(self.pool)
                .await?;
            let Some(last) = batch.last() else { break };
            after = last.id;
            let needed = self.needed(&batch).await?;
            let stories = batch.iter().map(|incident| incident.uuid);
            let stories = stories.filter(|uuid| !needed.contains(&uuid.0)).collect();
            self.with_incidents(stories).await?;
        }
        Ok(())
    }

    /// Which of these go on, or are where a host still stands.
    async fn needed(&self, of: &[incidents::Model]) -> Result<BTreeSet<uuid::Uuid>, StoreError> {
        let open = of
            .iter()
            .filter(|incident| incident.status == IncidentStatus::Open.name());
        let mut needed: BTreeSet<_> = open.map(|incident| incident.uuid.0).collect();
        let uuids = of.iter().map(|incident| incident.uuid);
        let standing: Vec<Option<TextUuid>> = host_states::Entity::find()
            .select_only()
            .column(host_states::Column::IncidentUuid)
            .filter(host_states::Column::IncidentUuid.is_in(uuids))
            .into_tuple()
            .all(self.pool)
            .await?;
        needed.extend(standing.into_iter().flatten().map(|uuid| uuid.0));
        Ok(needed)
    }

    /// Deleted hosts that nothing under way is about, with where they stood.
    async fn hosts(&mut self) -> Result<(), StoreError> {
        let mut after = 0;
        while !self.sweep.is_spent() {
            let batch: Vec<(i32, TextUuid)> = hosts::Entity::find()
                .select_only()
                .columns([hosts::Column::Id, hosts::Column::Uuid])
                .filter(hosts::Column::DeletedAt.lt(seconds(self.before)))
                .filter(hosts::Column::Id.gt(after))
                .order_by_asc(hosts::Column::Id)
                .limit(BATCH)
                .into_tuple()
                .all(self.pool)
                .await?;
            let Some((last, _)) = batch.last() else { break };
            after = *last;
            let needed = self.hosts_in_use(batch.iter().map(|(_, uuid)| *uuid).collect()).await?;
            let batch: Vec<_> = batch
                .into_iter()
                .filter(|(_, uuid)| !needed.contains(&uuid.0))
                .collect();
            let uuids: Vec<TextUuid> = batch.iter().map(|(_, uuid)| *uuid).collect();
            let queues = uuids.iter().map(|uuid| format!("{}{uuid}", HOST_QUEUE));
            let queues = leases::Column::Name.is_in(queues);
            self.sweep
                .table::<leases::Entity>("leases", leases::Column::Name, queues)
                .await?;
            let stood = host_states::Column::HostUuid.is_in(uuids);
            self.sweep
                .table::<host_states::Entity>("host_states", host_states::Column::HostUuid, stood)
                .await?;
            self.hosts_gone.extend(batch.iter().map(|(id, _)| *id));
            let ids = hosts::Column::Id.is_in(batch.into_iter().map(|(id, _)| id));
            self.sweep
                .table::<hosts::Entity>("hosts", hosts::Column::Id, ids)
                .await?;
        }
        Ok(())
    }

    /// Those that an incident that goes on, a state with an incident, or a notification that is not settled is about.
    async fn hosts_in_use(&self, of: Vec<TextUuid>) -> Result<BTreeSet<uuid::Uuid>, StoreError> {
        let open: Vec<TextUuid> = incidents::Entity::find()
            .select_only()
            .column(incidents::Column::HostUuid)
            .filter(incidents::Column::HostUuid.is_in(of.clone()))
            .filter(incidents::Column::Status.eq(IncidentStatus::Open.name()))
            .into_tuple()
            .all(self.pool)
            .await?;
        let standing: Vec<TextUuid> = host_states::Entity::find()
            .select_only()
            .column(host_states::Column::HostUuid)
            .filter(host_states::Column::HostUuid.is_in(of.clone()))
            .filter(host_states::Column::IncidentUuid.is_not_null())
            .into_tuple()
            .all(self.pool)
            .await?;
        let unsettled = [
            NotificationStatus::New,
            NotificationStatus::Running,
            NotificationStatus::Error,
        ];
        let reported: Vec<TextUuid> = notifications::Entity::find()
            .select_only()
            .column(notifications::Column::SourceHostUuid)
            .distinct()
            .filter(notifications::Column::SourceHostUuid.is_in(of))
            .filter(notifications::Column::Status.is_in(unsettled.map(NotificationStatus::name)))
            .into_tuple()
            .all(self.pool)
            .await?;
        let all = open.into_iter().chain(standing).chain(reported);
        Ok(all.map(|uuid| uuid.0).collect())
    }

    /// Deleted segments that no host row names any more, with what was set for them.
    async fn segments(&mut self) -> Result<(), StoreError> {
        let mut after = 0;
        while !self.sweep.is_spent() {
            let batch: Vec<(i32, TextUuid)> = failover_segments::Entity::find()
                .select_only()
                .columns([failover_segments::Column::Id, failover_segments::Column::Uuid])
                .filter(failover_segments::Column::DeletedAt.lt(seconds(self.before)))
                .filter(failover_segments::Column::Id.gt(after))
                .order_by_asc(failover_segments::Column::Id)
                .limit(BATCH)
                .into_tuple()
                .all(self.pool)
                .await?;
            let Some((last, _)) = batch.last() else { break };
            after = *last;
            let uuids: Vec<TextUuid> = batch.iter().map(|(_, uuid)| *uuid).collect();
            let named: Vec<(i32, TextUuid)> = hosts::Entity::find()
                .select_only()
                .columns([hosts::Column::Id, hosts::Column::FailoverSegmentId])
                .filter(hosts::Column::FailoverSegmentId.is_in(uuids))
                .into_tuple()
                .all(self.pool)
                .await?;
            // In a dry run the hosts that would be gone are still there.
            let named = named.into_iter().filter(|(host, _)| !self.hosts_gone.contains(host));
            let named: BTreeSet<_> = named.map(|(_, uuid)| uuid.0).collect();
            let batch: Vec<_> = batch.into_iter().filter(|(_, uuid)| !named.contains(&uuid.0)).collect();
            let uuids: Vec<TextUuid> = batch.iter().map(|(_, uuid)| *uuid).collect();
            let scopes = modes::Column::Scope.is_in(uuids.iter().map(ToString::to_string));
            self.sweep
                .table::<modes::Entity>("modes", modes::Column::Scope, scopes)
                .await?;
            let queues = uuids.iter().map(|uuid| format!("{SEGMENT_QUEUE}{uuid}"));
            let queues = leases::Column::Name.is_in(queues);
            self.sweep
                .table::<leases::Entity>("leases", leases::Column::Name, queues)
                .await?;
            let meant = segment_networks::Column::SegmentUuid.is_in(uuids);
            self.sweep
                .table::<segment_networks::Entity>("segment_networks", segment_networks::Column::Id, meant)
                .await?;
            let ids = failover_segments::Column::Id.is_in(batch.into_iter().map(|(id, _)| id));
            self.sweep
                .table::<failover_segments::Entity>("failover_segments", failover_segments::Column::Id, ids)
                .await?;
        }
        Ok(())
    }
}
