//! The five commands that fencing needs, as `ipmi-rs-core` describes commands: a request message and how its successful
//! reply is read. Sections: chassis 28.2 and 28.3, session 22.18 and 22.19, System GUID 20.8.

use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn, NotEnoughData};
use themis_core::power::PowerState;

use crate::guid::SystemGuid;

/// A command with a name for errors and logs, whose reply can only be wrong by being too short.
pub trait Command: IpmiCommand<Error = NotEnoughData> {
    /// As an operator would call it.
    const NAME: &'static str;
}

/// Get Chassis Status. Needs privilege User.
#[derive(Debug, Clone, Copy)]
pub struct GetChassisStatus;

impl From<GetChassisStatus> for Message {
    fn from(_: GetChassisStatus) -> Self {
        Self::new_request(NetFn::Chassis, 0x01, Vec::new())
    }
}

impl IpmiCommand for GetChassisStatus {
    type Output = PowerState;
    type Error = NotEnoughData;

    /// Fewer than three bytes are no status, and above all not "off".
    fn parse_success_response(data: &[u8]) -> Result<PowerState, NotEnoughData> {
        let [power, _last_event, _misc, ..] = data else {
            return Err(NotEnoughData);
        };
        Ok(if power & 1 == 1 {
            PowerState::On
        } else {
            PowerState::Off
        })
    }
}

impl Command for GetChassisStatus {
    const NAME: &'static str = "get chassis status";
}

/// Chassis Control "power down": at once, without asking the operating system. Needs privilege Operator. Success means
/// that the command was accepted, not that the power is off.
#[derive(Debug, Clone, Copy)]
pub struct PowerDown;

impl From<PowerDown> for Message {
    fn from(_: PowerDown) -> Self {
        Self::new_request(NetFn::Chassis, 0x02, vec![0x00])
    }
}

impl IpmiCommand for PowerDown {
    type Output = ();
    type Error = NotEnoughData;
    fn parse_success_response(_: &[u8]) -> Result<(), NotEnoughData> {
        Ok(())
    }
}

impl Command for PowerDown {
    const NAME: &'static str = "chassis control (power off)";
}

/// Chassis Control "power up": for switching a host on again after its incident. Needs privilege Operator.
#[derive(Debug, Clone, Copy)]
pub struct PowerUp;

impl From<PowerUp> for Message {
    fn from(_: PowerUp) -> Self {
        Self::new_request(NetFn::Chassis, 0x02, vec![0x01])
    }
}

impl IpmiCommand for PowerUp {
    type Output = ();
    type Error = NotEnoughData;
    fn parse_success_response(_: &[u8]) -> Result<(), NotEnoughData> {
        Ok(())
    }
}

impl Command for PowerUp {
    const NAME: &'static str = "chassis control (power on)";
}

/// Privilege Operator: enough to switch power, no more.
pub(super) const OPERATOR: u8 = 3;

/// Set Session Privilege Level to Operator; a new session has User.
#[derive(Debug, Clone, Copy)]
pub struct BecomeOperator;

impl From<BecomeOperator> for Message {
    fn from(_: BecomeOperator) -> Self {
        Self::new_request(NetFn::App, 0x3b, vec![OPERATOR])
    }
}

impl IpmiCommand for BecomeOperator {
    /// The level that the session has now.
    type Output = u8;
    type Error = NotEnoughData;
    fn parse_success_response(data: &[u8]) -> Result<u8, NotEnoughData> {
        data.first().map(|level| level & 0x0f).ok_or(NotEnoughData)
    }
}

impl Command for BecomeOperator {
    const NAME: &'static str = "set session privilege level";
}

/// Get System GUID.
#[derive(Debug, Clone, Copy)]
pub struct GetSystemGuid;

impl From<GetSystemGuid> for Message {
    fn from(_: GetSystemGuid) -> Self {
        Self::new_request(NetFn::App, 0x37, Vec::new())
    }
}

impl IpmiCommand for GetSystemGuid {
    /// `None` for a filler.
    type Output = Option<SystemGuid>;
    type Error = NotEnoughData;
    fn parse_success_response(data: &[u8]) -> Result<Option<SystemGuid>, NotEnoughData> {
        data.first_chunk::<16>()
            .map(|guid| SystemGuid::from_wire(*guid))
            .ok_or(NotEnoughData)
    }
}

impl Command for GetSystemGuid {
    const NAME: &'static str = "get system GUID";
}

/// Close Session: a BMC has few sessions and keeps forgotten ones for about a minute.
#[derive(Debug, Clone, Copy)]
pub struct CloseSession {
    /// The BMC's id of the session.
    pub session: u32,
}

impl From<CloseSession> for Message {
    fn from(command: CloseSession) -> Self {
        Self::new_request(NetFn::App, 0x3c, command.session.to_le_bytes().to_vec())
    }
}

impl IpmiCommand for CloseSession {
    type Output = ();
    type Error = NotEnoughData;
    fn parse_success_response(_: &[u8]) -> Result<(), NotEnoughData> {
        Ok(())
    }
}

impl Command for CloseSession {
    const NAME: &'static str = "close session";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_status_is_not_off() {
        for length in 0..3 {
            assert_eq!(
                GetChassisStatus::parse_success_response(&vec![0; length]),
                Err(NotEnoughData)
            );
        }
        assert_eq!(
            GetChassisStatus::parse_success_response(&[0x20, 0, 0]),
            Ok(PowerState::Off)
        );
        assert_eq!(
            GetChassisStatus::parse_success_response(&[0x61, 0, 0, 0]),
            Ok(PowerState::On)
        );
    }

    #[test]
    fn power_down_is_byte_zero_and_never_another() {
        let message = Message::from(PowerDown);
        assert_eq!(
            (message.netfn_raw(), message.cmd(), message.data()),
            (0x00, 0x02, [0x00].as_slice())
        );
        assert_eq!(Message::from(PowerUp).data(), [0x01]);
    }
}
