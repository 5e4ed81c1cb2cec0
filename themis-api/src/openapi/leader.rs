//! `/themis/v1`: what the leading engine alone knows: whom it hears, which brakes hold, what it makes
//! of bad networks.

use themis_core::leader::MatrixDemand;
use themis_core::network::Importance;

use super::operation::Entry;
use super::shape::{
    Shape, boolean, enveloped, integer, integer_of, list, map, named, nullable, object, text, uuid, word,
};

/// The shapes of these nouns.
pub(super) fn shapes() -> Vec<(&'static str, Shape)> {
    vec![
        ("Observer", observer()),
        ("Brake", brake()),
        ("DecisionMatrix", decision_matrix()),
    ]
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

fn brake() -> Shape {
    let held = object([("uuid", uuid()), ("name", text()), ("reason", named("Reason"))]);
    object([
        ("code", text()),
        ("holds", boolean()),
        ("reason", nullable(named("Reason"))),
        ("hosts", list(held)),
        ("release", text()),
    ])
    .into()
}

fn decision_matrix() -> Shape {
    let row = object([
        ("bad", list(text())),
        ("demand", word(&MatrixDemand::ALL.map(MatrixDemand::name))),
        ("row", nullable(text())),
        ("confirm_period_s", nullable(integer())),
        ("reason", nullable(named("Reason"))),
    ]);
    object([
        ("segment_uuid", uuid()),
        (
            "networks",
            map(word(&[Importance::Critical.name(), Importance::Tolerated.name()])),
        ),
        ("complete", boolean()),
        ("rows", list(row)),
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
        Entry::new(
            "get",
            "/themis/v1/brakes",
            "mode",
            "Lists what can hold a failure back, whom it holds now, and what releases it.",
        )
        .answers(200, enveloped("brakes", list(named("Brake")))),
        Entry::new(
            "get",
            "/themis/v1/segments/{segment}/decision-matrix",
            "segments",
            "Shows what each combination of bad networks means for the hosts of a segment.",
        )
        .answers(200, enveloped("decision_matrix", named("DecisionMatrix")))
        .refuses(&[(404, "No such segment.")]),
    ]
}
