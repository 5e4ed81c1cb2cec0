//! Leaves out questions that were asked a moment ago or are under way: the decision core wants them again each turn.

use std::collections::BTreeMap;
use std::time::Duration;

use themis_core::{HostId, Moment, NetworkName, PowerDeviceId};
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
        if let Some(asked) = self.0.get(&key) {
            let wait = if asked.under_way { ANSWER_MAX } else { interval };
            if now.since(asked.at) < wait {
                return false;
            }
        }
        self.0.insert(
            key,
            Asked {
                at: now,
                under_way: answered,
            },
        );
        true
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
