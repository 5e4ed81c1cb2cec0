//! Everything impure that the engine uses, as small traits that it owns: store, Nova, power, bus, clock, ids.
//!
//! `main` fills them with the adapters over the real parts; the simulator with its own. The engine's code is the same in
//! both. A port that can be faked has a conformance suite in `themis-engine/sim/tests` that the real one passes too.

pub mod bus;
pub mod clock;
pub mod compute;
pub mod power;
pub mod store;

use std::sync::Arc;

pub use bus::Bus;
pub use clock::{Clock, Ids};
pub use compute::Compute;
pub use power::Power;
pub use store::Store;

/// The ports, handed to the engine and its executors.
#[derive(Clone)]
pub struct Ports {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Nova and Placement.
    pub compute: Arc<dyn Compute>,
    /// Power devices.
    pub power: Arc<dyn Power>,
    /// Questions to monitors.
    pub bus: Arc<dyn Bus>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: Arc<dyn Ids>,
}
