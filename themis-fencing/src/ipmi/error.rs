//! What can go wrong with a BMC, and what the caller must do about it. Texts never contain the password.

use ipmi_rs_core::connection::CompletionErrorCode;

/// A request to a BMC that gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum IpmiError {
    /// The name server gave no address.
    #[error("host name of the BMC cannot be resolved")]
    Resolve(#[source] std::io::Error),
    /// The name server knows no address of that name.
    #[error("host name of the BMC has no address")]
    NoAddress,
    /// The local network refused, or the BMC's address said that nobody listens.
    #[error("UDP to the BMC failed")]
    Socket(#[source] std::io::Error),
    /// The operating system gave no random numbers.
    #[error("no random numbers from the operating system")]
    Random(#[source] rand::rand_core::OsError),
    /// Nothing came within the try time, or nothing acceptable.
    #[error("no answer to {0}")]
    NoAnswer(&'static str),
    /// The caller's deadline came before a request was sent.
    #[error("deadline passed before {0}")]
    TooLate(&'static str),
    /// All sequence numbers of a session are used up.
    #[error("session sequence numbers used up")]
    SequenceUsedUp,
    /// The BMC has no room for another session; it frees forgotten ones after about a minute.
    #[error("the BMC has no free session")]
    NoFreeSession,
    /// The BMC ended the handshake in a way that may pass.
    #[error("the BMC refused {step} with status {status:#04x}")]
    Handshake {
        /// The message that it answered.
        step: &'static str,
        /// Its status code (section 13.24).
        status: u8,
    },
    /// The BMC offers none of the suites that sign and encrypt.
    #[error("the BMC offers neither cipher suite 17 nor 3; enable one of them for LAN access")]
    NoCommonSuite,
    /// The user does not exist there.
    #[error("the BMC does not know the user; create it or correct the name")]
    UnknownUser,
    /// The BMC's own proof of the password is not ours.
    #[error("wrong password for the BMC's user; set the right one")]
    WrongPassword,
    /// The user may not have operator privilege.
    #[error("the BMC does not grant operator privilege to the user; raise the user's privilege limit for LAN access")]
    Privilege,
    /// The BMC signs with a key of its own.
    #[error("the BMC signs sessions with a key of its own (Kg), which is not supported; clear that key")]
    DeviceKey,
    /// A completion code other than "ok".
    #[error("the BMC answered {command} with completion code {code:#04x} ({})", meaning(*.code))]
    Completion {
        /// The command.
        command: &'static str,
        /// The code (section 5.2).
        code: u8,
    },
    /// A reply that lacks the data it must have.
    #[error("the BMC's answer to {0} is too short")]
    Short(&'static str),
}

/// What an error means for the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The way to the BMC is in doubt: new socket, new session, then read the status before anything else.
    Transport,
    /// The BMC answered, but not now: ask again in the same session.
    NotNow,
    /// Asking again cannot help: the configuration of the device or of Themis is wrong.
    Refused,
}

impl IpmiError {
    /// What the error means for the next step.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Resolve(_)
            | Self::NoAddress
            | Self::Socket(_)
            | Self::Random(_)
            | Self::NoAnswer(_)
            | Self::TooLate(_)
            | Self::SequenceUsedUp
            | Self::NoFreeSession
            | Self::Handshake { .. } => Fault::Transport,
            Self::Short(_) => Fault::NotNow,
            Self::NoCommonSuite | Self::UnknownUser | Self::WrongPassword | Self::Privilege | Self::DeviceKey => {
                Fault::Refused
            }
            Self::Completion { code, .. } => completion_fault(*code),
        }
    }

    /// Whether the BMC declared the command impossible in its present state (0xD5).
    pub(crate) const fn is_state_conflict(&self) -> bool {
        matches!(self, Self::Completion { code: 0xd5, .. })
    }
}

fn completion_fault(code: u8) -> Fault {
    use CompletionErrorCode as Code;
    match Code::try_from(code) {
        Ok(
            Code::InvalidCommand
            | Code::InvalidCommandForLun
            | Code::RequestDataLenInvalid
            | Code::RequestDataLengthLimitExceeded
            | Code::ParameterOutOfRange
            | Code::InvalidDataFieldInRequest
            | Code::CommandIllegalForSensorOrRecord
            | Code::InsufficientPrivilege
            | Code::SubFunctionDisabled
            | Code::CommandSpecific(_),
        ) => Fault::Refused,
        _ => Fault::NotNow,
    }
}

fn meaning(code: u8) -> &'static str {
    use CompletionErrorCode as Code;
    match Code::try_from(code) {
        Ok(Code::NodeBusy) => "busy",
        Ok(Code::InvalidCommand | Code::InvalidCommandForLun) => "unknown command; is this a BMC of a server?",
        Ok(Code::ProcessingTimeout) => "timeout within the BMC",
        Ok(Code::ParameterOutOfRange | Code::InvalidDataFieldInRequest) => "invalid parameter",
        Ok(Code::ResponseUnavailable { .. }) => "no response available now",
        Ok(Code::CannotExecuteDuplicateRequest) => "duplicate request",
        Ok(Code::DestinationUnavailable) => "destination unavailable",
        Ok(Code::InsufficientPrivilege) => "insufficient privilege; give the user operator privilege",
        Ok(Code::CannotExecuteCommandInCurrentState) => "not possible in the present state",
        Ok(Code::SubFunctionDisabled) => "disabled on this BMC",
        Ok(Code::Unspecified) => "unspecified error",
        _ => "see the IPMI specification, section 5.2",
    }
}

/// The error and its causes in one line, for an operator.
pub(crate) fn whole_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(0xc0, Fault::NotNow)]
    #[case(0xc1, Fault::Refused)]
    #[case(0xc3, Fault::NotNow)]
    #[case(0xc9, Fault::Refused)]
    #[case(0xcc, Fault::Refused)]
    #[case(0xce, Fault::NotNow)]
    #[case(0xcf, Fault::NotNow)]
    #[case(0xd2, Fault::NotNow)]
    #[case(0xd3, Fault::NotNow)]
    #[case(0xd4, Fault::Refused)]
    #[case(0xd5, Fault::NotNow)]
    #[case(0xff, Fault::NotNow)]
    fn completion_codes_are_sorted_by_what_helps(#[case] code: u8, #[case] expected: Fault) {
        let error = IpmiError::Completion {
            command: "chassis control",
            code,
        };
        assert_eq!(error.fault(), expected);
        assert!(error.to_string().contains(&format!("{code:#04x}")));
    }
}
