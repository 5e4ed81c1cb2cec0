//! One simulated machine: what is true of it, and what its monitor and its BMC would say.

use std::collections::BTreeSet;

use themis_core::Moment;
use themis_core::power::{PowerReading, PowerState, PowerTrouble};

/// What is true of a machine. All is well at first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Machine {
    pub(crate) powered: bool,
    /// When it was last switched on; its nova-compute starts guests some time later.
    pub(crate) powered_on: Option<Moment>,
    /// How often it was started.
    pub(crate) boots: usize,
    /// The kernel runs: probes are answered.
    pub(crate) kernel: bool,
    /// The serf agents run.
    pub(crate) agents: bool,
    /// The host monitor runs.
    pub(crate) monitor: bool,
    /// nova-compute runs.
    pub(crate) compute: bool,
    /// Networks that it is cut off from.
    pub(crate) cut: BTreeSet<&'static str>,
    pub(crate) bmc: Bmc,
}

/// The power device that is registered for a machine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bmc {
    pub(crate) answers: bool,
    pub(crate) refuses: bool,
    /// Reading it takes for ever: not even a failure is heard.
    pub(crate) hangs: bool,
    /// It takes power-off and does nothing.
    pub(crate) deaf: bool,
    /// It shows the right GUID.
    pub(crate) bound: bool,
    /// It shows a GUID at all.
    pub(crate) shows_guid: bool,
    /// It belongs to another machine, which is on until it is switched off in this one's place.
    pub(crate) switches_another: bool,
    /// It belongs to another machine, which is off.
    pub(crate) of_another: bool,
    /// Power-offs that it took.
    pub(crate) taken: usize,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self {
            powered: true,
            powered_on: None,
            boots: 1,
            kernel: true,
            agents: true,
            monitor: true,
            compute: true,
            cut: BTreeSet::new(),
            bmc: Bmc {
                answers: true,
                refuses: false,
                hangs: false,
                deaf: false,
                bound: true,
                shows_guid: true,
                switches_another: false,
                of_another: false,
                taken: 0,
            },
        }
    }

    /// Its kernel is there.
    pub(crate) const fn alive(&self) -> bool {
        self.powered && self.kernel
    }

    pub(crate) const fn gossips(&self) -> bool {
        self.alive() && self.agents
    }

    pub(crate) const fn speaks(&self) -> bool {
        self.alive() && self.monitor
    }

    pub(crate) const fn computes(&self) -> bool {
        self.alive() && self.compute
    }

    /// What its BMC would read.
    pub(crate) fn reading(&self) -> PowerReading {
        let state = if !self.bmc.answers {
            Err(PowerTrouble::Unreachable)
        } else if self.bmc.refuses {
            Err(PowerTrouble::Refused)
        } else if self.powered && !self.bmc.of_another {
            Ok(PowerState::On)
        } else {
            Ok(PowerState::Off)
        };
        PowerReading {
            guid: (state.is_ok() && self.bmc.shows_guid).then(|| "00".repeat(16)),
            state,
            detail: String::new(),
        }
    }
}
