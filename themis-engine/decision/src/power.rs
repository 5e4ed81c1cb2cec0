//! Power readings of a host's devices, whether they may be believed (the binding), and what they prove.
//!
//! A device that is not bound to the host proves nothing, whatever it reads. Off is proven only by readings that follow
//! an accepted power-off; a device that read off from the start must go on doing so for `off_hold`, because a power
//! cycle or a delayed start reads off for seconds.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use themis_core::power::{Binding, PowerReading, PowerState, PowerTrouble};
use themis_core::{Moment, PowerDeviceId};

/// A gap between readings of more than this breaks "throughout".
const GAP_MAX: Duration = Duration::from_secs(6);

/// A report may have lain on the way for this long when the power went off.
pub const REPORT_DELAY_MAX: Duration = Duration::from_secs(3);

/// The devices of one host.
#[derive(Debug, Clone, Default)]
pub struct HostPower {
    /// By device. All devices of the first level must read off together.
    pub devices: BTreeMap<PowerDeviceId, DeviceTrack>,
}

/// What one device said so far.
#[derive(Debug, Clone)]
pub struct DeviceTrack {
    /// Whether its word counts.
    pub binding: Binding,
    /// The last answer and when.
    pub last: Option<(Moment, Result<PowerState, PowerTrouble>)>,
    /// Detail of the last answer, for people.
    pub detail: String,
    /// When it was last positively on.
    pub on_at: Option<Moment>,
    /// Since when it reads off without a break.
    pub off_since: Option<Moment>,
    /// When a power-off was last accepted, in this incident.
    pub off_accepted: Option<Moment>,
    /// The first reading of off after that.
    pub off_after_command: Option<Moment>,
    /// Whether it was seen on right before that command, or after it: then it was the command that switched it off.
    pub was_on: bool,
}

/// What the devices together say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerWord {
    /// No device is registered.
    NoDevice,
    /// None of the devices is bound.
    Unbound,
    /// A bound device reads on.
    On,
    /// All bound devices read off.
    Off,
    /// A bound device gives no answer.
    Unreachable,
    /// A bound device refuses.
    Refused,
    /// Nothing was read yet, or not lately.
    Unknown,
}

impl DeviceTrack {
    /// A device of which nothing is known yet.
    #[must_use]
    pub const fn new(binding: Binding) -> Self {
        Self {
            binding,
            last: None,
            detail: String::new(),
            on_at: None,
            off_since: None,
            off_accepted: None,
            off_after_command: None,
            was_on: false,
        }
    }

    fn hear(&mut self, reading: &PowerReading, now: Moment) {
        let gap = self.last.is_none_or(|(at, _)| now.since(at) > GAP_MAX);
        match reading.state {
            Ok(PowerState::Off) => {
                if gap || self.off_since.is_none() {
                    self.off_since = Some(now);
                    self.off_after_command = None;
                }
                if self.off_accepted.is_some() && self.off_after_command.is_none() {
                    self.off_after_command = Some(now);
                }
            }
            Ok(PowerState::On) => {
                self.on_at = Some(now);
                self.was_on |= self.off_accepted.is_some();
                self.off_since = None;
                self.off_after_command = None;
            }
            Err(_) => {
                self.off_since = None;
                self.off_after_command = None;
            }
        }
        self.last = Some((now, reading.state));
        self.detail.clone_from(&reading.detail);
    }

    /// Whether off is proven as the fence rule demands: read twice, apart, after the accepted command; and throughout
    /// `off_hold` when it was off before the command.
    fn proven_off(&self, apart: Duration, off_hold: Duration) -> bool {
        let (Some(since), Some(first), Some((last, Ok(PowerState::Off)))) =
            (self.off_since, self.off_after_command, self.last)
        else {
            return false;
        };
        last.since(first) >= apart && (self.was_on || last.since(since) >= off_hold)
    }
}

impl HostPower {
    /// Takes a reading.
    pub fn hear(&mut self, device: PowerDeviceId, binding: Binding, reading: &PowerReading, now: Moment) {
        let track = self
            .devices
            .entry(device)
            .or_insert_with(|| DeviceTrack::new(binding.clone()));
        track.binding = binding;
        track.hear(reading, now);
    }

    /// A power-off was accepted by `device`.
    pub fn off_accepted(&mut self, device: PowerDeviceId, binding: &Binding, now: Moment) {
        let track = self
            .devices
            .entry(device)
            .or_insert_with(|| DeviceTrack::new(binding.clone()));
        // Off that was there before the command may be a power cycle of somebody else's: it must last.
        let on_lately = track.on_at.is_some_and(|at| now.since(at) <= GAP_MAX);
        track.was_on = on_lately || (track.was_on && track.off_accepted.is_some());
        track.off_accepted = Some(now);
        track.off_after_command = None;
    }

    /// A new incident, or a proof made void: what was accepted or seen before counts no more.
    pub fn begin(&mut self) {
        for track in self.devices.values_mut() {
            track.off_accepted = None;
            track.off_after_command = None;
            track.was_on = false;
        }
    }

    /// What the devices say together, from readings at most `age` old.
    #[must_use]
    pub fn word(&self, now: Moment, age: Duration) -> PowerWord {
        if self.devices.is_empty() {
            return PowerWord::NoDevice;
        }
        let bound: Vec<&DeviceTrack> = self.devices.values().filter(|d| d.binding.holds()).collect();
        if bound.is_empty() {
            return PowerWord::Unbound;
        }
        let mut word = PowerWord::Off;
        for device in bound {
            let said = match device.last {
                Some((at, state)) if now.since(at) <= age => state,
                Some(_) | None => return PowerWord::Unknown,
            };
            word = match said {
                Ok(PowerState::On) => return PowerWord::On,
                Ok(PowerState::Off) => word,
                Err(PowerTrouble::Unreachable) => PowerWord::Unreachable,
                Err(PowerTrouble::Refused) => PowerWord::Refused,
            };
        }
        word
    }

    /// How long all devices have read off, each bound and lately read; `None` when that is not so.
    #[must_use]
    pub fn off_for(&self, now: Moment) -> Option<Duration> {
        if self.word(now, GAP_MAX) != PowerWord::Off || !self.all_bound() {
            return None;
        }
        self.devices
            .values()
            .map(|d| d.off_since.map(|since| now.since(since)))
            .min()
            .flatten()
    }

    /// When off was last confirmed, if it is proven by the fence rule on every device.
    #[must_use]
    pub fn proof(&self, apart: Duration, off_hold: Duration) -> Option<Moment> {
        let proven = !self.devices.is_empty() && self.all_bound();
        let proven = proven && self.devices.values().all(|d| d.proven_off(apart, off_hold));
        if proven { self.read_at() } else { None }
    }

    /// When the devices were last read, the one that was read longest ago.
    #[must_use]
    pub fn read_at(&self) -> Option<Moment> {
        self.devices.values().filter_map(|d| d.last.map(|(at, _)| at)).min()
    }

    /// Whether every device is bound.
    #[must_use]
    pub fn all_bound(&self) -> bool {
        !self.devices.is_empty() && self.devices.values().all(|d| d.binding.holds())
    }

    /// Whether every device has accepted a power-off in this incident.
    #[must_use]
    pub fn all_accepted_off(&self) -> bool {
        !self.devices.is_empty() && self.devices.values().all(|d| d.off_accepted.is_some())
    }

    /// When any bound device was last seen on.
    #[must_use]
    pub fn on_at(&self) -> Option<Moment> {
        self.devices
            .values()
            .filter(|d| d.binding.holds())
            .filter_map(|d| d.on_at)
            .max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use themis_core::Reason;

    const APART: Duration = Duration::from_secs(1);
    const HOLD: Duration = Duration::from_secs(12);

    fn device() -> PowerDeviceId {
        PowerDeviceId(uuid::Uuid::from_u128(1))
    }

    fn at(s: u64) -> Moment {
        Moment(s * 1_000_000)
    }

    fn read(power: &mut HostPower, s: u64, state: Result<PowerState, PowerTrouble>) {
        let reading = PowerReading {
            state,
            guid: None,
            detail: String::new(),
        };
        power.hear(device(), Binding::Identity, &reading, at(s));
    }

    #[test]
    fn a_host_that_was_on_is_proven_by_two_readings_after_the_command() {
        let mut power = HostPower::default();
        read(&mut power, 0, Ok(PowerState::On));
        power.off_accepted(device(), &Binding::Identity, at(1));
        read(&mut power, 1, Ok(PowerState::Off));
        assert_eq!(power.proof(APART, HOLD), None, "one reading is not enough");
        read(&mut power, 2, Ok(PowerState::Off));
        assert_eq!(power.proof(APART, HOLD), Some(at(2)));
        read(&mut power, 3, Ok(PowerState::On));
        assert_eq!(power.proof(APART, HOLD), None, "a reading of on voids it");
    }

    #[test]
    fn a_host_that_read_off_from_the_start_must_go_on_doing_so() {
        let mut power = HostPower::default();
        read(&mut power, 0, Ok(PowerState::Off));
        power.off_accepted(device(), &Binding::Identity, at(1));
        for s in 1..12 {
            read(&mut power, s, Ok(PowerState::Off));
            assert_eq!(power.proof(APART, HOLD), None, "at {s} s");
        }
        read(&mut power, 12, Ok(PowerState::Off));
        assert_eq!(power.proof(APART, HOLD), Some(at(12)));
    }

    #[test]
    fn off_in_the_middle_of_somebody_elses_power_cycle_is_no_proof() {
        let mut power = HostPower::default();
        read(&mut power, 0, Ok(PowerState::On));
        for s in 1..=8 {
            read(&mut power, s, Ok(PowerState::Off));
        }
        power.off_accepted(device(), &Binding::Identity, at(8));
        read(&mut power, 9, Ok(PowerState::Off));
        read(&mut power, 10, Ok(PowerState::Off));
        assert_eq!(
            power.proof(APART, HOLD),
            None,
            "it was off before the command: it must last"
        );
        for s in 11..=13 {
            read(&mut power, s, Ok(PowerState::Off));
        }
        assert_eq!(power.proof(APART, HOLD), Some(at(13)));
    }

    #[test]
    fn all_devices_of_a_host_must_be_proven_off() {
        let mut power = HostPower::default();
        let other = PowerDeviceId(uuid::Uuid::from_u128(2));
        for id in [device(), other] {
            power.devices.insert(id, DeviceTrack::new(Binding::Identity));
            power.off_accepted(id, &Binding::Identity, at(0));
        }
        for s in 0..20 {
            read(&mut power, s, Ok(PowerState::Off));
        }
        assert_eq!(power.proof(APART, HOLD), None, "the other outlet was never read");
    }

    #[test]
    fn a_gap_or_an_unanswered_question_begins_the_hold_anew() {
        let mut power = HostPower::default();
        power.off_accepted(device(), &Binding::Identity, at(0));
        read(&mut power, 0, Ok(PowerState::Off));
        read(&mut power, 13, Ok(PowerState::Off));
        assert_eq!(power.off_for(at(13)), Some(Duration::ZERO));
        assert_eq!(power.proof(APART, HOLD), None);
        read(&mut power, 14, Err(PowerTrouble::Unreachable));
        assert_eq!(power.word(at(14), APART), PowerWord::Unreachable);
        assert_eq!(power.off_for(at(14)), None);
    }

    #[test]
    fn an_unbound_device_proves_nothing() {
        let mut power = HostPower::default();
        let unbound = Binding::Unbound(Reason::new("guid_differs", "another machine"));
        power.off_accepted(device(), &unbound, at(0));
        for s in 0..30 {
            let reading = PowerReading {
                state: Ok(PowerState::Off),
                guid: None,
                detail: String::new(),
            };
            power.hear(device(), unbound.clone(), &reading, at(s));
        }
        assert_eq!(power.proof(APART, HOLD), None);
        assert_eq!(power.off_for(at(29)), None);
        assert_eq!(power.word(at(29), APART), PowerWord::Unbound);
    }
}
