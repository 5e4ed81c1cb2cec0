//! Typed ids, so that a segment's id cannot be passed where a host's is wanted. All are UUIDs on the wire and in the
//! database, written in lower case with dashes.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )+};
}

ids! {
    /// A failover segment of Masakari's API.
    SegmentId,
    /// A registered compute host.
    HostId,
    /// A notification (Masakari's `notification_uuid`).
    NotificationId,
    /// One host's story, from the first suspicion to its end.
    IncidentId,
    /// A virtual machine, as Nova names it.
    InstanceId,
    /// The record of one instance's move.
    VmoveId,
    /// A registered way to switch a host's power.
    PowerDeviceId,
    /// What an operator asked for through the API.
    RequestId,
}
