//! `db import-masakari`: where Masakari's database is, and what was copied.

use std::fmt::Write;
use std::path::Path;

use comfy_table::{Table, presets};
use secrecy::{ExposeSecret, SecretString};
use themis_config::Source;
use themis_db::connect_url;
use themis_db::masakari::import::{Report, import_telling};
use themis_db::target::{Target, TargetError};
use time::OffsetDateTime;

use super::command::Import;
use super::waiting::Waiting;
use super::{Failure, db};

/// Copies what is not there yet, or says what would be copied.
pub(super) async fn run(source: &Source, asked: &Import) -> Result<String, Failure> {
    let from = from(asked)?;
    let target = Target::parse(&from).map_err(|error| Failure::From(error.into()))?;
    if !matches!(target, Target::MySql(_)) {
        let scheme = "sqlite".to_owned();
        return Err(Failure::From(TargetError::Dialect { scheme }.into()));
    }
    let to = db::open(source).await?;
    let masakari = connect_url(from).await.map_err(Failure::From)?;
    let mut waiting = Waiting::new("looked at");
    let mut tell = |table: &'static str, rows, of| waiting.tell(table, rows, of);
    let report = import_telling(&masakari, &to, asked.dry_run, OffsetDateTime::now_utc(), &mut tell).await?;
    let text = format!("from {target}\n{}", shown(&report, asked.dry_run));
    if report.conflicts.is_empty() {
        Ok(text)
    } else {
        Err(Failure::ImportConflicts { report: text })
    }
}

fn from(asked: &Import) -> Result<SecretString, Failure> {
    match (&asked.from, &asked.from_file) {
        (Some(url), _) => Ok(url.clone()),
        (None, Some(file)) => of_file(file),
        (None, None) => Err(Failure::NoFrom),
    }
}

/// A URL alone, or a configuration of oslo's.
fn of_file(file: &Path) -> Result<SecretString, Failure> {
    let text = std::fs::read_to_string(file).map_err(|source| Failure::FromFile {
        file: file.to_owned(),
        source,
    })?;
    let lines = || {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
    };
    if let (Some(url), 1) = (lines().next(), lines().count()) {
        return Ok(SecretString::from(url));
    }
    let source = Source::from_text(&file.display().to_string(), &text)?;
    let connection: Option<SecretString> = source.value("database", "connection", None).ok();
    connection
        .filter(|url| !url.expose_secret().is_empty())
        .ok_or_else(|| Failure::FromFileEmpty { file: file.to_owned() })
}

fn shown(report: &Report, dry_run: bool) -> String {
    let mut text = String::new();
    let version = report.version.as_deref().unwrap_or("without a version");
    let _ = writeln!(text, "Masakari's schema: {version}");
    db::tell_connections(&mut text, report.connections);
    let mut table = Table::new();
    let copied = if dry_run { "to copy" } else { "copied" };
    table.load_style(presets::ASCII_FULL_CONDENSED).set_header([
        "table",
        copied,
        "with a new id",
        "ended since",
        "here already",
        "differing",
        "left out",
    ]);
    for row in &report.tables {
        let numbers = [
            row.copied,
            row.renumbered,
            row.ended,
            row.present,
            row.differing,
            row.left_out,
        ];
        table.add_row(std::iter::once(row.table.to_owned()).chain(numbers.map(|number| number.to_string())));
    }
    let _ = writeln!(text, "{}", table.trim_fmt());
    db::tell_abandoned(&mut text, &report.abandoned, report.abandoned_more);
    for line in &report.conflicts.kept {
        let _ = writeln!(text, "CONFLICT: {line}");
    }
    if report.conflicts.more > 0 {
        let _ = writeln!(text, "... and {} more", report.conflicts.more);
    }
    let changed = report.tables.iter().any(|table| table.copied + table.ended > 0);
    let end = match (changed, dry_run) {
        (false, _) => "nothing to copy: everything is here already",
        (true, true) => "nothing was written",
        (true, false) => "done",
    };
    let _ = writeln!(text, "{end}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_read_from_a_file_of_its_own_or_from_masakaris_configuration() {
        let directory = tempfile::tempdir().unwrap();
        let of = |text: &str| {
            let file = directory.path().join("from");
            std::fs::write(&file, text).unwrap();
            of_file(&file).map(|url| url.expose_secret().to_owned())
        };
        assert_eq!(of("# the old one\nmysql://u:p@h/x\n").unwrap(), "mysql://u:p@h/x");
        let config = "[DEFAULT]\ndebug = true\n[database]\nconnection = mysql+pymysql://u:p@h/masakari?charset=utf8\n";
        assert_eq!(of(config).unwrap(), "mysql+pymysql://u:p@h/masakari?charset=utf8");
        assert!(matches!(
            of("[database]\nbackend = x\n"),
            Err(Failure::FromFileEmpty { .. })
        ));
        assert!(matches!(
            of_file(Path::new("/nonexistent")),
            Err(Failure::FromFile { .. })
        ));
    }
}
