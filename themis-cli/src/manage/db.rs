//! `db sync`, `db version`.

use themis_config::Source;
use themis_db::schema::{schema_sync, schema_version};
use themis_db::{DatabaseSection, Pool, connect};

use super::Failure;

async fn open(source: &Source) -> Result<Pool, Failure> {
    Ok(connect(&source.section::<DatabaseSection>()?).await?)
}

pub(super) async fn sync(source: &Source) -> Result<String, Failure> {
    let synced = schema_sync(&open(source).await?).await?;
    if synced.applied.is_empty() {
        return Ok("the schema is up to date\n".to_owned());
    }
    let steps: String = synced.applied.iter().map(|step| format!("applied {step}\n")).collect();
    Ok(format!("{steps}the schema is up to date now\n"))
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
