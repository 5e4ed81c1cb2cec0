//! `/v1/notifications/{notification}/vmoves`.

use crate::routes::case::Case;

const KEYS: &[&str] = &[
    "id",
    "uuid",
    "notification_uuid",
    "instance_uuid",
    "instance_name",
    "source_host",
    "dest_host",
    "start_time",
    "end_time",
    "type",
    "status",
    "message",
    "created_at",
    "updated_at",
    "deleted_at",
    "deleted",
];

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of("get", "/v1/notifications/{notification}/vmoves").answers("vmoves", KEYS),
        Case::missing_action("post", "/v1/notifications/{notification}/vmoves"),
        Case::of("get", "/v1/notifications/{notification}/vmoves/{vmove}").answers("vmove", KEYS),
        Case::missing_action("put", "/v1/notifications/{notification}/vmoves/{vmove}"),
        Case::missing_action("delete", "/v1/notifications/{notification}/vmoves/{vmove}"),
        Case::missing_action("get", "/v1/notifications/{notification}/vmoves/{vmove}/edit"),
    ]
}
