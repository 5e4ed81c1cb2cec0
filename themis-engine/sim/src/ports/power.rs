//! Power devices as one engine reaches them.

use std::time::Duration;

use async_trait::async_trait;
use themis_core::power::{PowerReading, PowerState, PowerTrouble};
use themis_decision::binding::Identity;
use themis_engine::ports::power::{OffAnswer, Power};
use themis_engine::ports::store::StoredDevice;
use tokio::time::sleep;
use uuid::Uuid;

use crate::machines::Mood;
use crate::process::Process;
use crate::world::World;

const ANSWERS_IN: Duration = Duration::from_millis(60);
const SLOW_ANSWERS_IN: Duration = Duration::from_secs(2);
/// The engine's deadline for one reading.
const DEADLINE: Duration = Duration::from_millis(2_500);

/// Power devices; a device's address is the name of the machine that it is registered for.
pub(super) struct SimPower {
    world: World,
    process: Process,
}

impl SimPower {
    pub(super) const fn new(world: World, process: Process) -> Self {
        Self { world, process }
    }

    fn mood(&self, host: &str) -> Option<Mood> {
        self.world.lock().site.machines.get(host).map(|m| m.bmc.mood)
    }

    /// Waits as long as the device takes; `false` when it gives no answer.
    async fn asked(&self, host: &str) -> Option<Mood> {
        self.process.gate().await;
        let mood = self.mood(host)?;
        let takes = match mood {
            Mood::Silent => DEADLINE,
            Mood::Slow => SLOW_ANSWERS_IN,
            Mood::Well | Mood::Refusing | Mood::Stuck | Mood::Lying => ANSWERS_IN,
        };
        sleep(takes).await;
        Some(mood)
    }
}

#[async_trait]
impl Power for SimPower {
    async fn read(&self, device: &StoredDevice) -> PowerReading {
        let mood = self.asked(&device.address).await;
        let nothing = |trouble| PowerReading {
            state: Err(trouble),
            guid: None,
            detail: String::new(),
        };
        let reading = match mood {
            None | Some(Mood::Silent) => nothing(PowerTrouble::Unreachable),
            Some(Mood::Refusing) => nothing(PowerTrouble::Refused),
            Some(Mood::Well | Mood::Slow | Mood::Stuck | Mood::Lying) => {
                let state = self.world.lock();
                let machine = &state.site.machines[&device.address];
                let power = if machine.reads_on() {
                    PowerState::On
                } else {
                    PowerState::Off
                };
                PowerReading {
                    state: Ok(power),
                    guid: Some(machine.bmc.guid.simple().to_string()),
                    detail: String::new(),
                }
            }
        };
        self.process.gate().await;
        reading
    }

    async fn off(&self, device: &StoredDevice) -> OffAnswer {
        let mood = self.asked(&device.address).await;
        let answer = match mood {
            None | Some(Mood::Silent) => OffAnswer::NotTaken("no answer".to_owned()),
            Some(Mood::Refusing) => OffAnswer::NotTaken("refused".to_owned()),
            Some(Mood::Well | Mood::Slow | Mood::Stuck | Mood::Lying) => {
                let (now, mode) = (self.world.now(), self.world.mode());
                let mut state = self.world.lock();
                state.powering_off(&device.address, mode);
                state.chronicle.note(now, "power", &device.address, "power-off taken");
                if let Some(machine) = state.site.machines.get_mut(&device.address) {
                    machine.accept_off(now);
                }
                state.affected(&self.process, now);
                OffAnswer::Accepted
            }
        };
        self.process.gate().await;
        answer
    }

    fn identity(&self, guid: Option<&str>, system_uuid: Option<Uuid>) -> Identity {
        match (guid.and_then(|text| Uuid::parse_str(text).ok()), system_uuid) {
            (Some(guid), Some(uuid)) if guid == uuid => Identity::Same,
            (Some(_), Some(_)) => Identity::Different,
            (None, _) | (_, None) => Identity::Unknown,
        }
    }
}
