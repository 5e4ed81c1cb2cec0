//! What came of a power command, sorted by what the caller must do next.

use themis_core::power::PowerState;

use crate::DeviceAddress;
use crate::ipmi::{Fault, IpmiError};

/// The device accepted the command. Accepted is not done: only a later reading of off is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffAccepted {
    /// What the device read just before the command, in the same session; `None` when it would not say.
    pub before: Option<PowerState>,
    /// The System GUID of the device that accepted, as in [`themis_core::power::PowerReading::guid`].
    pub guid: Option<String>,
}

/// A power command that was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum PowerCommandError {
    /// It never left: no session with the device, or no time.
    #[error("power command was not sent to {device}")]
    NotSent {
        /// The device.
        device: DeviceAddress,
        /// Why.
        source: IpmiError,
    },
    /// It was sent and nothing came back: the device may have obeyed.
    #[error("power command to {device} was not answered")]
    Unanswered {
        /// The device.
        device: DeviceAddress,
        /// Why.
        source: IpmiError,
    },
    /// The device answered that it does not obey.
    #[error("power command was declined by {device}")]
    Declined {
        /// The device.
        device: DeviceAddress,
        /// Its words.
        source: IpmiError,
    },
}

/// What to do after a power command that was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PowerCommandFault {
    /// The device is there: read its power, wait the poll interval, send again.
    Retryable,
    /// Sending again cannot help; an operator must mend the configuration.
    Refused,
    /// The device is not to be reached now. A dead device is not a dead host.
    Unreachable,
}

impl PowerCommandError {
    /// What to do next.
    #[must_use]
    pub fn fault(&self) -> PowerCommandFault {
        let (Self::NotSent { source, .. } | Self::Unanswered { source, .. } | Self::Declined { source, .. }) = self;
        match source.fault() {
            Fault::Transport => PowerCommandFault::Unreachable,
            Fault::NotNow => PowerCommandFault::Retryable,
            Fault::Refused => PowerCommandFault::Refused,
        }
    }

    /// Whether the device may have obeyed although nothing confirms it. Then read its power before anything else.
    #[must_use]
    pub const fn may_have_acted(&self) -> bool {
        matches!(self, Self::Unanswered { .. })
    }

    /// The error and its causes in one line, without secrets.
    #[must_use]
    pub fn detail(&self) -> String {
        crate::ipmi::error::whole_text(self)
    }
}
