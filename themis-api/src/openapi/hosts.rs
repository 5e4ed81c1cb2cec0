//! `/v1/segments/{segment}/hosts`.

use serde_json::json;

use super::operation::Entry;
use super::shape::{
    Shape, boolean, boolean_word, enveloped, example, integer, list, masakari_time, named, null, nullable, object,
    some_of, text, text_like, text_of, uuid, with_optional,
};

const TAG: &str = "hosts";
const MISSING: (u16, &str) = (404, "No such host in this segment.");
const TAKEN_OR_IN_USE: (u16, &str) = (
    409,
    "The name is taken, or a notification of one of the segment's hosts is being processed.",
);

/// The shapes of this noun.
pub(super) fn shapes() -> Vec<(&'static str, Shape)> {
    let host = object([
        ("id", integer()),
        ("uuid", uuid()),
        ("name", text()),
        ("failover_segment_id", uuid()),
        ("failover_segment", named("Segment")),
        ("type", text()),
        ("reserved", boolean()),
        ("control_attributes", text()),
        ("on_maintenance", boolean()),
        ("created_at", nullable(masakari_time())),
        ("updated_at", nullable(masakari_time())),
        ("deleted_at", null()),
        ("deleted", boolean()),
    ]);
    let fields = || {
        [
            ("name", text_of(1, 255)),
            ("type", text_like("^[a-zA-Z0-9]*$", 255)),
            ("control_attributes", text()),
        ]
    };
    let flags = || [("reserved", boolean_word()), ("on_maintenance", boolean_word())];
    let create = with_optional(object(fields()), flags())
        .description(Some("Nova must have a nova-compute service of this name."));
    let create = example(
        create,
        json!({"name": "compute-1", "type": "COMPUTE", "control_attributes": "SSH"}),
    );
    vec![
        ("Host", host.into()),
        ("HostCreate", create),
        ("HostUpdate", with_optional(some_of(fields()), flags()).into()),
    ]
}

/// The operations of this noun.
pub(super) fn entries() -> Vec<Entry> {
    let one = || enveloped("host", named("Host"));
    let (all, path) = ("/v1/segments/{segment}/hosts", "/v1/segments/{segment}/hosts/{host}");
    vec![
        Entry::new("get", all, TAG, "Lists the hosts of a segment.")
            .answers(200, enveloped("hosts", list(named("Host"))))
            .refuses(&[(404, "No such segment.")]),
        Entry::new("post", all, TAG, "Registers a host.")
            .takes(enveloped("host", named("HostCreate")))
            .answers(201, one())
            .refuses(&[(404, "No such segment."), TAKEN_OR_IN_USE]),
        Entry::new("get", path, TAG, "Shows a host.")
            .answers(200, one())
            .refuses(&[MISSING, (405, "The word `new` in place of an id.")]),
        Entry::new("put", path, TAG, "Changes a host.")
            .takes(enveloped("host", named("HostUpdate")))
            .answers(200, one())
            .refuses(&[MISSING, TAKEN_OR_IN_USE]),
        Entry::new("delete", path, TAG, "Removes a host with its power devices.")
            .answers_nothing()
            .refuses(&[MISSING, TAKEN_OR_IN_USE]),
    ]
}
