//! What an engine sees of the world: the real engine's ports over [`crate::world::World`]. Every call takes time, and none
//! returns to a process that was killed meanwhile.

mod compute;
mod field;
mod store;

use std::sync::Arc;
use std::time::Duration;

use themis_engine::Ports;

use crate::clock::{SimClock, SimIds};
use crate::process::Process;
use crate::world::World;

use compute::SimNova;
use field::{SimBus, SimPower};
use store::SimStore;

/// The ports of engine number `index`.
#[must_use]
pub fn ports(world: &World, process: &Process, seed: u64, index: u64) -> Ports {
    let up = Duration::from_secs(3600 * (index + 1));
    let of = || (world.clone(), process.clone());
    let (bus, power, compute, store) = (of(), of(), of(), of());
    Ports {
        store: Arc::new(SimStore::new(store.0, store.1)),
        compute: Arc::new(SimNova::new(compute.0, compute.1)),
        power: Arc::new(SimPower::new(power.0, power.1)),
        bus: Arc::new(SimBus::new(bus.0, bus.1)),
        clock: Arc::new(SimClock::new(world.start(), up)),
        ids: Arc::new(SimIds::new(seed, index)),
    }
}
