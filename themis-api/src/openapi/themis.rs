//! `/themis/v1`: hosts as the engine sees them, what operators ask for, power devices, mode, incidents, the leader.

use themis_core::{HostState, Mode};
use themis_db::{IncidentStatus, NotificationKind, ReportAnswer, RequestKind, RequestStatus, StepEvent};

use super::operation::Entry;
use super::shape::{
    Shape, anything, boolean, enveloped, integer, integer_of, list, list_of, map, named, nullable, object, text,
    text_of, utc_time, uuid, with_optional, word,
};

const HOST_MISSING: (u16, &str) = (404, "No such host.");
const REQUEST_MISSING: (u16, &str) = (404, "No such request.");
const INCIDENT_MISSING: (u16, &str) = (404, "No such incident.");
const DEVICE_MISSING: (u16, &str) = (404, "No such host or power device.");

fn host_state() -> Shape {
    word(&HostState::ALL.map(HostState::name))
}

fn mode() -> Shape {
    word(&[Mode::Observe.name(), Mode::Armed.name()])
}

fn reasons() -> Shape {
    list(named("Reason"))
}

/// The shapes of these nouns.
pub(super) fn shapes() -> Vec<(&'static str, Shape)> {
    let reason = object([("code", text()), ("text", text()), ("data", anything())]).description(Some(
        "A stable code for programs, a sentence for people, the figures behind it.",
    ));
    let request = object([
        ("uuid", uuid()),
        ("kind", word(RequestKind::NAMES)),
        ("host_uuid", nullable(uuid())),
        ("status", word(RequestStatus::NAMES)),
        ("answer", nullable(named("Reason"))),
        ("created_at", utc_time()),
        ("handled_at", nullable(utc_time())),
    ]);
    vec![
        ("Reason", reason.into()),
        ("HostState", host()),
        ("HostReport", host_report()),
        ("Request", request.into()),
        ("PowerDevice", power_device()),
        ("PowerDeviceCreate", power_device_create()),
        ("PowerDeviceTest", power_device_test()),
        ("Incident", incident()),
        ("IncidentWithSteps", incident_with_steps()),
        ("IncidentEvent", incident_event()),
        ("Engine", engine()),
        ("Preflight", preflight()),
    ]
}

fn host() -> Shape {
    object([
        ("uuid", uuid()),
        ("name", text()),
        ("segment_uuid", uuid()),
        ("state", host_state()),
        ("since", nullable(utc_time())),
        ("reason", named("Reason")),
        ("protected", boolean()),
        ("protected_reasons", reasons()),
        ("networks", map(anything())),
        ("power", map(anything())),
        ("hold", nullable(named("Reason"))),
        ("incident_uuid", nullable(uuid())),
    ])
    .into()
}

fn power_device() -> Shape {
    let accepted = object([("user", text()), ("reason", text()), ("at", utc_time())]);
    object([
        ("uuid", uuid()),
        ("driver", text()),
        ("address", text()),
        ("port", integer_of(1, 65_535)),
        ("system", text()),
        ("level", integer_of(1, 9)),
        ("username", text()),
        ("accepted", nullable(accepted)),
    ])
    .into()
}

fn power_device_create() -> Shape {
    let needed = object([
        ("address", text_of(1, 255)),
        ("username", text_of(1, 255)),
        ("password", text_of(1, 255)),
    ]);
    let optional = [
        ("driver", word(&["ipmi"])),
        ("port", integer_of(1, 65_535)),
        ("system", text_of(0, 255)),
        ("level", integer_of(1, 9)),
        ("accept_unbound", text_of(1, 1000)),
    ];
    with_optional(needed, optional)
        .description(Some("The password is sealed and never shown again."))
        .into()
}

fn power_device_test() -> Shape {
    object([
        ("uuid", uuid()),
        ("state", text()),
        ("guid", nullable(text())),
        ("bound", boolean()),
        ("reason", nullable(named("Reason"))),
        ("took_ms", integer()),
    ])
    .into()
}

fn incident_fields() -> [(&'static str, Shape); 10] {
    [
        ("uuid", uuid()),
        ("host_uuid", uuid()),
        ("host_name", text()),
        ("segment_uuid", uuid()),
        ("notification_uuid", nullable(uuid())),
        ("status", word(IncidentStatus::NAMES)),
        ("outcome", nullable(text())),
        ("summary", nullable(named("Reason"))),
        ("opened_at", utc_time()),
        ("closed_at", nullable(utc_time())),
    ]
}

fn incident() -> Shape {
    object(incident_fields()).into()
}

fn incident_with_steps() -> Shape {
    let step = object([
        ("step", text()),
        ("subject", text()),
        ("attempt", integer()),
        ("event", word(StepEvent::NAMES)),
        ("payload", anything()),
        ("engine", text()),
        ("epoch", integer()),
        ("at", utc_time()),
    ]);
    object(incident_fields())
        .property("steps", list(step))
        .required("steps")
        .property("corroborations", list(object(reporter_fields())))
        .required("corroborations")
        .into()
}

fn reporter_fields() -> [(&'static str, Shape); 8] {
    [
        ("user_id", text()),
        ("user_name", text()),
        ("address", text()),
        ("answer", word(ReportAnswer::NAMES)),
        ("reports", integer()),
        ("generated_time", utc_time()),
        ("first_at", utc_time()),
        ("last_at", utc_time()),
    ]
}

fn host_report() -> Shape {
    let said = object([
        ("type", word(NotificationKind::NAMES)),
        ("payload", anything()),
        ("notification_uuid", nullable(uuid())),
    ]);
    let whole = reporter_fields()
        .into_iter()
        .fold(said, |shape, (name, field)| shape.property(name, field).required(name));
    whole
        .description(Some("Without a notification it was refused, and none says the same."))
        .into()
}

fn incident_event() -> Shape {
    object([
        ("id", integer()),
        ("at", utc_time()),
        ("kind", text()),
        ("reason", named("Reason")),
        ("engine", text()),
        ("epoch", integer()),
    ])
    .into()
}

fn engine() -> Shape {
    object([
        ("engine", text()),
        ("version", text()),
        ("epoch", integer()),
        ("mode", mode()),
        ("settled", boolean()),
        ("nova_answers", boolean()),
        ("hosts", integer()),
        ("observers", integer()),
        ("incidents", integer()),
        ("networks_out", list(text())),
    ])
    .into()
}

fn preflight() -> Shape {
    let host = object([
        ("uuid", uuid()),
        ("name", text()),
        ("segment_uuid", uuid()),
        ("state", host_state()),
        ("protected", boolean()),
        ("reasons", reasons()),
    ]);
    let warning = object([("segment_uuid", uuid()), ("reason", named("Reason"))]);
    object([
        ("ready", boolean()),
        ("reasons", reasons()),
        ("hosts", list(host)),
        ("warnings", list(warning)),
    ])
    .into()
}

/// The operations of these nouns.
pub(super) fn entries() -> Vec<Entry> {
    let mut entries = host_entries();
    entries.extend(power_device_entries());
    entries.extend(mode_entries());
    entries.extend(incident_entries());
    entries
}

fn host_entries() -> Vec<Entry> {
    const TAG: &str = "host states";
    let request = || enveloped("request", named("Request"));
    let asks = |path, summary| {
        let reason = with_optional(object([]), [("reason", text())]);
        Entry::new("post", path, TAG, summary)
            .may_take(reason.into())
            .answers(202, request())
            .refuses(&[HOST_MISSING])
    };
    let vouched = object([("reason", text_of(1, 1000))]).into();
    vec![
        Entry::new("get", "/themis/v1/hosts", TAG, "Lists where hosts stand.")
            .answers(200, enveloped("hosts", list(named("HostState")))),
        Entry::new("get", "/themis/v1/hosts/{host}", TAG, "Shows where a host stands.")
            .answers(200, enveloped("host", named("HostState")))
            .refuses(&[HOST_MISSING]),
        Entry::new(
            "get",
            "/themis/v1/hosts/{host}/reports",
            TAG,
            "Lists who reported what about a host, and what each was answered; last said first.",
        )
        .answers(200, enveloped("reports", list(named("HostReport"))))
        .refuses(&[HOST_MISSING]),
        asks(
            "/themis/v1/hosts/{host}/enable",
            "Asks the engine to watch a host again.",
        ),
        asks(
            "/themis/v1/hosts/{host}/disable",
            "Asks the engine to leave a host alone.",
        ),
        asks(
            "/themis/v1/hosts/{host}/retry",
            "Asks the engine to try again what a hold stopped.",
        ),
        asks(
            "/themis/v1/hosts/{host}/confirm-dead",
            "Vouches that a host is off; the reason is recorded.",
        )
        .takes(vouched),
        Entry::new(
            "get",
            "/themis/v1/requests/{request}",
            TAG,
            "Shows what the engine answered to a request.",
        )
        .answers(200, request())
        .refuses(&[REQUEST_MISSING]),
    ]
}

fn power_device_entries() -> Vec<Entry> {
    const TAG: &str = "power devices";
    let (all, path, test) = (
        "/themis/v1/hosts/{host}/power-devices",
        "/themis/v1/hosts/{host}/power-devices/{device}",
        "/themis/v1/hosts/{host}/power-devices/{device}/test",
    );
    vec![
        Entry::new("get", all, TAG, "Lists the power devices of a host.")
            .answers(200, enveloped("power_devices", list(named("PowerDevice"))))
            .refuses(&[HOST_MISSING]),
        Entry::new("post", all, TAG, "Registers a power device.")
            .takes(enveloped("power_device", named("PowerDeviceCreate")))
            .answers(201, enveloped("power_device", named("PowerDevice")))
            .refuses(&[HOST_MISSING, (409, "The device is registered already.")]),
        Entry::new("delete", path, TAG, "Removes a power device.")
            .answers_nothing()
            .refuses(&[DEVICE_MISSING]),
        Entry::new(
            "post",
            test,
            TAG,
            "Asks the leader what the device answers now; nothing is switched.",
        )
        .answers(200, enveloped("power_device_test", named("PowerDeviceTest")))
        .refuses(&[DEVICE_MISSING]),
    ]
}

fn mode_entries() -> Vec<Entry> {
    const TAG: &str = "mode";
    let shown = object([("global", mode()), ("segments", map(mode()))]);
    let update = with_optional(
        object([("value", mode())]),
        [
            ("segment_uuid", nullable(text())),
            ("accept_unbound", list_of(text_of(1, 255), 100)),
            ("reason", text()),
        ],
    );
    vec![
        Entry::new("get", "/themis/v1/mode", TAG, "Shows who is armed.").answers(200, enveloped("mode", shown)),
        Entry::new("put", "/themis/v1/mode", TAG, "Asks the engine to arm or to observe.")
            .takes(enveloped("mode", update))
            .answers(202, enveloped("request", named("Request")))
            .refuses(&[(404, "No such segment.")]),
        Entry::new("get", "/themis/v1/engine", TAG, "Shows how the leading engine stands.")
            .answers(200, enveloped("engine", named("Engine"))),
        Entry::new(
            "get",
            "/themis/v1/preflight",
            TAG,
            "Shows what would be missing if it were armed now.",
        )
        .answers(200, enveloped("preflight", named("Preflight"))),
    ]
}

fn incident_entries() -> Vec<Entry> {
    const TAG: &str = "incidents";
    vec![
        Entry::new("get", "/themis/v1/incidents", TAG, "Lists incidents, newest first.")
            .answers(200, enveloped("incidents", list(named("Incident")))),
        Entry::new(
            "get",
            "/themis/v1/incidents/{incident}",
            TAG,
            "Shows an incident with its workflow log.",
        )
        .answers(200, enveloped("incident", named("IncidentWithSteps")))
        .refuses(&[INCIDENT_MISSING]),
        Entry::new(
            "get",
            "/themis/v1/incidents/{incident}/events",
            TAG,
            "Lists the decision record, oldest first.",
        )
        .answers(200, enveloped("events", list(named("IncidentEvent"))))
        .refuses(&[INCIDENT_MISSING]),
    ]
}
