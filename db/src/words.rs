//! The closed sets of words that are stored as text: statuses, kinds, methods. Names are as stored and as shown.

/// A stored text that is none of a closed set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{word}' is not a {set}")]
pub struct UnknownWord {
    /// What the set is called.
    pub set: &'static str,
    /// What was met.
    pub word: String,
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident ($set:literal) { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All of them, in the order in which the database sorts them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Their names, in the same order.
            pub const NAMES: &'static [&'static str] = &[$($word),+];

            /// The stored and shown name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|word| word.name() == text)
                    .ok_or_else(|| UnknownWord { set: $set, word: text.to_owned() })
            }
        }
    )+};
}

words! {
    /// How a segment's instances are brought back: Masakari's four methods.
    RecoveryMethod ("recovery method") {
        /// The scheduler chooses the target.
        Auto = "auto",
        /// A host kept in reserve takes them.
        ReservedHost = "reserved_host",
        /// The scheduler, then a reserved host.
        AutoPriority = "auto_priority",
        /// A reserved host, then the scheduler.
        RhPriority = "rh_priority",
    }
    /// What a notification is about.
    NotificationKind ("notification type") {
        /// A compute host.
        ComputeHost = "COMPUTE_HOST",
        /// One instance.
        Vm = "VM",
        /// A service on a host.
        Process = "PROCESS",
    }
    /// How far a notification is; `finished`, `failed` and `ignored` are final.
    NotificationStatus ("notification status") {
        /// Accepted, not yet taken up.
        New = "new",
        /// Being worked on; a held incident stays here, with the reason in `message`.
        Running = "running",
        /// Failed once, to be tried again.
        Error = "error",
        /// Given up.
        Failed = "failed",
        /// Nothing was to be done.
        Ignored = "ignored",
        /// Done.
        Finished = "finished",
    }
    /// What the reporter of a notification was answered.
    ReportAnswer ("answer to a report") {
        /// Stored: 202.
        Accepted = "accepted",
        /// Said before: 409.
        Duplicate = "duplicate",
        /// The host is under maintenance: 409.
        Maintenance = "maintenance",
    }
    /// How an instance is moved.
    VmoveKind ("vmove type") {
        /// Rebuilt elsewhere after its host died.
        Evacuation = "evacuation",
        /// Moved while stopped.
        Migration = "migration",
        /// Moved while running.
        LiveMigration = "live_migration",
    }
    /// How far an instance's move is.
    VmoveStatus ("vmove status") {
        /// Waits for its turn.
        Pending = "pending",
        /// Under way.
        Ongoing = "ongoing",
        /// Not moved, on purpose.
        Ignored = "ignored",
        /// Not moved, and given up.
        Failed = "failed",
        /// Runs elsewhere.
        Succeeded = "succeeded",
    }
    /// Whether an incident goes on.
    IncidentStatus ("incident status") {
        /// Goes on.
        Open = "open",
        /// Ended; its outcome says how.
        Closed = "closed",
    }
    /// What the workflow log says of one attempt of a step.
    StepEvent ("step event") {
        /// Written before the effect.
        Started = "started",
        /// It holds; the payload is its output.
        Succeeded = "succeeded",
        /// It does not hold; the payload is the error.
        Failed = "failed",
        /// The answer was lost: nobody knows until somebody looks.
        Indeterminate = "indeterminate",
    }
    /// What an operator asks of the engine.
    RequestKind ("request kind") {
        /// Take a disabled host back.
        Enable = "enable",
        /// Ignore a host.
        Disable = "disable",
        /// Vouch that a host is dead.
        ConfirmDead = "confirm_dead",
        /// Try a held or failed recovery again.
        Retry = "retry",
        /// Arm or disarm, for all or for one segment.
        Mode = "mode",
    }
    /// How far a request is.
    RequestStatus ("request status") {
        /// Not yet looked at.
        New = "new",
        /// Done as asked.
        Done = "done",
        /// Not done; the answer says why.
        Refused = "refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_json_and_shown_names_are_the_same() {
        for status in NotificationStatus::ALL {
            assert_eq!(status.name().parse::<NotificationStatus>().unwrap(), *status);
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
        let error = "vm".parse::<NotificationKind>().unwrap_err().to_string();
        assert_eq!(error, "'vm' is not a notification type");
    }
}
