//! Leaves out questions that were asked a moment ago or are under way: the decision core wants them again each turn.

use std::collections::BTreeMap;
use std::time::Duration;

use themis_core::{HostId, InstanceId, Moment, NetworkName, PowerDeviceId};
use themis_decision::Want;

/// A question that got no answer is asked again after this.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// How often moving instances are looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(700);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Probe(HostId, NetworkName),
    Life(HostId),
    Power(PowerDeviceId),
    Look(HostId),
    Sight(InstanceId),
}

#[derive(Debug, Default)]
pub(super) struct Throttle(BTreeMap<Key, Asked>);

#[derive(Debug, Clone, Copy)]
struct Asked {
    at: Moment,
    under_way: bool,
}

impl Throttle {
    /// Whether to ask now; remembers that it was asked.
    pub(super) fn admit(&mut self, want: &Want, probe_interval: Duration, now: Moment) -> bool {
        let (key, interval, answered) = match want {
            Want::Probe { host, network, .. } => (Key::Probe(*host, network.clone()), probe_interval, false),
            Want::AskLife { host } => (Key::Life(*host), probe_interval, false),
            Want::ReadPower { device, interval, .. } => (Key::Power(*device), *interval, true),
            Want::Look { host, .. } => (Key::Look(*host), LOOK_INTERVAL, true),
        };
        self.pass(key, interval, answered, now)
    }

    /// Whether to look at an instance in recovery now; remembers that it was looked at.
    pub(super) fn admit_sight(&mut self, instance: InstanceId, interval: Duration, now: Moment) -> bool {
        self.pass(Key::Sight(instance), interval, true, now)
    }

    fn pass(&mut self, key: Key, interval: Duration, answered: bool, now: Moment) -> bool {
        if let Some(asked) = self.0.get(&key) {
            let wait = if asked.under_way { ANSWER_MAX } else { interval };
            if now.since(asked.at) < wait {
                return false;
            }
        }
        let under_way = answered;
        self.0.insert(key, Asked { at: now, under_way });
        true
    }

    /// An instance was looked at; a `false` for `goes_on` forgets it.
    pub(super) fn sighted(&mut self, instance: InstanceId, goes_on: bool) {
        let key = Key::Sight(instance);
        if !goes_on {
            self.0.remove(&key);
        } else if let Some(asked) = self.0.get_mut(&key) {
            asked.under_way = false;
        }
    }

    /// A device was read.
    pub(super) fn power_answered(&mut self, device: PowerDeviceId) {
        if let Some(asked) = self.0.get_mut(&Key::Power(device)) {
            asked.under_way = false;
        }
    }

    /// The device must be read at once.
    pub(super) fn power_now(&mut self, device: PowerDeviceId) {
        self.0.remove(&Key::Power(device));
    }

    /// A host's moving instances were looked at.
    pub(super) fn looked(&mut self, host: HostId) {
        if let Some(asked) = self.0.get_mut(&Key::Look(host)) {
            asked.under_way = false;
        }
    }

    /// Forgets everything, as a new leader does.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
