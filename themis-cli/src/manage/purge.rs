//! `db purge`: the bounds of masakari-manage, and a table of what went.

use comfy_table::{Table, presets};
use themis_config::Source;
use themis_db::purge::{PurgeScope, Purged, purge_telling};
use time::{Duration, OffsetDateTime};

use super::command::Purge;
use super::waiting::Waiting;
use super::{Failure, db};

/// Removes what is old, or says what would be removed.
pub(super) async fn run(source: &Source, asked: &Purge) -> Result<String, Failure> {
    let scope = scope(asked, OffsetDateTime::now_utc())?;
    let pool = db::open(source).await?;
    let verb = if asked.dry_run { "would be removed" } else { "removed" };
    let mut waiting = Waiting::new(verb);
    let mut tell = |table: &'static str, rows, of| waiting.tell(table, rows, of);
    Ok(report(&purge_telling(&pool, scope, &mut tell).await?, asked.dry_run))
}

fn scope(asked: &Purge, now: OffsetDateTime) -> Result<PurgeScope, Failure> {
    let rows_max = match asked.max_rows {
        -1 => None,
        rows => Some(
            u64::try_from(rows)
                .ok()
                .filter(|rows| *rows > 0)
                .ok_or(Failure::MaxRows)?,
        ),
    };
    if asked.age_in_days < 0 {
        return Err(Failure::AgeNegative);
    }
    // As upstream: nothing is older than the epoch.
    if asked.age_in_days >= now.unix_timestamp() / 86_400 {
        return Err(Failure::AgeTooLarge);
    }
    Ok(PurgeScope {
        before: now - Duration::days(asked.age_in_days),
        rows_max,
        dry_run: asked.dry_run,
    })
}

fn report(purged: &[Purged], dry_run: bool) -> String {
    let mut table = Table::new();
    let verb = if dry_run {
        "rows that would be removed"
    } else {
        "rows removed"
    };
    table
        .load_style(presets::ASCII_FULL_CONDENSED)
        .set_header(["table", verb]);
    let mut all = 0;
    for entry in purged {
        table.add_row([entry.table.to_owned(), entry.rows.to_string()]);
        all += entry.rows;
    }
    table.add_row(["all".to_owned(), all.to_string()]);
    format!("{}\n", table.trim_fmt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn bounds_are_those_of_masakari_manage() {
        let now = datetime!(2026-11-20 12:00 UTC);
        let of = |age_in_days, max_rows| {
            let asked = Purge {
                age_in_days,
                max_rows,
                dry_run: false,
            };
            scope(&asked, now)
        };
        let all = of(30, -1).unwrap();
        assert_eq!((all.before, all.rows_max), (datetime!(2026-10-21 12:00 UTC), None));
        assert_eq!(of(0, 5).unwrap().rows_max, Some(5));
        assert!(matches!(of(30, 0), Err(Failure::MaxRows)));
        assert!(matches!(of(30, -2), Err(Failure::MaxRows)));
        assert!(matches!(of(-1, -1), Err(Failure::AgeNegative)));
        assert!(matches!(of(20_777, -1), Err(Failure::AgeTooLarge)));
    }
}
