//! What parameters mean, by name: in paths, in queries, and the header of the microversion.

use themis_db::{NotificationKind, NotificationStatus, RecoveryMethod, VmoveKind, VmoveStatus};
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};

use super::operation::parameter;
use super::shape::{Shape, integer_of, list, text, text_like, uuid, word};

/// A name in braces in the path.
pub(super) fn in_path(name: &str) -> ParameterBuilder {
    let (shape, meaning) = match name {
        "alias" => (text(), "The alias of an extension."),
        "id" => (text(), "The id of a version: v1.0."),
        "segment" => (uuid(), "The uuid of a segment."),
        "host" => (uuid(), "The uuid of a host."),
        "notification" => (uuid(), "The notification_uuid of a notification."),
        "vmove" => (uuid(), "The uuid of a move."),
        "device" => (uuid(), "The uuid of a power device."),
        "request" => (uuid(), "The uuid of a request."),
        "incident" => (uuid(), "The uuid of an incident."),
        _ => (text(), "An id."),
    };
    parameter(name, ParameterIn::Path, meaning, shape)
}

/// A key of the query of `path`.
pub(super) fn in_query(path: &str, name: &str) -> ParameterBuilder {
    let (shape, meaning) = match name {
        "limit" => (
            integer_of(0, 1_000_000),
            "Rows at most; more than `[api] max_limit` is capped.",
        ),
        "page_size" => (
            integer_of(0, 1_000_000),
            "Checked and otherwise ignored, as in Masakari.",
        ),
        "marker" => (
            integer_of(1, i64::MAX),
            "The integer `id` of the last row of the page before.",
        ),
        "sort_key" => (list(text()), "A column; repeatable."),
        "sort_dir" => (
            list(word(&["asc", "desc"])),
            "For each sort key; the first stands for missing ones.",
        ),
        "on_maintenance" | "reserved" | "enabled" => (truth(), "Only rows where it is so."),
        "generated-since" => (text(), "Only notifications generated at this ISO 8601 time or later."),
        "source_host_uuid" => (text(), "Only notifications of this host."),
        "recovery_method" => (word(RecoveryMethod::NAMES), "Only segments with this method."),
        "service_type" => (text(), "Only segments of this type."),
        "host" => (text(), "Only incidents of this host, by name or uuid."),
        "after" => (integer_of(0, i64::MAX), "Only events with a larger `id`."),
        "type" | "status" => return in_query(path, &format!("{} {name}", noun(path))).name(name),
        "vmoves type" => (word(VmoveKind::NAMES), "Only moves of this type."),
        "vmoves status" => (word(VmoveStatus::NAMES), "Only moves in this status."),
        "notifications type" => (word(NotificationKind::NAMES), "Only notifications of this type."),
        "notifications status" => (word(NotificationStatus::NAMES), "Only notifications in this status."),
        "incidents status" => (word(&["open", "closed"]), "Only incidents in this status."),
        _ => (text(), "Equal to this."),
    };
    parameter(name, ParameterIn::Query, meaning, shape)
}

/// The last word of a path: what it lists.
fn noun(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn truth() -> Shape {
    word(&["1", "t", "true", "on", "y", "yes", "0", "f", "false", "off", "n", "no"])
}

/// The header that asks for a microversion.
pub(super) fn microversion() -> ParameterBuilder {
    parameter(
        "OpenStack-API-Version",
        ParameterIn::Header,
        "The microversion, 1.0 without it.",
        text_like(r"^instance-ha (1\.[0-3]|latest)$", 20),
    )
}
