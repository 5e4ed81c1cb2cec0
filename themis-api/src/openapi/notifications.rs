//! `/v1/notifications` and the moves under each.

use serde_json::json;
use themis_db::{NotificationKind, NotificationStatus, VmoveKind, VmoveStatus};
use utoipa::openapi::schema::AnyOfBuilder;

use super::operation::Entry;
use super::shape::{
    Shape, boolean, enveloped, example, integer, list, map, masakari_time, named, null, nullable, number, object, text,
    text_like, text_of, uuid, with_optional, word,
};

const TAG: &str = "notifications";
const MISSING: (u16, &str) = (404, "No such notification.");
const NEW: (u16, &str) = (405, "The word `new` in place of an id.");

/// The shapes of this noun.
pub(super) fn shapes() -> Vec<(&'static str, Shape)> {
    vec![
        ("Notification", notification()),
        ("NotificationCreate", notification_create()),
        ("TaskProgress", task_progress()),
        ("VMove", vmove()),
    ]
}

fn notification() -> Shape {
    let notification = object([
        ("id", integer()),
        ("notification_uuid", uuid()),
        ("generated_time", masakari_time()),
        ("source_host_uuid", uuid()),
        ("type", word(NotificationKind::NAMES)),
        ("payload", map(text())),
        ("status", word(NotificationStatus::NAMES)),
        ("failover_segment_uuid", nullable(uuid())),
        ("message", nullable(text())),
        ("created_at", nullable(masakari_time())),
        ("updated_at", nullable(masakari_time())),
        ("deleted_at", null()),
        ("deleted", boolean()),
    ]);
    with_optional(
        notification,
        [("recovery_workflow_details", list(named("TaskProgress")))],
    )
    .description(Some(
        "`recovery_workflow_details` is there when one is shown at microversion 1.1 or later.",
    ))
    .into()
}

fn task_progress() -> Shape {
    let line = object([("timestamp", text()), ("progress", text()), ("message", text())]);
    object([
        ("name", text()),
        ("progress", number()),
        ("progress_details", list(line)),
        ("state", text()),
    ])
    .into()
}

fn notification_create() -> Shape {
    let on_or_off = || ("event", word(&["STARTED", "STOPPED"]));
    let compute_host = with_optional(
        object([on_or_off()]),
        [
            ("host_status", word(&["NORMAL", "UNKNOWN"])),
            ("cluster_status", word(&["ONLINE", "OFFLINE"])),
        ],
    );
    let vm = object([
        ("instance_uuid", uuid()),
        ("vir_domain_event", text_of(1, 255)),
        ("event", text_of(1, 255)),
    ]);
    let process = object([("process_name", text_of(1, 255)), on_or_off()]);
    let payload = AnyOfBuilder::new()
        .item(compute_host)
        .item(vm)
        .item(process)
        .description(Some("By type: of COMPUTE_HOST, VM, PROCESS."));
    let create = object([
        ("type", word(NotificationKind::NAMES)),
        ("hostname", text_like("^[a-zA-Z0-9-._]+$", 255)),
        ("generated_time", text()),
        ("payload", payload.into()),
    ]);
    example(
        create,
        json!({"type": "COMPUTE_HOST", "hostname": "compute-1", "generated_time": "2026-11-20T08:28:51Z",
               "payload": {"event": "STOPPED", "host_status": "NORMAL", "cluster_status": "OFFLINE"}}),
    )
}

fn vmove() -> Shape {
    object([
        ("id", integer()),
        ("uuid", uuid()),
        ("notification_uuid", uuid()),
        ("instance_uuid", uuid()),
        ("instance_name", text()),
        ("source_host", nullable(text())),
        ("dest_host", nullable(text())),
        ("start_time", nullable(masakari_time())),
        ("end_time", nullable(masakari_time())),
        ("type", word(VmoveKind::NAMES)),
        ("status", word(VmoveStatus::NAMES)),
        ("message", nullable(text())),
        ("created_at", nullable(masakari_time())),
        ("updated_at", nullable(masakari_time())),
        ("deleted_at", null()),
        ("deleted", boolean()),
    ])
    .into()
}

/// The operations of this noun.
pub(super) fn entries() -> Vec<Entry> {
    let one = || enveloped("notification", named("Notification"));
    let (all, path) = ("/v1/notifications", "/v1/notifications/{notification}");
    let (vmoves, vmove) = (
        "/v1/notifications/{notification}/vmoves",
        "/v1/notifications/{notification}/vmoves/{vmove}",
    );
    vec![
        Entry::new("get", all, TAG, "Lists notifications.")
            .answers(200, enveloped("notifications", list(named("Notification")))),
        Entry::new("post", all, TAG, "Takes a monitor's report.")
            .takes(enveloped("notification", named("NotificationCreate")))
            .answers(202, one())
            .refuses(&[(409, "Reported before, or the host is under maintenance.")]),
        Entry::new("get", path, TAG, "Shows a notification.")
            .answers(200, one())
            .refuses(&[MISSING, NEW]),
        Entry::new("get", vmoves, TAG, "Lists the moves of instances.")
            .answers(200, enveloped("vmoves", list(named("VMove"))))
            .refuses(&[MISSING]),
        Entry::new("get", vmove, TAG, "Shows a move.")
            .answers(200, enveloped("vmove", named("VMove")))
            .refuses(&[(404, "No such notification or move."), NEW]),
    ]
}
