//! What an engine sees of the world: the real engine's ports over [`crate::world::World`]. Every call takes time, and none
//! returns to a process that was killed meanwhile. The bus is no port of ours: questions go out through the engine's own
//! adapter, over the in-process bus.

mod compute;
mod power;
mod store;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use themis_engine::Ports;
use themis_engine::adapters::bus::OsloBus;

use crate::clock::{SimClock, SimIds};
use crate::process::Process;
use crate::world::World;

use compute::SimNova;
use power::SimPower;
use store::SimStore;

pub use wire::ProcessBus;

/// The ports of engine number `index`, which asks its questions through `questions`.
#[must_use]
pub fn ports(world: &World, process: &Process, questions: &OsloBus, seed: u64, index: u64) -> Ports {
    let up = Duration::from_secs(3600 * (index + 1));
    let of = || (world.clone(), process.clone());
    let (power, compute, store) = (of(), of(), of());
    Ports {
        store: Arc::new(SimStore::new(store.0, store.1)),
        compute: Arc::new(SimNova::new(compute.0, compute.1)),
        power: Arc::new(SimPower::new(power.0, power.1)),
        bus: Arc::new(questions.clone()),
        clock: Arc::new(SimClock::new(world.start(), up)),
        ids: Arc::new(SimIds::new(seed, index)),
    }
}
