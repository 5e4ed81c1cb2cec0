//! A monitor's report in an event.

use themis_db::store::notifications::NewNotification;
use themis_messaging::versioned::ObjectTime;
use themis_messaging::versioned::masakari::NotificationApiPayload;

/// A report that is to be stored: it has no id yet, not even in its `end`.
pub(crate) fn new_notification(new: &NewNotification) -> NotificationApiPayload {
    let entries = new.payload.as_object().into_iter().flatten();
    NotificationApiPayload {
        id: None,
        notification_uuid: None,
        generated_time: ObjectTime(new.generated_time),
        source_host_uuid: new.source_host_uuid.0,
        kind: new.kind.name().to_owned(),
        payload: entries
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
        status: new.status.name().to_owned(),
        fault: None,
    }
}
