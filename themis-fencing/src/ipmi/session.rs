//! An open session and the commands in it. What is believed is in `Question::answer`: signed with this session's keys,
//! addressed to it, newer than everything before, and the reply to the request that is waiting.

use std::time::Duration;

use ipmi_rs_core::connection::{IpmiCommand, Message};
use tokio::time::Instant;

use super::command::{BecomeOperator, CloseSession, Command, GetSystemGuid, OPERATOR};
use super::crypto::SessionKeys;
use super::error::{Fault, IpmiError};
use super::exchange::{Dialogue, Pace, Wire};
use super::handshake::{self, Handshake};
use super::message::{self, Reply};
use super::packet;
use super::suite::CipherSuite;
use crate::deadline::Deadline;
use crate::guid::SystemGuid;
use crate::{Credentials, DeviceAddress};

/// How often an unanswered request is sent within the try time.
const SENDINGS: u32 = 4;

/// A session with operator privilege. Dropping it tells the BMC to free it, without waiting.
pub struct Session {
    wire: Wire,
    ends: Ends,
    suite: CipherSuite,
    guid: Option<SystemGuid>,
    try_time: Duration,
    used: Instant,
    open: bool,
}

/// Both ends' ids, the keys and the counters.
struct Ends {
    keys: SessionKeys,
    console: u32,
    bmc: u32,
    /// The last session sequence number sent; none is ever used twice.
    sent: u32,
    /// The largest session sequence number received.
    received: u32,
    /// The last request sequence number; a repeated request keeps it, the next request gets another.
    request: u8,
}

impl Session {
    /// Opens a session, raises it to operator and asks for the System GUID. `attempt` counts the caller's attempts.
    pub(crate) async fn open(
        address: &DeviceAddress,
        credentials: &Credentials,
        try_time: Duration,
        attempt: usize,
        deadline: Deadline,
    ) -> Result<Self, IpmiError> {
        let wire = Wire::connect(address, attempt, deadline).await?;
        let Handshake {
            suite,
            keys,
            console,
            bmc,
            guid,
        } = handshake::open(&wire, credentials, try_time, attempt, deadline).await?;
        let ends = Ends {
            keys,
            console,
            bmc,
            sent: 0,
            received: 0,
            request: 0,
        };
        let guid = SystemGuid::from_wire(guid);
        let mut session = Self {
            wire,
            ends,
            suite,
            guid,
            try_time,
            used: Instant::now(),
            open: true,
        };
        session.become_operator(deadline).await?;
        session.learn_guid(deadline).await?;
        tracing::debug!(device = %address, suite = suite.number(), "session with BMC open");
        Ok(session)
    }

    async fn become_operator(&mut self, deadline: Deadline) -> Result<(), IpmiError> {
        match self.call(BecomeOperator, deadline).await {
            Ok(level) if level >= OPERATOR => Ok(()),
            Ok(_) => Err(IpmiError::Privilege),
            Err(error) if error.fault() == Fault::Refused => Err(IpmiError::Privilege),
            Err(error) => Err(error),
        }
    }

    /// The GUID of the command counts; one that the BMC only signed in the handshake serves when it has no such command.
    async fn learn_guid(&mut self, deadline: Deadline) -> Result<(), IpmiError> {
        match self.call(GetSystemGuid, deadline).await {
            Ok(guid) => self.guid = guid.or(self.guid),
            Err(error) if error.fault() == Fault::Transport => return Err(error),
            Err(error) => tracing::debug!(%error, "no System GUID from the BMC"),
        }
        Ok(())
    }

    /// One command, sent again while unanswered.
    pub(crate) async fn call<C: Command>(&mut self, command: C, deadline: Deadline) -> Result<C::Output, IpmiError> {
        self.exchange(command, Pace::repeated(self.try_time, SENDINGS), deadline)
            .await
    }

    /// One command, sent once: without an answer nobody knows whether it was heard.
    pub(crate) async fn call_once<C: Command>(
        &mut self,
        command: C,
        deadline: Deadline,
    ) -> Result<C::Output, IpmiError> {
        self.exchange(command, Pace::once(self.try_time), deadline).await
    }

    async fn exchange<C: Command>(
        &mut self,
        command: C,
        pace: Pace,
        deadline: Deadline,
    ) -> Result<C::Output, IpmiError> {
        let mut question = Question::new(&mut self.ends, C::NAME, command.into());
        let reply = self.wire.ask(&mut question, pace, deadline).await?;
        self.used = Instant::now();
        match reply.code {
            0 => <C as IpmiCommand>::parse_success_response(&reply.data).map_err(|_| IpmiError::Short(C::NAME)),
            code => Err(IpmiError::Completion { command: C::NAME, code }),
        }
    }

    /// The System GUID of this BMC, if it has one worth believing.
    #[must_use]
    pub const fn guid(&self) -> Option<SystemGuid> {
        self.guid
    }

    /// The suite in use.
    #[must_use]
    pub const fn suite(&self) -> CipherSuite {
        self.suite
    }

    /// When the BMC last answered.
    pub(crate) const fn used(&self) -> Instant {
        self.used
    }

    /// Closes the session and waits for the BMC's word, at most until the deadline; there is nothing to do if it fails.
    pub(crate) async fn close(mut self, deadline: Deadline) {
        let session = self.ends.bmc;
        if let Err(error) = self.call(CloseSession { session }, deadline).await {
            tracing::debug!(%error, "session not closed in order; the BMC frees it by itself");
        }
        self.open = false;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.open {
            let session = self.ends.bmc;
            let mut farewell = Question::new(&mut self.ends, CloseSession::NAME, CloseSession { session }.into());
            if let Ok(packet) = farewell.request() {
                self.wire.tell(&packet);
            }
        }
    }
}

/// One request and the reply to it.
struct Question<'a> {
    ends: &'a mut Ends,
    name: &'static str,
    message: Message,
}

impl<'a> Question<'a> {
    fn new(ends: &'a mut Ends, name: &'static str, message: Message) -> Self {
        ends.request = (ends.request + 1) % 64;
        Self { ends, name, message }
    }
}

impl Dialogue for Question<'_> {
    type Answer = Reply;

    fn name(&self) -> &'static str {
        self.name
    }

    fn request(&mut self) -> Result<Vec<u8>, IpmiError> {
        let ends = &mut *self.ends;
        ends.sent = ends.sent.checked_add(1).ok_or(IpmiError::SequenceUsedUp)?;
        let message = message::encode(&self.message, ends.request);
        Ok(packet::sealed(
            &ends.keys,
            ends.bmc,
            ends.sent,
            handshake::random()?,
            &message,
        ))
    }

    fn answer(&mut self, packet: &[u8]) -> Option<Reply> {
        let opened = packet::open(&self.ends.keys, packet)?;
        if opened.session != self.ends.console || opened.sequence <= self.ends.received {
            return None;
        }
        self.ends.received = opened.sequence;
        message::decode(&opened.message, &self.message, self.ends.request)
    }
}

#[cfg(test)]
mod tests {
    use super::super::command::GetChassisStatus;
    use super::super::crypto::SigningKey;
    use super::*;

    fn ends() -> Ends {
        let suite = CipherSuite::Sha256;
        let keys = SessionKeys::derive(suite, &SigningKey::new(suite, b"session"));
        Ends {
            keys,
            console: 11,
            bmc: 22,
            sent: 0,
            received: 0,
            request: 0,
        }
    }

    /// A packet as the BMC of this session would send it: replies are signed and encrypted like requests.
    fn from_bmc(ends: &Ends, session: u32, sequence: u32, request: u8) -> Vec<u8> {
        let reply = message::reply_to(&GetChassisStatus.into(), request, 0, &[0x20, 0, 0]);
        packet::sealed(&ends.keys, session, sequence, [0; 16], &reply)
    }

    #[test]
    fn a_reply_is_taken_once_and_only_in_its_own_session() {
        let mut ends = ends();
        let (own, other) = (from_bmc(&ends, 11, 1, 1), from_bmc(&ends, 12, 1, 1));
        let mut question = Question::new(&mut ends, "status", GetChassisStatus.into());
        assert!(
            question.answer(&other).is_none(),
            "a packet of another session was taken"
        );
        assert!(question.answer(&own).is_some());
        assert!(question.answer(&own).is_none(), "a doubled packet was taken");
    }

    #[test]
    fn an_off_in_reply_to_an_earlier_question_is_not_taken() {
        let mut ends = ends();
        let late = from_bmc(&ends, 11, 5, 1);
        let fresh = from_bmc(&ends, 11, 6, 2);
        let older = from_bmc(&ends, 11, 4, 2);
        drop(Question::new(&mut ends, "status", GetChassisStatus.into()));
        let mut question = Question::new(&mut ends, "status", GetChassisStatus.into());
        assert!(
            question.answer(&late).is_none(),
            "the reply to the request before was taken"
        );
        assert!(
            question.answer(&older).is_none(),
            "a packet older than the last was taken"
        );
        assert!(question.answer(&fresh).is_some());
    }

    #[test]
    fn a_repeated_request_keeps_its_number_but_never_its_sequence() {
        let mut ends = ends();
        let keys = ends_keys();
        let mut question = Question::new(&mut ends, "status", GetChassisStatus.into());
        let sent = [question.request().unwrap(), question.request().unwrap()].map(|p| packet::open(&keys, &p).unwrap());
        assert_eq!(sent.each_ref().map(|p| p.sequence), [1, 2]);
        assert_eq!(sent[0].message, sent[1].message);
        question.ends.sent = u32::MAX;
        assert!(matches!(question.request(), Err(IpmiError::SequenceUsedUp)));
    }

    fn ends_keys() -> SessionKeys {
        ends().keys
    }

    #[test]
    fn request_numbers_stay_within_six_bits() {
        let mut ends = ends();
        for expected in (1..64).chain([0, 1]) {
            drop(Question::new(&mut ends, "status", GetChassisStatus.into()));
            assert_eq!(ends.request, expected);
        }
    }
}
