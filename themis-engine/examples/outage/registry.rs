//! What is registered in the database, and what the engines made of it.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use themis_core::{HostId, SegmentId};
use themis_db::lease::{Lease, lease_read};
use themis_db::store::host_states::host_state_list;
use themis_db::store::hosts::{NewHost, host_create};
use themis_db::store::incidents::incident_list_open;
use themis_db::store::segments::{NewSegment, segment_create};
use themis_db::{Pool, RecoveryMethod, connect_url, schema};
use time::OffsetDateTime;
use uuid::Uuid;

/// The database.
pub(crate) struct Registry(Pool);

impl Registry {
    /// Makes the tables and registers these hosts, each with a monitor of its name.
    pub(crate) async fn fill(connection: &str, hosts: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let pool = connect_url(connection.to_owned()).await?;
        schema::schema_sync(&pool).await?;
        let at = OffsetDateTime::now_utc();
        let segment = NewSegment {
            uuid: SegmentId(Uuid::new_v4()),
            name: "segment".to_owned(),
            service_type: "compute".to_owned(),
            enabled: true,
            description: None,
            recovery_method: RecoveryMethod::Auto,
        };
        let segment = segment_create(&pool, segment, at).await?;
        for name in hosts {
            let host = NewHost {
                uuid: HostId(Uuid::new_v4()),
                name,
                segment_uuid: segment.uuid,
                host_type: "COMPUTE".to_owned(),
                reserved: false,
                control_attributes: "SSH".to_owned(),
                on_maintenance: false,
            };
            host_create(&pool, host, at).await?;
        }
        Ok(Self(pool))
    }

    /// How many hosts are in each state.
    pub(crate) async fn states(&self) -> anyhow::Result<BTreeMap<String, usize>> {
        let mut states = BTreeMap::new();
        for row in host_state_list(&self.0).await? {
            *states.entry(row.state.to_string()).or_default() += 1;
        }
        Ok(states)
    }

    /// Who leads, and since how many leaderships.
    pub(crate) async fn lease(&self) -> anyhow::Result<Lease> {
        lease_read(&self.0).await?.context("nobody ever led")
    }

    /// Nothing was held against any host.
    pub(crate) async fn judge_quiet(&self) -> anyhow::Result<()> {
        let open = incident_list_open(&self.0).await?;
        ensure!(open.is_empty(), "{} incidents, of {:?}", open.len(), open.first());
        Ok(())
    }
}
