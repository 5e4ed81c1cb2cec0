//! Power devices, one honest request at a time. Rules about readings are the decision core's.

use async_trait::async_trait;
use themis_core::power::PowerReading;
use themis_decision::binding::Identity;
use uuid::Uuid;

use crate::ports::store::StoredDevice;

/// What came of a power-off request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OffAnswer {
    /// The device accepted it. Not yet done: only readings tell.
    Accepted,
    /// It was not taken, and why; trying again may help or not, the reading decides.
    NotTaken(String),
}

/// The way to power devices.
#[async_trait]
pub trait Power: Send + Sync {
    /// Reads power state and identity. Bounded by the port's own deadline.
    async fn read(&self, device: &StoredDevice) -> PowerReading;
    /// Sends power-off once. Bounded by the port's own deadline.
    async fn off(&self, device: &StoredDevice) -> OffAnswer;
    /// Compares a device's System GUID, as hex, with a host's system UUID, in every byte order that occurs.
    fn identity(&self, guid: Option<&str>, system_uuid: Option<Uuid>) -> Identity;
}
