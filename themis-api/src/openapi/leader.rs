//! `/themis/v1`: what the leading engine alone knows: whom it hears.

use super::operation::Entry;
use super::shape::{Shape, boolean, enveloped, integer, integer_of, list, map, named, nullable, object, text};

/// The shapes of these nouns.
pub(super) fn shapes() -> Vec<(&'static str, Shape)> {
    vec![("Observer", observer())]
}

fn observer() -> Shape {
    let place = object([
        ("eligible", boolean()),
        ("reason", nullable(named("Reason"))),
        ("health_score", nullable(integer_of(0, 255))),
    ]);
    object([
        ("name", text()),
        ("witness", boolean()),
        ("age_ms", integer()),
        ("networks", map(place)),
    ])
    .into()
}

/// The operations of these nouns.
pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry::new(
            "get",
            "/themis/v1/observers",
            "mode",
            "Lists the monitors that are heard, and whether their word counts on each network.",
        )
        .answers(200, enveloped("observers", list(named("Observer")))),
    ]
}
