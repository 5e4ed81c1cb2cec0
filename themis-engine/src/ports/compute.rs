//! Nova (and Placement, for cross-checks) as the engine needs them. Every call is bounded by the port's own deadline and
//! pins its microversion; see `reference` facts in `themis-openstack`.

use async_trait::async_trait;
use themis_core::proof::FenceProof;
use themis_core::{InstanceId, Reason};
use themis_decision::notified::InstanceSight;
use themis_decision::recovery::{InstanceLook, ListedInstance};

/// A nova-compute service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComputeService {
    /// Its host.
    pub host: String,
    /// `state` is up.
    pub up: bool,
    /// Forced down.
    pub forced_down: bool,
    /// Why it is disabled, if it is.
    pub disabled: Option<String>,
    /// Its last heartbeat, as Nova prints it.
    pub updated_at: String,
}

/// A call that brought no answer to act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComputeError {
    /// It had no effect; trying again may help.
    Retry(Reason),
    /// It was refused; trying again will not help.
    Refused(Reason),
    /// Its answer was lost: whether it had effect is not known.
    Indeterminate(Reason),
}

impl ComputeError {
    /// What happened.
    #[must_use]
    pub const fn reason(&self) -> &Reason {
        match self {
            Self::Retry(reason) | Self::Refused(reason) | Self::Indeterminate(reason) => reason,
        }
    }
}

/// Nova.
#[async_trait]
pub trait Compute: Send + Sync {
    /// All nova-compute services.
    async fn services(&self) -> Result<Vec<ComputeService>, ComputeError>;
    /// Forces the host's service down, or lets it be up again. Looks first; harmless to repeat.
    async fn force_down(&self, host: &str, down: bool) -> Result<(), ComputeError>;
    /// Disables the service with our reason; answers the reason of somebody else if it was disabled before (and is kept).
    async fn disable(&self, host: &str, reason: &str) -> Result<Option<String>, ComputeError>;
    /// Enables the service if its disabled reason begins with `ours`.
    async fn enable(&self, host: &str, ours: &str) -> Result<(), ComputeError>;
    /// All instances of a host, cross-checked: `Retry` with code `nova_partial` when Nova's list and Placement differ.
    async fn instances_on(&self, host: &str) -> Result<Vec<ListedInstance>, ComputeError>;
    /// Posts one evacuation. `proof` is demanded so that no caller can forget it.
    async fn evacuate(&self, proof: &FenceProof, instance: InstanceId) -> Result<(), ComputeError>;
    /// Shows instances on their way from `source`.
    async fn look(&self, source: &str, instances: &[InstanceId]) -> Result<Vec<InstanceLook>, ComputeError>;
    /// Puts an instance into the state `error`, from which Nova evacuates it.
    async fn reset_state(&self, instance: InstanceId) -> Result<(), ComputeError>;
    /// Shows an instance as it is now; `None` when Nova has none of that id. `Retry` when its cell is down.
    async fn instance(&self, instance: InstanceId) -> Result<Option<InstanceSight>, ComputeError>;
    /// Sets the recorded state of a resized instance to `active`, from which it can be stopped.
    async fn reset_to_active(&self, instance: InstanceId) -> Result<(), ComputeError>;
    /// Stops an instance; no error when it is stopped already, or being stopped.
    async fn stop(&self, instance: InstanceId) -> Result<(), ComputeError>;
    /// Starts a stopped instance where it is; no error when it is active already, or being started.
    async fn start(&self, instance: InstanceId) -> Result<(), ComputeError>;
}
