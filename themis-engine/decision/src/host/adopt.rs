//! What a new leader takes over of a power-off that another leader sent: never more than the log and the stored detail say.

use themis_core::power::Binding;
use themis_core::{HostState, Moment, Reason};

use crate::power::{DeviceTrack, HostPower};
use crate::world::HostRecord;

/// Prepares the tracks of a host whose fence another leader began. A device that took the command need not take it once
/// more, but must be read off twice by this leader; throughout `off_hold` unless the proof was in use until now. Where
/// the power came back since, nothing of it is left.
pub fn resume_power(host: &HostRecord, power: &mut HostPower, now: Moment) {
    let (recovery, detail) = (&host.recovery, &host.detail);
    let over = match host.state {
        HostState::Fencing => detail.returns > 0,
        HostState::Evacuated => detail.switched_on,
        _ => false,
    };
    let in_use = recovery.proven && matches!(host.state, HostState::Fenced | HostState::Evacuating);
    for device in &host.devices {
        let unread = Binding::Unbound(Reason::new("power_unknown", "not read yet by this leader"));
        let track = power
            .devices
            .entry(device.id)
            .or_insert_with(|| DeviceTrack::new(unread));
        let accepted = !over && recovery.accepted.contains(&device.id);
        track.off_accepted = accepted.then_some(now);
        track.off_after_command = None;
        track.was_on = accepted && in_use && detail.returns == 0;
    }
}
