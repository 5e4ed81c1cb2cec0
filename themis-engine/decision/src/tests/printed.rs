//! Documents that are printed from the code: compared with the committed ones, rewritten when `UPDATE_EXPECT=1`.

use std::path::PathBuf;

use themis_core::NetworkName;
use themis_core::network::Importance;

use crate::matrix::table;
use crate::policy::Policy;

/// Checks that `docs/<name>` says this; `UPDATE_EXPECT=1` writes it.
pub(super) fn expect(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var("UPDATE_EXPECT").as_deref() == Ok("1") {
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let line = committed.lines().zip(text.lines()).position(|(old, new)| old != new);
    assert!(
        committed == text,
        "docs/{name} differs from what the code does, first at line {}; \
         look at the change, then 'UPDATE_EXPECT=1 cargo test -p themis-decision'",
        line.map_or_else(|| "(one is longer)".to_owned(), |line| (line + 1).to_string()),
    );
}

const MATRIX: &str = "\
# The decision matrix

What Themis makes of what is believed of a host, per network: `bad` as in [reasons.md](reasons.md)
(`accused_and_unreachable` or `hung`), `good` otherwise. Printed from the code by a test; this is the matrix of the
default networks, other networks and other importances make another one by the same rule: a host is fenced when a
critical network is bad, never for a tolerated one alone.

";

#[test]
fn decision_matrix_is_printed() {
    let network = |name: &str, importance| (NetworkName::new(name), importance);
    let networks = [
        network("management", Importance::Tolerated),
        network("storage", Importance::Critical),
        network("tenant", Importance::Critical),
    ];
    let printed = table(&networks, &Policy::default());
    let fences = printed.lines().filter(|line| line.contains("fence (")).count();
    assert_eq!(fences, 6, "every combination with a bad critical network:\n{printed}");
    let silent = "Bad on all networks counts as `silent` when no probe was answered either. A host whose kernel still \
                  answers probes (`hung`) takes the longer period. One whose own power device reads off throughout \
                  `off_hold` (12 s), seen alive by nobody, needs no period at all.\n";
    expect("decision-matrix.md", &format!("{MATRIX}{printed}\n{silent}"));
}
