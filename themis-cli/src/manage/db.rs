//! `db sync`, `db version`, and what they share with `db import-masakari`.

use std::fmt::Write;

use themis_config::Source;
use themis_db::masakari::takeover::{Abandoned, take_over};
use themis_db::schema::{schema_sync, schema_version};
use themis_db::{DatabaseSection, Pool, connect};
use time::OffsetDateTime;

use super::Failure;

pub(super) async fn open(source: &Source) -> Result<Pool, Failure> {
    Ok(connect(&source.section::<DatabaseSection>()?).await?)
}

pub(super) async fn sync(source: &Source) -> Result<String, Failure> {
    let pool = open(source).await?;
    let mut text = String::new();
    if let Some(taken) = take_over(&pool, OffsetDateTime::now_utc()).await? {
        let _ = writeln!(
            text,
            "took over the tables of Masakari (schema {}) as they are",
            taken.version
        );
        tell_connections(&mut text, taken.connections);
        tell_abandoned(&mut text, &taken.abandoned, taken.more);
    }
    let synced = schema_sync(&pool).await?;
    if synced.applied.is_empty() {
        return Ok("the schema is up to date\n".to_owned());
    }
    for step in &synced.applied {
        let _ = writeln!(text, "applied {step}");
    }
    text.push_str("the schema is up to date now\n");
    Ok(text)
}

/// A Masakari that still runs would evacuate what Themis evacuates.
pub(super) fn tell_connections(text: &mut String, connections: u64) {
    if connections > 0 {
        let _ = writeln!(
            text,
            "WARNING: {connections} other connections use Masakari's database; stop masakari-api and masakari-engine before \
             Themis is armed"
        );
    }
}

/// Each one: a host may be in it that nobody brought back.
pub(super) fn tell_abandoned(text: &mut String, abandoned: &[Abandoned], more: u64) {
    for one in abandoned {
        let _ = writeln!(
            text,
            "notification {} ({}, host {}) was '{}' in Masakari and is 'failed' now; look after its host",
            one.uuid, one.kind, one.host, one.status
        );
    }
    if more > 0 {
        let _ = writeln!(text, "... and {more} more, with the same message");
    }
}

pub(super) async fn version(source: &Source) -> Result<String, Failure> {
    let version = schema_version(&open(source).await?).await?;
    let database = version.database.as_deref().unwrap_or("none");
    let rest = match version.pending.len() {
        0 => "up to date".to_owned(),
        count => format!("{count} steps behind; run themis-manage db sync"),
    };
    Ok(format!("database: {database}\nprogram:  {}\n{rest}\n", version.program))
}
