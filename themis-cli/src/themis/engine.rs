//! `themis engine` and `themis preflight`: what the leading engine says.

use themis_core::leader::{LeaderStatus, Preflight, PreflightHost};

use super::api::Api;
use super::failure::Failure;
use super::names;
use crate::output::{Answer, Cell, Shape, columns, render};

/// `engine show`.
///
/// # Errors
/// No engine leads, or no usable answer.
pub async fn show(api: &Api) -> Result<Answer, Failure> {
    let LeaderStatus {
        engine,
        version,
        epoch,
        mode,
        settled,
        nova_answers,
        hosts,
        observers,
        incidents,
        networks_out,
    } = api.engine().await?;
    let out: Vec<String> = networks_out.iter().map(ToString::to_string).collect();
    Ok(Answer::One(vec![
        ("engine", engine.as_str().into()),
        ("version", version.as_str().into()),
        ("epoch", epoch.0.into()),
        ("mode", mode.to_string().as_str().into()),
        ("settled", Cell::yes_no(settled)),
        ("nova_answers", Cell::yes_no(nova_answers)),
        ("hosts", number(hosts)),
        ("observers", number(observers)),
        ("incidents", number(incidents)),
        ("networks_out", out.join(" ").as_str().into()),
    ]))
}

fn number(count: usize) -> Cell {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}

/// `preflight`: the table through `show`, what holds nothing back line by line through `warn`, and the refusal when
/// something is missing, so that a script sees it too.
///
/// # Errors
/// No engine leads, no such segment; [`Failure::NotReady`] after the table was shown.
pub async fn preflight(
    api: &Api,
    segment: Option<&str>,
    shape: &Shape,
    show: impl Fn(&str),
    warn: impl Fn(&str),
) -> Result<(), Failure> {
    let segment = match segment {
        Some(name) => Some(names::segment(api, name).await?.uuid),
        None => None,
    };
    let looked = api.preflight().await?.of(segment.as_deref());
    show(&render(&table(&looked), shape)?);
    warnings(&looked).for_each(|line| warn(&line));
    let missing = looked.hosts.iter().filter(|host| !host.protected).count();
    match (looked.reasons.as_slice(), missing) {
        ([], 0) => Ok(()),
        ([], missing) => Err(Failure::NotReady(summary(missing, looked.hosts.len()))),
        (reasons, _) => {
            let texts: Vec<&str> = reasons.iter().map(|reason| reason.text.as_str()).collect();
            Err(Failure::NotReady(texts.join("; ")))
        }
    }
}

fn summary(missing: usize, all: usize) -> String {
    format!("{missing} of {all} hosts would not be saved")
}

/// What is done otherwise than segments say, a line each.
fn warnings(looked: &Preflight) -> impl Iterator<Item = String> {
    let warnings = looked.warnings.iter();
    warnings.map(|warning| format!("warning: {}\n", warning.reason.text))
}

/// A preflight as a person reads it before arming, with what is missing for all below the table.
///
/// # Errors
/// Never, unless the table cannot be drawn.
pub fn for_people(looked: &Preflight) -> Result<String, Failure> {
    let table = render(&table(looked), &Shape::default())?;
    let protected = looked.hosts.iter().filter(|host| host.protected).count();
    let reasons: String = looked
        .reasons
        .iter()
        .map(|reason| format!("{}\n", reason.text))
        .chain(warnings(looked))
        .collect();
    Ok(format!(
        "{table}{protected} of {} hosts protected\n{reasons}",
        looked.hosts.len()
    ))
}

fn table(looked: &Preflight) -> Answer {
    let rows = looked.hosts.iter().map(|host: &PreflightHost| {
        let why: Vec<&str> = host.reasons.iter().map(|reason| reason.text.as_str()).collect();
        vec![
            host.name.as_str().into(),
            host.state.to_string().as_str().into(),
            Cell::yes_no(host.protected),
            why.join("\n").as_str().into(),
        ]
    });
    Answer::List {
        columns: columns(&["name", "state", "protected", "why_not"]),
        rows: rows.collect(),
    }
}
