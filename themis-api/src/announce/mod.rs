//! What others are told of a change: Masakari's versioned notifications `segment.*`, `host.*` and `notification.create`.
//!
//! `start` before the write, then `end` or `error`, as upstream: a request that is refused before the write (schema,
//! right, in use, unknown to Nova) tells nothing. Telling takes no time and fails no request: the bus keeps what it has
//! room for, the rest is dropped with a line in the log. A client that goes away in the middle may leave a `start`
//! without an end. One file per noun says what its payload holds.

mod hosts;
mod notifications;
mod segments;

use themis_messaging::versioned::Object;
use themis_messaging::versioned::masakari::{ExceptionPayload, Faulty};
use themis_messaging::{Context, Notifier, Priority};

use crate::call::Call;
use crate::fault::Fault;

pub(crate) use hosts::{changed_host, host, new_host};
pub(crate) use notifications::new_notification;
pub(crate) use segments::{changed_segment, new_segment, segment};

/// Tells under the publisher's name `masakari-api:<host>`, by which consumers know these events.
#[derive(Debug)]
pub struct Announcer {
    notifier: Notifier,
}

/// A change that was begun; [`Begun::settle`] tells how it went.
#[must_use]
pub(crate) struct Begun<'a, P> {
    announcer: &'a Announcer,
    context: Context,
    action: &'static str,
    payload: P,
}

impl Announcer {
    /// Over a notifier; one without a driver tells nothing.
    #[must_use]
    pub const fn new(notifier: Notifier) -> Self {
        Self { notifier }
    }

    /// Tells that `action` (`segment.create`) is about to be done.
    pub(crate) fn begin<P: Faulty>(&self, call: &Call, action: &'static str, payload: P) -> Begun<'_, P> {
        let begun = Begun {
            announcer: self,
            context: context(call),
            action,
            payload,
        };
        begun.tell("start", Priority::Info)
    }
}

impl<P: Faulty> Begun<'_, P> {
    /// Tells how the action ended and passes its result on.
    pub(crate) fn settle<T>(mut self, result: Result<T, Fault>) -> Result<T, Fault> {
        match &result {
            Ok(_) => drop(self.tell("end", Priority::Info)),
            Err(fault) => {
                self.payload.blame(exception(self.action, fault));
                drop(self.tell("error", Priority::Error));
            }
        }
        result
    }

    fn tell(self, phase: &str, priority: Priority) -> Self {
        let notifier = &self.announcer.notifier;
        if notifier.is_silent() {
            return self;
        }
        let event_type = format!("{}.{phase}", self.action);
        let told = serde_json::to_value(Object(self.payload.clone()))
            .map_err(|error| error.to_string())
            .and_then(|payload| {
                let sent = notifier.emit(&self.context, &event_type, priority, &payload);
                sent.map_err(|error| error.to_string())
            });
        if let Err(error) = told {
            tracing::warn!("{event_type} is not told: {error}");
        }
        self
    }
}

/// Who asked, by which request; never the token.
fn context(call: &Call) -> Context {
    let caller = &call.caller;
    let project = caller.project.as_ref().map(|project| project.id.as_str());
    call.context()
        .with("user", caller.user.id.as_str())
        .with("user_id", caller.user.id.as_str())
        .with("user_name", caller.user.name.as_str())
        .with("project", project)
        .with("project_id", project)
        .with("roles", caller.roles.clone())
}

/// A fault under the name of upstream's exception, where upstream has one.
fn exception(action: &str, fault: &Fault) -> ExceptionPayload {
    let class = match fault {
        Fault::SegmentNameTaken(_) => "FailoverSegmentExists",
        Fault::SegmentMissing(_) => "FailoverSegmentNotFound",
        Fault::HostNameTaken(_) => "HostExists",
        Fault::HostMissing(_) => "HostNotFound",
        Fault::HostMissingInSegment { .. } => "HostNotFoundUnderFailoverSegment",
        Fault::Duplicate { .. } => "DuplicateNotification",
        Fault::DatabaseAway(_) => "DBConnectionError",
        _ => "MasakariException",
    };
    ExceptionPayload {
        module_name: "themis_api".to_owned(),
        function_name: action.to_owned(),
        exception: class.to_owned(),
        exception_message: fault.to_string(),
        traceback: String::new(),
    }
}
