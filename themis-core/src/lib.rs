//! The words of Themis as types: ids, host states, networks, reports, reasons, proofs.
//!
//! Every other crate speaks in these. Nothing here does I/O, reads a clock or draws a random number; a type that
//! needs any of these belongs to the crate that does it. Start with [`host_state`], then [`report`].

pub mod epoch;
pub mod host_state;
pub mod ids;
pub mod inquiry;
pub mod leader;
pub mod mode;
pub mod moment;
pub mod network;
pub mod power;
pub mod proof;
pub mod reason;
pub mod report;

pub use epoch::Epoch;
pub use host_state::HostState;
pub use ids::{HostId, IncidentId, InstanceId, NotificationId, PowerDeviceId, RequestId, SegmentId, VmoveId};
pub use mode::Mode;
pub use moment::Moment;
pub use network::NetworkName;
pub use reason::Reason;
