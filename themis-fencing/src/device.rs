//! A power device as its users see it: read its power, tell it to switch off or on, close.
//!
//! Each call is one honest request under one deadline. Reading retries what may pass, for reading is harmless; a command
//! is sent at most once per call. The session is kept between calls, closed when idle, and replaced after any doubt about
//! the transport. Calls on one device wait for each other (within their deadlines); devices are independent.

use std::sync::{Arc, Weak};
use std::time::Duration;

use themis_core::power::{PowerReading, PowerState, PowerTrouble};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::deadline::Deadline;
use crate::guid::SystemGuid;
use crate::ipmi::command::{Command, GetChassisStatus, PowerDown, PowerUp};
use crate::ipmi::error::whole_text;
use crate::ipmi::{Fault, IpmiError, Session};
use crate::outcome::{OffAccepted, PowerCommandError};
use crate::{Credentials, DeviceAddress};

/// What a request that never got its turn waited for.
const QUEUED: &str = "an earlier request to it ended";

/// The times of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long to wait for the answer to one request.
    pub try_time: Duration,
    /// The least time between two attempts.
    pub poll_interval: Duration,
    /// After how long an unused session is closed: BMCs have few, and forget silent ones after about a minute.
    pub session_idle: Duration,
}

/// One power device with its credentials and, between calls, an open session.
pub struct PowerDevice {
    address: DeviceAddress,
    credentials: Credentials,
    timing: Timing,
    slot: Arc<Mutex<Slot>>,
}

#[derive(Default)]
struct Slot {
    session: Option<Session>,
    /// Whether a task waits to close the session when it is idle.
    watched: bool,
}

impl PowerDevice {
    /// A device; nothing is sent until it is asked.
    #[must_use]
    pub fn new(address: DeviceAddress, credentials: Credentials, timing: Timing) -> Self {
        Self {
            address,
            credentials,
            timing,
            slot: Arc::default(),
        }
    }

    /// Where it is.
    #[must_use]
    pub const fn address(&self) -> &DeviceAddress {
        &self.address
    }

    /// Reads the power, with retries until `deadline` has passed. The state is that of a moment after the call began,
    /// and the GUID that of the same BMC.
    ///
    /// Trouble is `Refused` at once when retrying cannot help, `Unreachable` when no reading came in time, be it that
    /// the device is silent or that it answers without saying (then `detail` has its words).
    pub async fn read(&self, deadline: Duration) -> PowerReading {
        let deadline = Deadline::after(deadline);
        let Ok(mut slot) = timeout_at(deadline.instant(), self.slot.lock()).await else {
            return trouble(PowerTrouble::Unreachable, &IpmiError::TooLate(QUEUED));
        };
        let mut attempts = Attempts::new(deadline, self.timing.poll_interval);
        let reading = loop {
            match self.status(&mut slot, attempts.count, deadline).await {
                Ok((state, guid)) => {
                    break PowerReading {
                        state: Ok(state),
                        guid,
                        detail: String::new(),
                    };
                }
                Err(error) if error.fault() == Fault::Refused => break trouble(PowerTrouble::Refused, &error),
                Err(error) => {
                    if let Some(last) = attempts.next_after(error).await {
                        break trouble(PowerTrouble::Unreachable, &last);
                    }
                }
            }
        };
        self.watch(&mut slot);
        reading
    }

    /// Sends "power off" once, after a look at the power that also proves the session. Acceptance is no proof of off.
    ///
    /// A device that says "not possible in the present state" and reads off has accepted.
    ///
    /// # Errors
    /// The command was not sent, not answered or declined; see [`PowerCommandError::fault`].
    pub async fn off(&self, deadline: Duration) -> Result<OffAccepted, PowerCommandError> {
        let (before, guid) = self
            .command(PowerDown, PowerState::Off, Deadline::after(deadline))
            .await?;
        Ok(OffAccepted { before, guid })
    }

    /// Sends "power on" once, as [`Self::off`] does.
    ///
    /// # Errors
    /// As [`Self::off`].
    pub async fn on(&self, deadline: Duration) -> Result<(), PowerCommandError> {
        self.command(PowerUp, PowerState::On, Deadline::after(deadline))
            .await
            .map(drop)
    }

    /// Closes the session, if one is open. The device can be asked again afterwards.
    pub async fn close(&self) {
        let deadline = Deadline::after(self.timing.try_time);
        if let Ok(mut slot) = timeout_at(deadline.instant(), self.slot.lock()).await
            && let Some(session) = slot.session.take()
        {
            session.close(deadline).await;
        }
    }

    /// Looks, sends once, and says what came of it, with the power and the GUID of the look.
    async fn command<C: Command<Output = ()>>(
        &self,
        command: C,
        wanted: PowerState,
        deadline: Deadline,
    ) -> Result<(Option<PowerState>, Option<String>), PowerCommandError> {
        let not_sent = |source| PowerCommandError::NotSent {
            device: self.address.clone(),
            source,
        };
        let Ok(mut slot) = timeout_at(deadline.instant(), self.slot.lock()).await else {
            return Err(not_sent(IpmiError::TooLate(QUEUED)));
        };
        let looked = self.look(&mut slot, deadline).await;
        self.watch(&mut slot);
        let before = looked.map_err(not_sent)?;
        let mut session = slot
            .session
            .take()
            .ok_or_else(|| not_sent(IpmiError::NoAnswer(GetChassisStatus::NAME)))?;
        let guid = session.guid().map(SystemGuid::hex);
        let error = match session.call_once(command, deadline).await {
            Ok(()) => None,
            Err(error) if error.is_state_conflict() => match session.call(GetChassisStatus, deadline).await {
                Ok(state) if state == wanted => None,
                // In doubt about the transport, the session is dropped; the device's word on the command stands.
                Err(doubt) if doubt.fault() == Fault::Transport => return Err(self.declined(error)),
                _ => Some(error),
            },
            Err(error) if error.fault() == Fault::Transport => return Err(self.unanswered(error)),
            Err(error) => Some(error),
        };
        slot.session = Some(session);
        error.map_or(Ok((before, guid)), |error| Err(self.declined(error)))
    }

    fn declined(&self, source: IpmiError) -> PowerCommandError {
        PowerCommandError::Declined {
            device: self.address.clone(),
            source,
        }
    }

    /// Nothing was sent for certain only when there was no time, or nothing to send.
    fn unanswered(&self, source: IpmiError) -> PowerCommandError {
        let device = self.address.clone();
        match source {
            IpmiError::TooLate(_) | IpmiError::Random(_) | IpmiError::SequenceUsedUp => {
                PowerCommandError::NotSent { device, source }
            }
            source => PowerCommandError::Unanswered { device, source },
        }
    }

    /// Proves the session before a command: the power, or `None` when the device answers without saying.
    async fn look(&self, slot: &mut Slot, deadline: Deadline) -> Result<Option<PowerState>, IpmiError> {
        let mut attempts = Attempts::new(deadline, self.timing.poll_interval);
        loop {
            match self.status(slot, attempts.count, deadline).await {
                Ok((state, _)) => return Ok(Some(state)),
                Err(error) if error.fault() == Fault::Refused => return Err(error),
                Err(error) if error.fault() == Fault::NotNow && slot.session.is_some() => return Ok(None),
                Err(error) => {
                    if let Some(last) = attempts.next_after(error).await {
                        return Err(last);
                    }
                }
            }
        }
    }

    /// One status, in the kept session or a new one. The session is kept unless the transport is in doubt; a call that
    /// is dropped half-way drops it too.
    async fn status(
        &self,
        slot: &mut Slot,
        attempt: usize,
        deadline: Deadline,
    ) -> Result<(PowerState, Option<String>), IpmiError> {
        let mut session = match slot.session.take() {
            Some(session) => session,
            None => {
                Session::open(
                    &self.address,
                    &self.credentials,
                    self.timing.try_time,
                    attempt,
                    deadline,
                )
                .await?
            }
        };
        let state = session.call(GetChassisStatus, deadline).await;
        let guid = session.guid().map(SystemGuid::hex);
        if !state.as_ref().is_err_and(|error| error.fault() == Fault::Transport) {
            slot.session = Some(session);
        }
        Ok((state?, guid))
    }

    /// Sees to it that an open session is closed when it is idle.
    fn watch(&self, slot: &mut Slot) {
        if slot.session.is_some() && !slot.watched {
            slot.watched = true;
            tokio::spawn(close_when_idle(Arc::downgrade(&self.slot), self.timing));
        }
    }
}

impl std::fmt::Debug for PowerDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PowerDevice")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Ends when the session is gone, for whatever reason, or the device is.
async fn close_when_idle(slot: Weak<Mutex<Slot>>, timing: Timing) {
    let mut due = Instant::now() + timing.session_idle;
    loop {
        sleep_until(due).await;
        let Some(slot) = slot.upgrade() else { return };
        let mut slot = slot.lock().await;
        due = match &slot.session {
            Some(session) => session.used() + timing.session_idle,
            None => Instant::now(),
        };
        if due <= Instant::now() {
            slot.watched = false;
            let idle = slot.session.take();
            // Whoever asks the device meanwhile need not wait for this farewell.
            drop(slot);
            if let Some(session) = idle {
                session.close(Deadline::after(timing.try_time)).await;
            }
            return;
        }
    }
}

/// Attempts at one request: at least a poll interval from one beginning to the next.
struct Attempts {
    count: usize,
    began: Instant,
    poll_interval: Duration,
    deadline: Deadline,
    telling: Option<IpmiError>,
}

impl Attempts {
    fn new(deadline: Deadline, poll_interval: Duration) -> Self {
        Self {
            count: 0,
            began: Instant::now(),
            poll_interval,
            deadline,
            telling: None,
        }
    }

    /// Waits for the next attempt; the error to report when there is none. An attempt that the deadline cut short says
    /// less than the one before it, whose error is reported then.
    async fn next_after(&mut self, error: IpmiError) -> Option<IpmiError> {
        let next = (self.began + self.poll_interval).max(Instant::now());
        let cut_short = self.deadline.passed() && self.telling.is_some();
        if !cut_short {
            self.telling = Some(error);
        }
        if next >= self.deadline.instant() {
            return self.telling.take();
        }
        sleep_until(next).await;
        self.count += 1;
        self.began = next;
        None
    }
}

fn trouble(trouble: PowerTrouble, error: &IpmiError) -> PowerReading {
    PowerReading {
        state: Err(trouble),
        guid: None,
        detail: whole_text(error),
    }
}
