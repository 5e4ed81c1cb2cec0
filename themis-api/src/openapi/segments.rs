//! `/v1/segments` and, under `/themis/v1`, what networks mean to a segment.

use serde_json::json;
use themis_core::network::Importance;
use themis_db::RecoveryMethod;

use super::operation::Entry;
use super::shape::{
    Shape, boolean, boolean_word, enveloped, example, integer, list, map, masakari_time, named, null, nullable, object,
    some_of, text, text_of, uuid, with_optional, word,
};

const TAG: &str = "segments";
const MISSING: (u16, &str) = (404, "No such segment.");
const TAKEN_OR_IN_USE: (u16, &str) = (
    409,
    "The name is taken, or a notification of one of its hosts is being processed.",
);

/// The shapes of this noun.
pub(super) fn shapes() -> Vec<(&'static str, Shape)> {
    let segment = object([
        ("id", integer()),
        ("uuid", uuid()),
        ("name", text()),
        ("service_type", text()),
        ("enabled", boolean()),
        ("description", nullable(text())),
        ("recovery_method", word(RecoveryMethod::NAMES)),
        ("created_at", nullable(masakari_time())),
        ("updated_at", nullable(masakari_time())),
        ("deleted_at", null()),
        ("deleted", boolean()),
    ]);
    let create = object([
        ("name", text_of(1, 255)),
        ("recovery_method", word(RecoveryMethod::NAMES)),
        ("service_type", text_of(1, 255)),
    ])
    .description(Some("`enabled` may be set from microversion 1.2 on."));
    let optional = || [("description", nullable(text())), ("enabled", boolean_word())];
    let update = some_of([
        ("name", text_of(1, 255)),
        ("recovery_method", word(RecoveryMethod::NAMES)),
        ("service_type", text_of(1, 255)),
    ]);
    let create = example(
        with_optional(create, optional()),
        json!({"name": "rack-1", "recovery_method": "auto", "service_type": "COMPUTE"}),
    );
    vec![
        ("Segment", segment.into()),
        ("SegmentCreate", create),
        ("SegmentUpdate", with_optional(update, optional()).into()),
    ]
}

/// The operations of this noun.
pub(super) fn entries() -> Vec<Entry> {
    let one = || enveloped("segment", named("Segment"));
    let networks = || {
        enveloped(
            "networks",
            map(word(&[Importance::Critical.name(), Importance::Tolerated.name()])),
        )
    };
    let (path, networks_path) = ("/v1/segments/{segment}", "/themis/v1/segments/{segment}/networks");
    vec![
        Entry::new("get", "/v1/segments", TAG, "Lists segments.")
            .answers(200, enveloped("segments", list(named("Segment")))),
        Entry::new("post", "/v1/segments", TAG, "Registers a segment.")
            .takes(enveloped("segment", named("SegmentCreate")))
            .answers(201, one())
            .refuses(&[TAKEN_OR_IN_USE]),
        Entry::new("get", path, TAG, "Shows a segment.")
            .answers(200, one())
            .refuses(&[MISSING, (405, "The word `new` in place of an id.")]),
        Entry::new("put", path, TAG, "Changes a segment.")
            .takes(enveloped("segment", named("SegmentUpdate")))
            .answers(200, one())
            .refuses(&[MISSING, TAKEN_OR_IN_USE]),
        Entry::new("delete", path, TAG, "Removes a segment with its hosts.")
            .answers_nothing()
            .refuses(&[MISSING, TAKEN_OR_IN_USE]),
        Entry::new(
            "get",
            networks_path,
            TAG,
            "Shows what the loss of each network means to the segment's hosts.",
        )
        .answers(200, networks())
        .refuses(&[MISSING]),
        Entry::new(
            "put",
            networks_path,
            TAG,
            "Replaces what the loss of each network means.",
        )
        .takes(networks())
        .answers(200, networks())
        .refuses(&[MISSING]),
    ]
}
