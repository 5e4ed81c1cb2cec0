//! The ports over the real parts: MariaDB, Nova and Placement, IPMI, the bus, the machine's clock.

pub mod announce;
pub mod bus;
pub mod clock;
pub mod compute;
pub mod power;
mod rows;
pub mod senders;
pub mod store;
