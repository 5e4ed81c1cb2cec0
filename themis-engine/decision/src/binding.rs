//! Whether a power device switches the host that it is registered for: by identity, not by address. A record that points
//! to another machine must neither prove a death nor cause one.

use serde_json::json;
use themis_core::Reason;
use themis_core::power::{Binding, PowerReading, PowerState};
use uuid::Uuid;

/// How a device's identity compares with a host's; the comparison itself (byte orders) is the fencing crate's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// The device's System GUID is the host's system UUID.
    Same,
    /// It is another machine's.
    Different,
    /// One of the two is missing or worth nothing.
    Unknown,
}

/// Judges a device by its last reading. `host_speaks`: the host's own monitor was heard within the last seconds.
#[must_use]
pub fn judge(
    reading: &PowerReading,
    identity: Identity,
    accepted: bool,
    host_speaks: bool,
    system_uuid: Option<Uuid>,
) -> Binding {
    if reading.state == Ok(PowerState::Off) && host_speaks {
        let text = "the device reads off while the host's own monitor reports: it belongs to another machine";
        return Binding::Unbound(Reason::new("wrong_power_device", text));
    }
    match identity {
        Identity::Same => Binding::Identity,
        Identity::Different => {
            let text = "the device's System GUID is not the host's system UUID: it belongs to another machine";
            let data = json!({"device_guid": reading.guid, "host_uuid": system_uuid});
            Binding::Unbound(Reason::new("power_device_of_another_machine", text).with(data))
        }
        Identity::Unknown if accepted => Binding::Accepted,
        Identity::Unknown => {
            let text = if system_uuid.is_none() {
                "the host's monitor has not reported its system UUID yet"
            } else {
                "the device shows no System GUID to compare; accept it with 'themis power-device set HOST ... --accept-unbound REASON'"
            };
            Binding::Unbound(Reason::new("power_device_unbound", text))
        }
    }
}

/// The binding of a device that keeps what it proved before: a dead host's monitor can no longer confirm it.
#[must_use]
pub fn keep(before: Option<&Binding>, now: Binding, reading: &PowerReading) -> Binding {
    match (before, &now) {
        // A device that does not answer shows no GUID; that takes nothing back.
        (Some(before), Binding::Unbound(reason))
            if before.holds() && reading.guid.is_none() && reason.code == "power_device_unbound" =>
        {
            before.clone()
        }
        _ => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(state: PowerState) -> PowerReading {
        PowerReading {
            state: Ok(state),
            guid: Some("00".repeat(16)),
            detail: String::new(),
        }
    }

    #[test]
    fn off_while_the_host_speaks_is_the_wrong_device_even_with_the_right_guid() {
        let binding = judge(&reading(PowerState::Off), Identity::Same, true, true, None);
        assert!(matches!(binding, Binding::Unbound(reason) if reason.code == "wrong_power_device"));
    }

    #[test]
    fn an_operators_word_binds_an_unknown_device_but_never_another_machines() {
        assert_eq!(
            judge(&reading(PowerState::On), Identity::Unknown, true, false, None),
            Binding::Accepted
        );
        assert!(!judge(&reading(PowerState::On), Identity::Unknown, false, false, None).holds());
        assert!(!judge(&reading(PowerState::On), Identity::Different, true, false, None).holds());
    }

    #[test]
    fn silence_of_a_bound_device_takes_nothing_back() {
        let silent = PowerReading {
            state: Err(themis_core::power::PowerTrouble::Unreachable),
            guid: None,
            detail: String::new(),
        };
        let now = judge(&silent, Identity::Unknown, false, false, Some(Uuid::nil()));
        assert_eq!(keep(Some(&Binding::Identity), now.clone(), &silent), Binding::Identity);
        assert!(!keep(None, now, &silent).holds());
    }
}
