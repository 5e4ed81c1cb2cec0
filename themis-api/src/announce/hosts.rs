//! A host in an event, with its whole segment.

use themis_db::store::hosts::{HostChange, HostRow, NewHost};
use themis_db::store::segments::SegmentRow;
use themis_messaging::versioned::Object;
use themis_messaging::versioned::masakari::HostApiPayload;

use super::segments::parent;

/// A host that is to be registered: it has no id yet, not even in its `end`.
pub(crate) fn new_host(new: &NewHost, segment: &SegmentRow) -> HostApiPayload {
    HostApiPayload {
        id: None,
        uuid: None,
        name: new.name.clone(),
        failover_segment: Object(parent(segment)),
        host_type: new.host_type.clone(),
        reserved: new.reserved,
        control_attributes: new.control_attributes.clone(),
        on_maintenance: new.on_maintenance,
        fault: None,
    }
}

/// A host as it stands.
pub(crate) fn host(row: &HostRow, segment: &SegmentRow) -> HostApiPayload {
    HostApiPayload {
        id: Some(row.id),
        uuid: Some(row.uuid.0),
        name: row.name.clone(),
        failover_segment: Object(parent(segment)),
        host_type: row.host_type.clone(),
        reserved: row.reserved,
        control_attributes: row.control_attributes.clone(),
        on_maintenance: row.on_maintenance,
        fault: None,
    }
}

/// A host as it will stand: an update shows the new values from its `start` on.
pub(crate) fn changed_host(row: &HostRow, change: &HostChange, segment: &SegmentRow) -> HostApiPayload {
    let mut told = host(row, segment);
    if let Some(name) = &change.name {
        told.name.clone_from(name);
    }
    if let Some(host_type) = &change.host_type {
        told.host_type.clone_from(host_type);
    }
    if let Some(attributes) = &change.control_attributes {
        told.control_attributes.clone_from(attributes);
    }
    told.reserved = change.reserved.unwrap_or(told.reserved);
    told.on_maintenance = change.on_maintenance.unwrap_or(told.on_maintenance);
    told
}
