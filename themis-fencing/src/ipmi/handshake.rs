//! Opening a session: Open Session and RAKP 1 to 4, for the strongest suite that the BMC accepts.
//!
//! A repeated RAKP 1 may make a slow BMC draw a new random number, which spoils the handshake. So every third attempt
//! sends each packet once: losses are met by the eager attempts, slowness by the patient ones. Open Session is repeated
//! least: each one that a BMC hears may take one of its few places for a minute.

use std::time::Duration;

use rand::TryRngCore;
use rand::rngs::OsRng;

use super::crypto::SessionKeys;
use super::error::IpmiError;
use super::exchange::{Dialogue, Pace, Wire};
use super::packet::{self, kind};
use super::rakp::{self, Activated, Identified, OpenAnswer, Parties, status};
use super::suite::CipherSuite;
use crate::Credentials;
use crate::deadline::Deadline;

const OPEN: &str = "open session";
const RAKP_1: &str = "RAKP message 1";
/// Some BMCs do not answer at all; the operator should know where to look.
const RAKP_1_SILENT: &str = "RAKP message 1; a BMC that does not know the user may stay silent";
const RAKP_3: &str = "RAKP message 3";

/// A session that both sides hold open.
pub(super) struct Handshake {
    pub(super) suite: CipherSuite,
    pub(super) keys: SessionKeys,
    /// Our session id: in every packet to us.
    pub(super) console: u32,
    /// The BMC's session id: in every packet to it.
    pub(super) bmc: u32,
    /// The System GUID that the BMC signed.
    pub(super) guid: [u8; 16],
}

/// Opens a session, offering suite 17, then 3.
///
/// # Errors
/// See [`IpmiError`]; after any error the socket is not used again.
pub(super) async fn open(
    wire: &Wire,
    credentials: &Credentials,
    try_time: Duration,
    attempt: usize,
    deadline: Deadline,
) -> Result<Handshake, IpmiError> {
    let patient = attempt % 3 == 2;
    let pace = |sendings| {
        if patient {
            Pace::once(try_time)
        } else {
            Pace::repeated(try_time, sendings)
        }
    };
    for (suite, tag) in CipherSuite::OFFERED.into_iter().zip([0x10, 0x20]) {
        let console = u32::from_le_bytes(random()?) | 1;
        let mut question = Step {
            name: OPEN,
            packet: packet::plain(kind::OPEN_REQUEST, &rakp::open_request(tag, suite, console)),
            reply: kind::OPEN_RESPONSE,
            read: |bytes: &[u8]| rakp::read_open(bytes, tag, suite, console),
        };
        let bmc = match wire.ask(&mut question, pace(2), deadline).await? {
            OpenAnswer::Granted(bmc) => bmc,
            OpenAnswer::Refused(code) if status::ALGORITHM_REFUSED.contains(&code) => continue,
            OpenAnswer::OtherSuite => continue,
            OpenAnswer::Refused(code) => return Err(refusal(OPEN, code)),
        };
        let parties = Parties {
            suite,
            console,
            bmc,
            random: random()?,
            credentials,
        };
        let result = authenticate(wire, &parties, tag, pace(4), deadline).await;
        if let Err(error) = &result {
            let code = if matches!(error, IpmiError::WrongPassword) {
                status::INVALID_CODE
            } else {
                status::ILLEGAL_PARAMETER
            };
            wire.tell(&packet::plain(kind::RAKP_3, &parties.give_up(tag + 2, code)));
        }
        return result;
    }
    Err(IpmiError::NoCommonSuite)
}

async fn authenticate(
    wire: &Wire,
    parties: &Parties<'_>,
    tag: u8,
    pace: Pace,
    deadline: Deadline,
) -> Result<Handshake, IpmiError> {
    let mut question = Step {
        name: RAKP_1_SILENT,
        packet: packet::plain(kind::RAKP_1, &parties.rakp_1(tag + 1)),
        reply: kind::RAKP_2,
        read: |bytes: &[u8]| parties.read_rakp_2(bytes, tag + 1),
    };
    let bmc = match wire.ask(&mut question, pace, deadline).await? {
        Identified::Proven(bmc) => bmc,
        Identified::Unproven => return Err(IpmiError::WrongPassword),
        Identified::Refused(code) => return Err(refusal(RAKP_1, code)),
    };
    let mut question = Step {
        name: RAKP_3,
        packet: packet::plain(kind::RAKP_3, &parties.rakp_3(tag + 2, &bmc)),
        reply: kind::RAKP_4,
        read: |bytes: &[u8]| parties.read_rakp_4(bytes, tag + 2, &bmc),
    };
    match wire.ask(&mut question, pace, deadline).await? {
        Activated::Proven => Ok(Handshake {
            suite: parties.suite,
            keys: parties.keys(&bmc),
            console: parties.console,
            bmc: parties.bmc,
            guid: bmc.guid,
        }),
        Activated::Unproven => Err(IpmiError::DeviceKey),
        Activated::Refused(code) => Err(refusal(RAKP_3, code)),
    }
}

/// What a refusal means. A refused code in RAKP 3 (0x0F) may pass: the password was proven by RAKP 2, so it tells of a
/// handshake that a repeated packet spoilt.
fn refusal(step: &'static str, code: u8) -> IpmiError {
    match code {
        status::NO_RESOURCES => IpmiError::NoFreeSession,
        status::UNAUTHORISED_NAME => IpmiError::UnknownUser,
        status::UNAUTHORISED_ROLE => IpmiError::Privilege,
        status => IpmiError::Handshake { step, status },
    }
}

/// Random bytes for ids, nonces and initialisation vectors.
pub(super) fn random<const N: usize>() -> Result<[u8; N], IpmiError> {
    let mut bytes = [0; N];
    OsRng.try_fill_bytes(&mut bytes).map_err(IpmiError::Random)?;
    Ok(bytes)
}

/// One message of the handshake: the same packet at every sending, a reply outside a session.
struct Step<F> {
    name: &'static str,
    packet: Vec<u8>,
    reply: u8,
    read: F,
}

impl<T, F: Fn(&[u8]) -> Option<T>> Dialogue for Step<F> {
    type Answer = T;

    fn name(&self) -> &'static str {
        self.name
    }

    fn request(&mut self) -> Result<Vec<u8>, IpmiError> {
        Ok(self.packet.clone())
    }

    fn answer(&mut self, packet: &[u8]) -> Option<T> {
        packet::read_plain(packet, self.reply).and_then(&self.read)
    }
}
