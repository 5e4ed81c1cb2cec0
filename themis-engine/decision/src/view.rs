//! What an operator is shown of a host: protected or why not, the verdicts, the power, what holds it. Stored with the
//! host's row for the API, which never decides anything itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use themis_core::{HostId, Moment, NetworkName, Reason};

use crate::brakes::unprotected;
use crate::verdict::{HostVerdicts, Verdict};
use crate::world::World;

/// One host's view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostView {
    /// Whether it would be fenced and evacuated if it failed now.
    pub protected: bool,
    /// Why not.
    pub protected_reasons: Vec<Reason>,
    /// Verdict per network.
    pub networks: BTreeMap<NetworkName, Verdict>,
    /// What its power devices say.
    pub power: Value,
    /// What holds it.
    pub hold: Option<Reason>,
}

/// The view of one host.
#[must_use]
pub fn view(world: &World, id: HostId, verdicts: &HostVerdicts, now: Moment) -> Option<HostView> {
    let host = world.hosts.get(&id)?;
    let protected_reasons = unprotected(world, host, now);
    let devices: Vec<Value> = host
        .devices
        .iter()
        .map(|device| {
            let track = world
                .evidence
                .power
                .get(&id)
                .and_then(|power| power.devices.get(&device.id));
            json!({
                "uuid": device.id,
                "address": device.address,
                "binding": track.map(|t| &t.binding),
                "reads": track.and_then(|t| t.last.map(|(_, state)| state)),
            })
        })
        .collect();
    Some(HostView {
        protected: protected_reasons.is_empty(),
        protected_reasons,
        networks: verdicts.networks.clone(),
        power: json!({"devices": devices}),
        hold: host.watch.hold.clone(),
    })
}
