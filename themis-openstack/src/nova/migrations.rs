//! Migrations: Nova's own record of each move. An evacuation has ended when its migration says so, not when the server
//! looks well.

use serde::Deserialize;
use themis_core::InstanceId;
use uuid::Uuid;

use super::servers::{Link, has_next};
use super::{MIGRATIONS_VERSION, Nova, NovaError, PAGES_LIMIT};
use crate::service::Request;

/// One move of one server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Migration {
    /// Nova's number of it; grows within a cell.
    pub id: i64,
    /// Its UUID; also the consumer in Placement that holds the source's place during a live or cold migration.
    pub uuid: Uuid,
    /// The server.
    #[serde(rename = "instance_uuid")]
    pub instance: InstanceId,
    /// `evacuation`, `live-migration`, `migration`, `resize`.
    #[serde(rename = "migration_type")]
    pub kind: String,
    /// For an evacuation `accepted`, `pre-migrating`, then `done`, `error` (no host found) or `failed` (on the destination);
    /// `completed` after the source's nova-compute was started again.
    pub status: String,
    /// Service host that it leaves.
    pub source_compute: Option<String>,
    /// Service host that it goes to; `None` until the scheduler has chosen.
    pub dest_compute: Option<String>,
    /// As Nova writes it: UTC without zone.
    pub created_at: Option<String>,
    /// As Nova writes it; `None` before the first change.
    pub updated_at: Option<String>,
}

/// Which migrations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigrationFilter {
    kind: Option<&'static str>,
    source_compute: Option<String>,
    either_compute: Option<String>,
    instance: Option<InstanceId>,
}

impl MigrationFilter {
    /// Evacuations that left `host`.
    #[must_use]
    pub fn evacuations_from(host: &str) -> Self {
        Self {
            kind: Some("evacuation"),
            source_compute: Some(host.to_owned()),
            ..Self::default()
        }
    }

    /// Evacuations of one server.
    #[must_use]
    pub fn evacuations_of(instance: InstanceId) -> Self {
        Self {
            kind: Some("evacuation"),
            instance: Some(instance),
            ..Self::default()
        }
    }

    /// Moves of every kind of one server: the hosts where it may have run.
    #[must_use]
    pub fn all_of(instance: InstanceId) -> Self {
        Self {
            instance: Some(instance),
            ..Self::default()
        }
    }

    /// Moves of every kind that leave or enter `host`.
    #[must_use]
    pub fn touching(host: &str) -> Self {
        Self {
            either_compute: Some(host.to_owned()),
            ..Self::default()
        }
    }
}

#[derive(Deserialize)]
struct Page {
    migrations: Vec<Migration>,
    #[serde(default)]
    migrations_links: Vec<Link>,
}

impl Nova {
    /// Migrations, newest first. Those of a cell that is down are missing.
    ///
    /// # Errors
    /// See [`NovaError`]; part of a list is never returned as the whole.
    pub async fn migrations(&self, filter: &MigrationFilter) -> Result<Vec<Migration>, NovaError> {
        let mut migrations: Vec<Migration> = Vec::new();
        for _ in 0..PAGES_LIMIT {
            let mut request = Request::get("list migrations", "/os-migrations")
                .query("limit", self.page_size.to_string())
                .microversion(MIGRATIONS_VERSION);
            let instance = filter.instance.map(|id| id.to_string());
            let marker = migrations.last().map(|last| last.uuid.to_string());
            for (key, value) in [
                ("migration_type", filter.kind.map(str::to_owned)),
                ("source_compute", filter.source_compute.clone()),
                ("host", filter.either_compute.clone()),
                ("instance_uuid", instance),
                ("marker", marker),
            ] {
                if let Some(value) = value {
                    request = request.query(key, value);
                }
            }
            let page: Page = self.service.call(&request).await?.json()?;
            let more = has_next(&page.migrations_links) && !page.migrations.is_empty();
            migrations.extend(page.migrations);
            if !more {
                return Ok(migrations);
            }
        }
        Err(NovaError::EndlessList {
            what: "migrations",
            pages: PAGES_LIMIT,
        })
    }
}
