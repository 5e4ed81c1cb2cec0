//! The decision matrix: what a combination of verdicts means. A table that an operator can read, generated from each
//! network's importance: fence when a critical network is bad, never for a tolerated one alone.

use std::time::Duration;

use themis_core::network::Importance;
use themis_core::{NetworkName, Reason};

use crate::policy::Policy;
use crate::verdict::{HostVerdicts, Standing};

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
    for combination in 0..1_usize << networks.len() {
        let standing = |i: usize| {
            if combination >> i & 1 == 1 {
                Standing::Bad
            } else {
                Standing::Good
            }
        };
        let verdicts = HostVerdicts::of(networks.iter().enumerate().map(|(i, (n, _))| (n.clone(), standing(i))));
        let importance = |name: &NetworkName| {
            networks
                .iter()
                .find(|(n, _)| n == name)
                .map_or(Importance::Tolerated, |(_, importance)| *importance)
        };
        let (meaning, confirm) = match demand(&verdicts, policy, importance) {
            Demand::Nothing => ("nothing".to_owned(), String::new()),
            Demand::Tolerate(_) => ("tolerated, said".to_owned(), String::new()),
            Demand::Wait(_) => ("waits".to_owned(), String::new()),
            Demand::Fence(row) => (
                format!("fence (`{}`)", row.name),
                format!("{} s", row.confirm.as_secs()),
            ),
        };
        let mut line: Vec<String> = (0..networks.len())
            .map(|i| if standing(i) == Standing::Bad { "bad" } else { "good" }.to_owned())
            .collect();
        line.extend([meaning, confirm]);
        cells(&mut out, line);
    }
    out
}

impl HostVerdicts {
    /// Verdicts given directly, for tables and tests; all bad counts as silent.
    #[must_use]
    pub fn of(networks: impl IntoIterator<Item = (NetworkName, Standing)>) -> Self {
        let networks: std::collections::BTreeMap<_, _> = networks
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
            accused: std::collections::BTreeMap::new(),
            suspected: silent,
            silent,
            missed: silent,
            life: None,
        }
    }
}
