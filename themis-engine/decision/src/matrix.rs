//! The decision matrix: what a combination of verdicts means. A table that an operator can read, generated from each
//! network's importance: fence when a critical network is bad, never for a tolerated one alone.

use std::collections::BTreeMap;
use std::time::Duration;

use themis_core::leader::{DecisionMatrix, MatrixDemand, MatrixRow};
use themis_core::network::Importance;
use themis_core::{NetworkName, Reason, SegmentId};

use crate::policy::Policy;
use crate::verdict::{HostVerdicts, Standing};
use crate::world::World;

/// Networks whose combinations are all told: 256 rows are more than anybody reads, and each more network doubles them.
const COMBINED_MAX: usize = 8;

/// What the matrix makes of a host's verdicts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Demand {
    /// All is well.
    Nothing,
    /// A fault that is borne; said, not acted upon.
    Tolerate(Reason),
    /// Too little is known.
    Wait(Reason),
    /// Fence, when this row has held throughout its confirm period.
    Fence(Row),
}

/// The row of the matrix that demands a fence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The row's name: the bad networks joined by `+`, or `silent`.
    pub name: String,
    /// How long it must hold.
    pub confirm: Duration,
    /// Why.
    pub reason: Reason,
}

/// Applies the matrix. `importance` says what each network's loss means for this host.
#[must_use]
pub fn demand(verdicts: &HostVerdicts, policy: &Policy, importance: impl Fn(&NetworkName) -> Importance) -> Demand {
    let of = |standing: Standing| -> Vec<&NetworkName> {
        verdicts
            .networks
            .iter()
            .filter(|(_, v)| v.verdict == standing)
            .map(|(name, _)| name)
            .collect()
    };
    let bad = of(Standing::Bad);
    let critical: Vec<&NetworkName> = bad
        .iter()
        .copied()
        .filter(|n| importance(n) == Importance::Critical)
        .collect();
    if verdicts.silent && !critical.is_empty() {
        let reason = Reason::new("silent", "bad on all networks; answers no probe and no question");
        return Demand::Fence(row("silent".to_owned(), policy.confirm_period_silent, reason));
    }
    if !critical.is_empty() {
        let names = join(&bad);
        let text = format!(
            "bad on {}, which it cannot do without",
            join(&critical).replace('+', " and ")
        );
        let reason = Reason::new("critical_network_bad", text);
        return Demand::Fence(row(names, policy.confirm_period, reason));
    }
    if !bad.is_empty() {
        let text = format!(
            "bad on {} only: its instances go on, it is not fenced for that",
            join(&bad)
        );
        return Demand::Tolerate(Reason::new("tolerated", text));
    }
    match of(Standing::Unknown).first() {
        Some(name) => Demand::Wait(verdicts.networks[*name].reason.clone()),
        None => Demand::Nothing,
    }
}

const fn row(name: String, confirm: Duration, reason: Reason) -> Row {
    Row { name, confirm, reason }
}

fn join(names: &[&NetworkName]) -> String {
    names.iter().map(|name| name.0.as_str()).collect::<Vec<_>>().join("+")
}

/// The whole matrix for the given networks, as Markdown: printed into the docs by a test.
#[must_use]
pub fn table(networks: &[(NetworkName, Importance)], policy: &Policy) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    let cells = |out: &mut String, cells: Vec<String>| {
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    };
    let mut head: Vec<String> = networks.iter().map(|(n, i)| format!("{n} ({})", i.name())).collect();
    head.extend(["meaning".to_owned(), "confirmed for".to_owned()]);
    cells(&mut out, head.clone());
    cells(&mut out, head.iter().map(|_| "---".to_owned()).collect());
    for row in rows(networks, policy) {
        let meaning = match (row.demand, row.row) {
            (MatrixDemand::Fence, Some(name)) => format!("fence (`{name}`)"),
            (MatrixDemand::Fence, None) => "fence".to_owned(),
            (MatrixDemand::Nothing, _) => "nothing".to_owned(),
            (MatrixDemand::Tolerate, _) => "tolerated, said".to_owned(),
            (MatrixDemand::Wait, _) => "waits".to_owned(),
        };
        let standing = |name| if row.bad.contains(name) { "bad" } else { "good" };
        let mut line: Vec<String> = networks.iter().map(|(name, _)| standing(name).to_owned()).collect();
        line.extend([
            meaning,
            row.confirm_period_s
                .map(|period| format!("{period} s"))
                .unwrap_or_default(),
        ]);
        cells(&mut out, line);
    }
    out
}

/// The matrix of a segment; `None` when there is no such segment.
#[must_use]
pub fn of_segment(world: &World, segment: SegmentId) -> Option<DecisionMatrix> {
    world.segments.get(&segment)?;
    let importance = |name: &NetworkName| (name.clone(), world.importance_in(segment, name));
    let networks: Vec<(NetworkName, Importance)> = world.networks.keys().map(importance).collect();
    Some(DecisionMatrix {
        segment_uuid: segment,
        complete: networks.len() <= COMBINED_MAX,
        rows: rows(&networks, &world.policy),
        networks: networks.into_iter().collect(),
    })
}

/// What each combination of good and bad networks demands: what [`demand`] says of it. All bad is taken for silent.
#[must_use]
pub fn rows(networks: &[(NetworkName, Importance)], policy: &Policy) -> Vec<MatrixRow> {
    let importance: BTreeMap<&NetworkName, Importance> = networks.iter().map(|(name, i)| (name, *i)).collect();
    let of = |bad: Vec<bool>| {
        let standing = |bad: bool| if bad { Standing::Bad } else { Standing::Good };
        let names = networks.iter().map(|(name, _)| name).zip(&bad);
        let verdicts = HostVerdicts::of(names.clone().map(|(name, bad)| (name.clone(), standing(*bad))));
        let demanded = demand(&verdicts, policy, |name| {
            importance.get(name).copied().unwrap_or(Importance::Tolerated)
        });
        let bad = names.filter(|(_, bad)| **bad).map(|(name, _)| name.clone()).collect();
        matrix_row(bad, demanded)
    };
    combinations(networks.len()).into_iter().map(of).collect()
}

fn matrix_row(bad: Vec<NetworkName>, demanded: Demand) -> MatrixRow {
    let (demand, reason, row) = match demanded {
        Demand::Nothing => (MatrixDemand::Nothing, None, None),
        Demand::Tolerate(reason) => (MatrixDemand::Tolerate, Some(reason), None),
        Demand::Wait(reason) => (MatrixDemand::Wait, Some(reason), None),
        Demand::Fence(row) => (MatrixDemand::Fence, Some(row.reason), Some((row.name, row.confirm))),
    };
    let (row, confirm) = row.unzip();
    MatrixRow {
        bad,
        demand,
        row,
        confirm_period_s: confirm.map(|confirm| confirm.as_secs()),
        reason,
    }
}

/// Which of `count` networks are bad, row by row: all combinations, or of many networks none, each one and all.
fn combinations(count: usize) -> Vec<Vec<bool>> {
    let row = |bad: &dyn Fn(usize) -> bool| (0..count).map(bad).collect();
    if count <= COMBINED_MAX {
        return (0..1_usize << count)
            .map(|row_bits| row(&|i| row_bits >> i & 1 == 1))
            .collect();
    }
    let alone = (0..count).map(|one| row(&|i| i == one));
    std::iter::once(row(&|_| false))
        .chain(alone)
        .chain(std::iter::once(row(&|_| true)))
        .collect()
}

impl HostVerdicts {
    /// Verdicts given directly, for tables and tests; all bad counts as silent.
    #[must_use]
    pub fn of(networks: impl IntoIterator<Item = (NetworkName, Standing)>) -> Self {
        let networks: BTreeMap<_, _> = networks
            .into_iter()
            .map(|(name, verdict)| {
                (
                    name,
                    crate::verdict::Verdict {
                        verdict,
                        reason: Reason::new("given", "given"),
                    },
                )
            })
            .collect();
        let silent = !networks.is_empty() && networks.values().all(|v| v.verdict == Standing::Bad);
        Self {
            networks,
            accused: BTreeMap::new(),
            suspected: silent,
            silent,
            missed: silent,
            life: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use themis_core::Moment;

    use super::*;
    use crate::testing::world;

    fn names(row: &MatrixRow) -> Vec<&str> {
        row.bad.iter().map(|name| name.0.as_str()).collect()
    }

    #[test]
    fn a_segments_own_importance_makes_its_matrix() {
        let mut world = world(3, Moment(0));
        let (&segment, record) = world.segments.iter_mut().next().expect("a segment");
        record
            .importance
            .insert(NetworkName::new("storage"), Importance::Tolerated);
        let matrix = of_segment(&world, segment).expect("it is known");
        assert!(matrix.complete);
        assert_eq!(matrix.networks[&NetworkName::new("storage")], Importance::Tolerated);
        assert_eq!(matrix.networks[&NetworkName::new("tenant")], Importance::Critical);
        assert_eq!(matrix.rows.len(), 8);
        for row in &matrix.rows {
            let (demand, confirm) = match names(row).as_slice() {
                [] => (MatrixDemand::Nothing, None),
                [_, _, _] => (MatrixDemand::Fence, Some(15)),
                bad if bad.contains(&"tenant") => (MatrixDemand::Fence, Some(60)),
                _ => (MatrixDemand::Tolerate, None),
            };
            assert_eq!((row.demand, row.confirm_period_s), (demand, confirm), "{row:?}");
            assert_eq!(row.row.is_some(), demand == MatrixDemand::Fence, "{row:?}");
        }
        assert_eq!(of_segment(&world, SegmentId(uuid::Uuid::from_u128(7))), None);
    }

    #[test]
    fn of_many_networks_only_none_each_one_and_all_have_rows() {
        let mut world = world(1, Moment(0));
        world.networks = (0..20)
            .map(|i| (NetworkName::new(format!("n{i:02}")), Importance::Critical))
            .collect();
        let segment = *world.segments.keys().next().expect("a segment");
        let matrix = of_segment(&world, segment).expect("it is known");
        assert!(!matrix.complete);
        assert_eq!(matrix.rows.len(), 22);
        let of: Vec<usize> = matrix.rows.iter().map(|row| row.bad.len()).collect();
        assert_eq!((of[0], of[21]), (0, 20));
        assert!(of[1..21].iter().all(|bad| *bad == 1));
    }
}
