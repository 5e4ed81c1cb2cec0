//! `/v1`, `/v1/versions`, `/v1/extensions`, and this document itself.

use super::operation::Entry;
use super::shape::{Shape, anything, enveloped, list, map, named, null, object, text, with_optional};

const TAG: &str = "versions";

/// The shapes of this noun.
pub(super) fn shapes() -> Vec<(&'static str, Shape)> {
    let link = with_optional(object([("rel", text()), ("href", text())]), [("type", text())]);
    let version = object([
        ("id", text()),
        ("status", text()),
        ("version", text()),
        ("min_version", text()),
        ("updated", text()),
        ("links", list(link)),
        ("media-types", list(object([("base", text()), ("type", text())]))),
    ]);
    let extension = object([
        ("name", text()),
        ("alias", text()),
        ("description", text()),
        ("namespace", text()),
        ("updated", text()),
        ("links", list(null())),
    ]);
    vec![("Version", version.into()), ("Extension", extension.into())]
}

/// The operations of this noun.
pub(super) fn entries() -> Vec<Entry> {
    let version = || enveloped("version", named("Version"));
    vec![
        Entry::new("get", "/v1", TAG, "Shows the version.").answers(200, version()),
        Entry::new("get", "/v1/versions/{id}", TAG, "Shows the version.")
            .answers(200, version())
            .refuses(&[(404, "No such version."), (405, "The word `new` in place of an id.")]),
        Entry::new("get", "/v1/extensions", TAG, "Lists what old clients ask for.")
            .answers(200, enveloped("extensions", list(named("Extension")))),
        Entry::new("get", "/v1/extensions/{alias}", TAG, "Shows an extension.")
            .answers(200, enveloped("extension", named("Extension")))
            .refuses(&[(404, "No such extension."), (405, "The word `new` in place of an id.")]),
        Entry::new("get", "/themis/v1/openapi.json", TAG, "This document.").answers(200, map(anything())),
    ]
}
