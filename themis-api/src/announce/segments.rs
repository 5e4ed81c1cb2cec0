//! A segment in an event.

use themis_db::store::segments::{NewSegment, SegmentChange, SegmentRow};
use themis_messaging::versioned::ObjectTime;
use themis_messaging::versioned::masakari::{FailoverSegment, SegmentApiPayload};

/// A segment that is to be registered: it has no id yet, not even in its `end`.
pub(crate) fn new_segment(new: &NewSegment) -> SegmentApiPayload {
    SegmentApiPayload {
        id: None,
        uuid: None,
        name: new.name.clone(),
        service_type: new.service_type.clone(),
        description: new.description.clone(),
        recovery_method: new.recovery_method.name().to_owned(),
        enabled: Some(new.enabled),
        fault: None,
    }
}

/// A segment as it stands.
pub(crate) fn segment(row: &SegmentRow) -> SegmentApiPayload {
    SegmentApiPayload {
        id: Some(row.id),
        uuid: Some(row.uuid.0),
        name: row.name.clone(),
        service_type: row.service_type.clone(),
        description: row.description.clone(),
        recovery_method: row.recovery_method.name().to_owned(),
        enabled: Some(row.enabled),
        fault: None,
    }
}

/// A segment as it will stand: an update shows the new values from its `start` on.
pub(crate) fn changed_segment(row: &SegmentRow, change: &SegmentChange) -> SegmentApiPayload {
    let mut told = segment(row);
    if let Some(name) = &change.name {
        told.name.clone_from(name);
    }
    if let Some(service_type) = &change.service_type {
        told.service_type.clone_from(service_type);
    }
    if let Some(description) = &change.description {
        told.description.clone_from(description);
    }
    if let Some(method) = change.recovery_method {
        method.name().clone_into(&mut told.recovery_method);
    }
    told.enabled = change.enabled.or(told.enabled);
    told
}

/// A segment within a host.
pub(super) fn parent(row: &SegmentRow) -> FailoverSegment {
    FailoverSegment {
        id: row.id,
        uuid: row.uuid.0,
        name: row.name.clone(),
        service_type: row.service_type.clone(),
        enabled: Some(row.enabled),
        description: row.description.clone(),
        recovery_method: row.recovery_method.name().to_owned(),
        created_at: row.created_at.map(ObjectTime),
        updated_at: row.updated_at.map(ObjectTime),
        deleted_at: None,
        deleted: false,
    }
}
