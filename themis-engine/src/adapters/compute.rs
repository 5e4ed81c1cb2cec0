//! Nova and Placement behind the engine's port: exact calls are the clients', looking first and cross-checks are here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use themis_core::proof::FenceProof;
use themis_core::{InstanceId, Reason};
use themis_decision::notified::InstanceSight;
use themis_decision::notified::ask::truth;
use themis_decision::recovery::away::FORBIDDEN;
use themis_decision::recovery::{InstanceLook, ListedInstance, MigrationLook, MigrationState};
use themis_openstack::nova::{Migration, MigrationFilter, Nova, NovaError, ResetTo, Server, Service};
use themis_openstack::placement::Placement;
use themis_openstack::{Advice, ServiceError};

use tokio::time::Instant;

use crate::ports::compute::{Compute, ComputeError, ComputeService};

/// States of a migration that may still start the server on its destination.
const UNFINISHED: [&str; 7] = [
    "accepted",
    "queued",
    "preparing",
    "pre-migrating",
    "running",
    "migrating",
    "post-migrating",
];
/// A healthy scheduler names the destination within a second or two.
const LONG_UNNAMED: Duration = Duration::from_secs(8);
/// What was seen so long ago is forgotten.
const FORGET_UNNAMED: Duration = Duration::from_secs(3600);
/// Metadata that orders instances: larger goes first.
const PRIORITY_KEY: &str = "themis_priority";

/// The real Nova.
#[derive(Debug, Clone)]
pub struct NovaCompute {
    /// For questions.
    nova: Nova,
    /// For effects: the same with a shorter deadline, so that none outlives the lease under which it was sent.
    act: Nova,
    placement: Placement,
    shared_disks: bool,
    /// The metadata key by which an owner marks an instance.
    ha_key: String,
    /// Since when migrations are seen that name no destination.
    unnamed: Arc<Mutex<BTreeMap<i64, Instant>>>,
}

impl NovaCompute {
    /// `effect_within` bounds each effect. `shared_disks`: instances booted from an image have their disk on storage
    /// that all hosts share.
    #[must_use]
    pub fn new(nova: Nova, placement: Placement, effect_within: Duration, shared_disks: bool) -> Self {
        let act = nova.with_timeout(effect_within);
        Self {
            nova,
            act,
            placement,
            shared_disks,
            ha_key: "HA_Enabled".to_owned(),
            unnamed: Arc::default(),
        }
    }

    /// The same with another metadata key by which owners mark instances.
    #[must_use]
    pub fn with_ha_key(self, ha_key: String) -> Self {
        Self { ha_key, ..self }
    }

    fn marked(&self, metadata: &BTreeMap<String, String>) -> bool {
        metadata.get(&self.ha_key).is_some_and(|text| truth(text))
    }

    async fn service(&self, host: &str) -> Result<Service, ComputeError> {
        self.nova.service_of(host).await.map_err(error)?.ok_or_else(|| {
            ComputeError::Refused(Reason::new(
                "unknown_to_nova",
                format!("Nova has no nova-compute on {host}"),
            ))
        })
    }

    /// Every consumer that Placement names on the host must be among the listed, or be shown by Nova to be elsewhere:
    /// Nova leaves the servers of a down cell out of lists without a word.
    async fn cross_check(&self, host: &str, listed: &[Server]) -> Result<(), ComputeError> {
        let partial = |text: String| ComputeError::Retry(Reason::new("nova_partial", text));
        let consumers = match self.placement.consumers(host).await {
            Ok(consumers) => consumers.unwrap_or_default(),
            Err(error) => return Err(partial(format!("Placement was not asked about {host}: {error}"))),
        };
        for consumer in consumers {
            let id = InstanceId(consumer);
            if listed.iter().any(|server| server.id == id) {
                continue;
            }
            // A migration's own allocation, or a server that moved away, is none of this host's any more.
            if let Some(server) = self.nova.server(id).await.map_err(error)? {
                if !server.whole {
                    return Err(partial(format!(
                        "Nova cannot show server {id} of {host}: is a cell down?"
                    )));
                }
                if server.host.as_deref() == Some(host) {
                    return Err(partial(format!("Nova's list of {host} lacks server {id}")));
                }
            }
        }
        Ok(())
    }

    fn listed(&self, server: Server, host: &str, migrations: &[Migration]) -> ListedInstance {
        let own = || migrations.iter().filter(|m| m.instance == server.id);
        let unfinished = |m: &&Migration| UNFINISHED.contains(&m.status.as_str());
        let destinations = own().filter(unfinished).filter_map(|m| m.dest_compute.clone());
        ListedInstance {
            id: server.id,
            vm_state: server.vm_state.clone().unwrap_or_else(|| server.status.to_lowercase()),
            task_state: server.task_state.clone(),
            local_disk: server.has_image && !self.shared_disks,
            marked: self.marked(&server.metadata),
            priority: priority(&server.metadata, self.marked(&server.metadata)),
            migrations_before: own().filter(|m| m.kind == "evacuation").map(|m| m.id).collect(),
            may_run_on: destinations.filter(|destination| destination != host).collect(),
            name: server.name,
        }
    }

    /// Looks at one server; `None` when Nova can show only a stub of it.
    async fn look_at(
        &self,
        source: &str,
        id: InstanceId,
        own: Vec<&Migration>,
    ) -> Result<Option<InstanceLook>, ComputeError> {
        let migrations: Vec<MigrationLook> = own
            .into_iter()
            .map(|m| MigrationLook {
                id: m.id,
                state: MigrationState::of(&m.status),
                dest: m.dest_compute.clone(),
            })
            .collect();
        let under_way = migrations.last().filter(|m| m.state == MigrationState::UnderWay);
        let mut look = InstanceLook {
            id,
            deleted: false,
            host: None,
            vm_state: String::new(),
            task_state: None,
            claimed_on: None,
            migrations: Vec::new(),
        };
        if let Some(migration) = under_way {
            if migration.dest.is_some() || !self.long_unnamed(migration.id) {
                // Its migration says all there is to know.
                return Ok(Some(InstanceLook { migrations, ..look }));
            }
            // The scheduler sets resources aside before the migration names the destination.
            let claims = self.placement.providers_of(id.0).await.ok();
            look.claimed_on = claims.map(|hosts| hosts.into_iter().filter(|host| host != source).collect());
        }
        match self.nova.server(id).await.map_err(error)? {
            Some(server) if !server.whole => return Ok(None),
            Some(server) => {
                look.host = server.host;
                look.vm_state = server.vm_state.unwrap_or_default();
                look.task_state = server.task_state;
            }
            None => look.deleted = true,
        }
        Ok(Some(InstanceLook { migrations, ..look }))
    }

    /// A conflict (409) is none when the instance is as it was wanted, or on its way there.
    async fn unless_so(
        &self,
        instance: InstanceId,
        answer: Result<(), NovaError>,
        state: &str,
        task: &str,
    ) -> Result<(), ComputeError> {
        let refused = match answer {
            Err(refused) if refused.status() == Some(409) => refused,
            other => return other.map_err(error),
        };
        let server = self.nova.server(instance).await.map_err(error)?;
        let so = server.is_some_and(|server| {
            server.vm_state.as_deref() == Some(state) || server.task_state.as_deref() == Some(task)
        });
        if so { Ok(()) } else { Err(error(refused)) }
    }

    /// Whether a migration has named no destination for so long that its instance deserves a closer look.
    fn long_unnamed(&self, migration: i64) -> bool {
        let now = Instant::now();
        let mut unnamed = self.unnamed.lock().unwrap_or_else(PoisonError::into_inner);
        unnamed.retain(|_, since| now.duration_since(*since) < FORGET_UNNAMED);
        now.duration_since(*unnamed.entry(migration).or_insert(now)) >= LONG_UNNAMED
    }
}

fn priority(metadata: &BTreeMap<String, String>, marked: bool) -> i64 {
    let own = metadata
        .get(PRIORITY_KEY)
        .and_then(|text| text.parse::<i64>().ok())
        .unwrap_or(0)
        .clamp(-1000, 1000);
    own * 10 + i64::from(marked)
}

fn error(error: NovaError) -> ComputeError {
    let text = match error.message() {
        Some(words) => format!("{error}: {words}"),
        None => error.to_string(),
    };
    let reason = |code: &str| Reason::new(code, text.clone());
    // Without a token or an address Nova was never asked, and who may not do it now may when the role is mended: neither
    // says anything of the instance, so neither gives it up.
    let unheard = matches!(error, NovaError::Service(ServiceError::Identity(_)));
    if !unheard && error.status() == Some(403) {
        return ComputeError::Retry(reason(FORBIDDEN));
    }
    if unheard || error.status() == Some(401) {
        return ComputeError::Retry(reason("nova_unavailable"));
    }
    match error.advice() {
        Advice::Retry => ComputeError::Retry(reason("nova_unavailable")),
        Advice::GiveUp => ComputeError::Refused(reason("nova_refused")),
        Advice::Indeterminate => ComputeError::Indeterminate(reason("answer_lost")),
    }
}

#[async_trait]
impl Compute for NovaCompute {
    async fn services(&self) -> Result<Vec<ComputeService>, ComputeError> {
        let services = self.nova.services().await.map_err(error)?;
        let convert = |service: Service| ComputeService {
            up: service.is_up(),
            forced_down: service.forced_down,
            disabled: (!service.is_enabled()).then(|| service.disabled_reason.clone().unwrap_or_default()),
            updated_at: service.updated_at.unwrap_or_default(),
            host: service.host,
        };
        Ok(services.into_iter().map(convert).collect())
    }

    async fn force_down(&self, host: &str, down: bool) -> Result<(), ComputeError> {
        let service = self.service(host).await?;
        if service.forced_down == down {
            return Ok(());
        }
        match self.act.force_down(service.id, down).await.map_err(error) {
            // Nova refuses until the restarted nova-compute has closed its evacuations: that passes.
            Err(ComputeError::Refused(reason)) if !down => Err(ComputeError::Retry(reason)),
            answer => answer,
        }
    }

    async fn disable(&self, host: &str, reason: &str) -> Result<Option<String>, ComputeError> {
        let service = self.service(host).await?;
        if !service.is_enabled() {
            return Ok(Some(service.disabled_reason.unwrap_or_default()));
        }
        self.act.disable(service.id, reason).await.map_err(error)?;
        Ok(None)
    }

    async fn enable(&self, host: &str, ours: &str) -> Result<(), ComputeError> {
        let service = self.service(host).await?;
        let disabled_by_us = service
            .disabled_reason
            .as_deref()
            .is_some_and(|reason| reason.starts_with(ours));
        if service.is_enabled() || !disabled_by_us {
            return Ok(());
        }
        self.act.enable(service.id).await.map_err(error)
    }

    async fn instances_on(&self, host: &str) -> Result<Vec<ListedInstance>, ComputeError> {
        let servers = self.nova.servers_on(host).await.map_err(error)?;
        if let Some(stub) = servers.iter().find(|server| !server.whole) {
            let text = format!("Nova shows only a stub of server {}: is a cell down?", stub.id);
            return Err(ComputeError::Retry(Reason::new("nova_partial", text)));
        }
        self.cross_check(host, &servers).await?;
        let migrations = self
            .nova
            .migrations(&MigrationFilter::touching(host))
            .await
            .map_err(error)?;
        Ok(servers
            .into_iter()
            .map(|server| self.listed(server, host, &migrations))
            .collect())
    }

    async fn evacuate(&self, _proof: &FenceProof, instance: InstanceId) -> Result<(), ComputeError> {
        self.act.evacuate(instance, None).await.map(drop).map_err(error)
    }

    async fn look(&self, source: &str, instances: &[InstanceId]) -> Result<Vec<InstanceLook>, ComputeError> {
        let mut migrations = self
            .nova
            .migrations(&MigrationFilter::evacuations_from(source))
            .await
            .map_err(error)?;
        migrations.sort_by_key(|migration| migration.id);
        let mut looks = Vec::with_capacity(instances.len());
        for id in instances.iter().copied() {
            let own = migrations.iter().filter(|m| m.instance == id).collect();
            looks.extend(self.look_at(source, id, own).await?);
        }
        Ok(looks)
    }

    async fn reset_state(&self, instance: InstanceId) -> Result<(), ComputeError> {
        self.act
            .reset_state(instance, ResetTo::Error)
            .await
            .map(drop)
            .map_err(error)
    }

    async fn instance(&self, instance: InstanceId) -> Result<Option<InstanceSight>, ComputeError> {
        let Some(server) = self.nova.server(instance).await.map_err(error)? else {
            return Ok(None);
        };
        if !server.whole {
            let text = format!("Nova shows only a stub of server {instance}: is a cell down?");
            return Err(ComputeError::Retry(Reason::new("nova_partial", text)));
        }
        Ok(Some(InstanceSight {
            host: server.host,
            vm_state: server.vm_state.unwrap_or_default(),
            task_state: server.task_state,
            metadata: server.metadata,
        }))
    }

    async fn reset_to_active(&self, instance: InstanceId) -> Result<(), ComputeError> {
        self.act
            .reset_state(instance, ResetTo::Active)
            .await
            .map(drop)
            .map_err(error)
    }

    async fn stop(&self, instance: InstanceId) -> Result<(), ComputeError> {
        let answer = self.act.stop(instance).await.map(drop);
        self.unless_so(instance, answer, "stopped", "powering-off").await
    }

    async fn start(&self, instance: InstanceId) -> Result<(), ComputeError> {
        let answer = self.act.start(instance).await.map(drop);
        self.unless_so(instance, answer, "active", "powering-on").await
    }
}
