//! What these tests write.

use std::time::Duration;

use serde_json::json;
use themis_core::{HostId, IncidentId, NotificationId, SegmentId};
use themis_db::store::hosts::NewHost;
use themis_db::store::incidents::NewIncident;
use themis_db::store::notifications::NewNotification;
use themis_db::store::segments::NewSegment;
use themis_db::{NotificationKind, NotificationStatus, Pool, RecoveryMethod, connect_url};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

pub(crate) const NOON: OffsetDateTime = datetime!(2026-11-20 12:00:00.654321 UTC);
pub(crate) const WINDOW: Duration = Duration::from_secs(180);

/// One process's connections by each node.
pub(crate) async fn pools(urls: &[String]) -> Vec<Pool> {
    let mut pools = Vec::new();
    for url in urls {
        pools.push(connect_url(url.clone()).await.unwrap());
    }
    pools
}

pub(crate) fn segment() -> NewSegment {
    NewSegment {
        uuid: SegmentId(Uuid::new_v4()),
        name: format!("s-{}", Uuid::new_v4()),
        service_type: "COMPUTE".to_owned(),
        enabled: true,
        description: None,
        recovery_method: RecoveryMethod::Auto,
    }
}

pub(crate) fn host(segment_uuid: SegmentId) -> NewHost {
    NewHost {
        uuid: HostId(Uuid::new_v4()),
        name: format!("h-{}", Uuid::new_v4()),
        segment_uuid,
        host_type: "COMPUTE".to_owned(),
        reserved: false,
        control_attributes: "SSH".to_owned(),
        on_maintenance: false,
    }
}

pub(crate) fn stopped(host: HostId, segment: SegmentId, seen: OffsetDateTime) -> NewNotification {
    NewNotification {
        uuid: NotificationId(Uuid::new_v4()),
        generated_time: seen,
        source_host_uuid: host,
        kind: NotificationKind::ComputeHost,
        payload: json!({"event": "STOPPED", "host_status": "NORMAL"}),
        status: NotificationStatus::New,
        segment_uuid: segment,
        message: None,
    }
}

pub(crate) fn incident() -> NewIncident {
    NewIncident {
        uuid: IncidentId(Uuid::new_v4()),
        host_uuid: HostId(Uuid::new_v4()),
        host_name: "compute-1".to_owned(),
        segment_uuid: SegmentId(Uuid::new_v4()),
        notification_uuid: None,
        summary: None,
        opened_at: NOON,
    }
}
