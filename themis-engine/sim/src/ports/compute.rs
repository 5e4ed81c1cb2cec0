//! Nova as one engine reaches it. A request that was sent has its effect even when the engine dies or the answer is lost.

use std::time::Duration;

use async_trait::async_trait;
use themis_core::proof::FenceProof;
use themis_core::{InstanceId, Reason};
use themis_decision::notified::InstanceSight;
use themis_decision::recovery::{InstanceLook, ListedInstance};
use themis_engine::ports::Compute;
use themis_engine::ports::compute::{ComputeError, ComputeService};
use tokio::time::sleep;

use crate::machines::Time;
use crate::nova::Nova;
use crate::process::Process;
use crate::world::{State, World};

const READ_TAKES: Duration = Duration::from_millis(40);
const WRITE_TAKES: Duration = Duration::from_millis(30);
const POST_TAKES: Duration = Duration::from_millis(120);
/// The engine's deadline for one request.
const DEADLINE: Duration = Duration::from_millis(3_300);

pub(super) struct SimNova {
    world: World,
    process: Process,
}

fn retry(text: &str) -> ComputeError {
    ComputeError::Retry(Reason::new("nova_unavailable", text))
}

fn refused(text: impl Into<String>) -> ComputeError {
    ComputeError::Refused(Reason::new("nova_refused", text))
}

impl SimNova {
    pub(super) const fn new(world: World, process: Process) -> Self {
        Self { world, process }
    }

    async fn read<T>(&self, f: impl FnOnce(&Nova, Time) -> T) -> Result<T, ComputeError> {
        self.process.gate().await;
        sleep(READ_TAKES).await;
        let (answer, shows_after) = {
            let state = self.world.lock();
            let answer = (!state.nova_away).then(|| f(&state.nova, self.world.now()));
            (answer, state.nova_shows_after)
        };
        // What it shows is how things were when it was asked.
        sleep(shows_after).await;
        let answer = match answer {
            Some(answer) => Ok(answer),
            None => {
                sleep(DEADLINE).await;
                Err(retry("Nova does not answer"))
            }
        };
        self.process.gate().await;
        answer
    }

    /// One request that changes something. The engine may die while it is on its way; it arrives all the same.
    async fn write<T>(
        &self,
        takes: Duration,
        f: impl FnOnce(&mut State, Time) -> Result<T, ComputeError>,
    ) -> Result<T, ComputeError> {
        self.process.gate().await;
        sleep(takes / 2).await;
        let answer = {
            let mut state = self.world.lock();
            let now = self.world.now();
            if state.nova_away {
                Err(retry("Nova does not answer"))
            } else {
                let answer = f(&mut state, now);
                state.affected(&self.process, now);
                answer
            }
        };
        sleep(takes / 2).await;
        self.process.gate().await;
        answer
    }
}

impl SimNova {
    async fn errand(&self, instance: InstanceId, start: bool) -> Result<(), ComputeError> {
        self.write(WRITE_TAKES, |state, now| {
            let (state_wanted, task) = if start {
                ("active", "powering-on")
            } else {
                ("stopped", "powering-off")
            };
            let sight = state.nova.sight(instance);
            let so = sight.is_some_and(|s| s.vm_state == state_wanted || s.task_state.as_deref() == Some(task));
            if !so {
                state.nova.errand(instance, start, now).map_err(refused)?;
                state.errand(instance, start, now);
            }
            state.lose_answer()
        })
        .await
    }
}

#[async_trait]
impl Compute for SimNova {
    async fn services(&self) -> Result<Vec<ComputeService>, ComputeError> {
        self.read(|nova, now| {
            let show = |(host, service): (&String, &crate::nova::Service)| ComputeService {
                host: host.clone(),
                up: nova.up(host, now),
                forced_down: service.forced_down,
                disabled: service.disabled.clone(),
                updated_at: format!("{:.1}", service.beat.as_secs_f64()),
            };
            nova.services.iter().map(show).collect()
        })
        .await
    }

    async fn force_down(&self, host: &str, down: bool) -> Result<(), ComputeError> {
        self.write(WRITE_TAKES, |state, now| {
            let ends = |m: &crate::nova::Migration| m.source == host && m.status == "done";
            if !down && state.nova.migrations.iter().any(ends) {
                return Err(retry("400 done evacuation migration records remain"));
            }
            let service = state
                .nova
                .services
                .get_mut(host)
                .ok_or_else(|| refused("404 no such service"))?;
            if service.forced_down != down {
                service.forced_down = down;
                let word = if down { "forced_down" } else { "no longer forced_down" };
                state.chronicle.note(now, "nova", host, word);
            }
            Ok(())
        })
        .await
    }

    async fn disable(&self, host: &str, reason: &str) -> Result<Option<String>, ComputeError> {
        self.write(WRITE_TAKES, |state, now| {
            let service = state
                .nova
                .services
                .get_mut(host)
                .ok_or_else(|| refused("404 no such service"))?;
            if let Some(before) = &service.disabled {
                return Ok(Some(before.clone()));
            }
            service.disabled = Some(reason.to_owned());
            state.chronicle.note(now, "nova", host, "disabled");
            if reason.starts_with("themis/") {
                return Ok(None);
            }
            state.lose_answer().map(|()| None)
        })
        .await
    }

    async fn enable(&self, host: &str, ours: &str) -> Result<(), ComputeError> {
        self.write(WRITE_TAKES, |state, now| {
            let service = state
                .nova
                .services
                .get_mut(host)
                .ok_or_else(|| refused("404 no such service"))?;
            if service
                .disabled
                .as_deref()
                .is_some_and(|reason| reason.starts_with(ours))
            {
                service.disabled = None;
                state.chronicle.note(now, "nova", host, "enabled");
            }
            Ok(())
        })
        .await
    }

    async fn instances_on(&self, host: &str) -> Result<Vec<ListedInstance>, ComputeError> {
        self.read(|nova, _| nova.listed(host)).await
    }

    async fn evacuate(&self, _proof: &FenceProof, instance: InstanceId) -> Result<(), ComputeError> {
        self.write(POST_TAKES, |state, now| {
            state.posting(&self.process, instance, now);
            state.nova.evacuate(instance, now).map_err(refused)?;
            state.lose_answer()
        })
        .await
    }

    async fn look(&self, _source: &str, instances: &[InstanceId]) -> Result<Vec<InstanceLook>, ComputeError> {
        self.read(|nova, _| instances.iter().map(|id| nova.look(*id)).collect())
            .await
    }

    async fn reset_state(&self, instance: InstanceId) -> Result<(), ComputeError> {
        self.write(WRITE_TAKES, |state, _| {
            let server = state
                .nova
                .servers
                .get_mut(&instance)
                .ok_or_else(|| refused("404 no such server"))?;
            "error".clone_into(&mut server.vm_state);
            Ok(())
        })
        .await
    }

    async fn instance(&self, instance: InstanceId) -> Result<Option<InstanceSight>, ComputeError> {
        self.read(|nova, _| nova.sight(instance)).await
    }

    async fn reset_to_active(&self, instance: InstanceId) -> Result<(), ComputeError> {
        self.write(WRITE_TAKES, |state, _| {
            let server = state
                .nova
                .servers
                .get_mut(&instance)
                .ok_or_else(|| refused("404 no such server"))?;
            "active".clone_into(&mut server.vm_state);
            Ok(())
        })
        .await
    }

    async fn stop(&self, instance: InstanceId) -> Result<(), ComputeError> {
        self.errand(instance, false).await
    }

    async fn start(&self, instance: InstanceId) -> Result<(), ComputeError> {
        self.errand(instance, true).await
    }
}
