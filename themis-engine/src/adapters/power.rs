//! Power devices over IPMI. A device's session is kept between requests; its password is opened from its seal when the
//! device is first used and again when its record changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use themis_core::PowerDeviceId;
use themis_core::power::{PowerReading, PowerTrouble};
use themis_decision::binding::Identity;
use themis_fencing::device::Timing;
use themis_fencing::guid;
use themis_fencing::{Credentials, DeviceAddress, PowerDevice, SealKey};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::ports::power::{OffAnswer, Power};
use crate::ports::store::StoredDevice;

/// The way to IPMI devices.
pub struct IpmiPower {
    key: Option<SealKey>,
    timing: Timing,
    read_within: Duration,
    off_within: Duration,
    open: Mutex<BTreeMap<PowerDeviceId, (StoredDevice, Arc<PowerDevice>)>>,
}

impl IpmiPower {
    /// `key` opens the sealed passwords; without one every device is refused with a reason. The deadlines bound one
    /// reading and one command.
    #[must_use]
    pub fn new(key: Option<SealKey>, timing: Timing, read_within: Duration, off_within: Duration) -> Self {
        Self {
            key,
            timing,
            read_within,
            off_within,
            open: Mutex::default(),
        }
    }

    async fn device(&self, stored: &StoredDevice) -> Result<Arc<PowerDevice>, String> {
        let mut open = self.open.lock().await;
        if let Some((known, device)) = open.get(&stored.id)
            && known == stored
        {
            return Ok(device.clone());
        }
        let address = DeviceAddress::new(&stored.driver, &stored.address, Some(stored.port), &stored.system)
            .map_err(|error| error.to_string())?;
        let key = self
            .key
            .as_ref()
            .ok_or("no [fencing] key_file: 'themis-manage keys create FILE'")?;
        let password = key.open(&address, &stored.secret).map_err(|error| error.to_string())?;
        let credentials = Credentials::new(stored.username.clone(), password).map_err(|error| error.to_string())?;
        let device = Arc::new(PowerDevice::new(address, credentials, self.timing));
        open.insert(stored.id, (stored.clone(), device.clone()));
        Ok(device)
    }
}

#[async_trait]
impl Power for IpmiPower {
    async fn read(&self, device: &StoredDevice) -> PowerReading {
        match self.device(device).await {
            Ok(device) => device.read(self.read_within).await,
            Err(detail) => PowerReading {
                state: Err(PowerTrouble::Refused),
                guid: None,
                detail,
            },
        }
    }

    async fn off(&self, device: &StoredDevice) -> OffAnswer {
        let device = match self.device(device).await {
            Ok(device) => device,
            Err(detail) => return OffAnswer::NotTaken(detail),
        };
        match device.off(self.off_within).await {
            Ok(_) => OffAnswer::Accepted,
            Err(error) => OffAnswer::NotTaken(error.detail()),
        }
    }

    fn identity(&self, device: Option<&str>, system_uuid: Option<Uuid>) -> Identity {
        match guid::compare(device, system_uuid) {
            guid::Identity::Same => Identity::Same,
            guid::Identity::Different => Identity::Different,
            guid::Identity::Unknown => Identity::Unknown,
        }
    }
}
