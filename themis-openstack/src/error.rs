//! What can go wrong between us and another service, sorted by what the caller must do next.
//!
//! Every error has `advice()`. Nothing here carries a token or a password: addresses are stripped from transport errors
//! and a service's own message is kept only where it cannot echo what we sent it in secret.

use std::sync::Arc;
use std::time::Duration;

/// What the caller should do with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Nothing happened there, or asking twice does no harm: ask again later.
    Retry,
    /// It was understood and refused; the same request will be refused again.
    GiveUp,
    /// It may have been done. Look before anything is repeated.
    Indeterminate,
}

/// What a request does to the service when it arrives; decides what a lost answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Reads only.
    None,
    /// Sets a state outright; arriving twice equals arriving once.
    Repeatable,
    /// Starts something; arriving twice may start it twice.
    Once,
}

impl Effect {
    const fn of_lost_answer(self) -> Advice {
        match self {
            Self::None | Self::Repeatable => Advice::Retry,
            Self::Once => Advice::Indeterminate,
        }
    }
}

/// One HTTP request that brought no usable answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// No connection was made, so nothing was sent.
    #[error("cannot connect to {service} at {place} to {call}")]
    NotSent {
        /// The service's catalogue type.
        service: &'static str,
        /// Scheme, host and port; no path, which may hold ids.
        place: String,
        /// What was asked, as a verb phrase.
        call: &'static str,
        /// Why; without the address.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// It was sent, wholly or in part, and no whole answer came within the deadline or before the connection broke.
    #[error("no answer from {service} when asked to {call} (waited up to {waited:?})")]
    NoAnswer {
        /// The service's catalogue type.
        service: &'static str,
        /// What was asked.
        call: &'static str,
        /// What it does if it arrived.
        effect: Effect,
        /// The request's deadline.
        waited: Duration,
        /// Why; without the address.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// The service answered with a status that is not success.
    #[error("{service} answered HTTP {status} when asked to {call}{}", colon(message))]
    Status {
        /// The service's catalogue type.
        service: &'static str,
        /// What was asked.
        call: &'static str,
        /// What it does if it arrived.
        effect: Effect,
        /// The HTTP status.
        status: u16,
        /// The service's own words, shortened; may be empty.
        message: String,
    },
    /// A success whose body is not what the service's interface says.
    #[error("cannot read {service}'s answer when asked to {call}: {what}")]
    Unreadable {
        /// The service's catalogue type.
        service: &'static str,
        /// What was asked.
        call: &'static str,
        /// What it does if it arrived.
        effect: Effect,
        /// What is wrong with it.
        what: String,
    },
}

fn colon(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

impl CallError {
    /// What to do next. A server's fault (5xx) on something that starts an effect is indeterminate: a proxy or a time-out
    /// behind the service may have answered for a request that still runs.
    #[must_use]
    pub const fn advice(&self) -> Advice {
        match self {
            Self::NotSent { .. } => Advice::Retry,
            Self::NoAnswer { effect, .. } => effect.of_lost_answer(),
            Self::Status { status: 429, .. } => Advice::Retry,
            Self::Status {
                status: 408 | 500..,
                effect,
                ..
            } => effect.of_lost_answer(),
            Self::Status { .. } => Advice::GiveUp,
            // An effect that was accepted with an unreadable answer has still happened.
            Self::Unreadable {
                effect: Effect::Once, ..
            } => Advice::Indeterminate,
            Self::Unreadable { .. } => Advice::GiveUp,
        }
    }

    /// The HTTP status, when there was one.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The service's own words, when it gave any.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Status { message, .. } if !message.is_empty() => Some(message),
            _ => None,
        }
    }
}

/// Why there is no session with Keystone, or no address for a service.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The HTTP client cannot be made.
    #[error("cannot set up HTTPS")]
    Client {
        /// Why.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// A file of certificates cannot be read.
    #[error("cannot read {option} {file}")]
    CertificateFile {
        /// The option that names it.
        option: &'static str,
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// The CA file has no certificate in it.
    #[error("no PEM certificate in cafile {file}")]
    CaFormat {
        /// The file.
        file: String,
    },
    /// Our own certificate is no certificate, or its key is missing.
    #[error("no PEM certificate with its key in certfile {certfile} and keyfile {keyfile}")]
    CertificateFormat {
        /// The certificate's file.
        certfile: String,
        /// The key's file.
        keyfile: String,
    },
    /// What answers at the address is not Keystone's v3.
    #[error("no Keystone v3 at auth_url {auth_url}: {what}")]
    NotKeystone {
        /// As configured.
        auth_url: String,
        /// What answered instead, or how to mend it.
        what: String,
    },
    /// Keystone refused the credentials.
    #[error("keystone refuses {who}; check the user, the password, the project and their domains: {message}")]
    Credentials {
        /// `user 'x'` or `application credential 'x'`.
        who: String,
        /// Keystone's own words.
        message: String,
    },
    /// A request to Keystone brought no usable answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Somebody else's login under way took longer than this caller could wait.
    #[error("no token from keystone within {waited:?}")]
    Slow {
        /// The caller's deadline.
        waited: Duration,
    },
    /// The catalogue has no such endpoint.
    #[error(
        "no endpoint for service '{service}' (interface {interfaces}, region {region}) in the catalogue; it has: {known}"
    )]
    NoEndpoint {
        /// The service's catalogue type.
        service: &'static str,
        /// The interfaces that were tried.
        interfaces: String,
        /// The region that was wanted, or `any`.
        region: String,
        /// The service types that the catalogue has.
        known: String,
    },
    /// A fresh token was refused: the service does not believe this Keystone, or clocks are apart.
    #[error(
        "service '{service}' refuses a token that keystone has just issued; check that service's [keystone_authtoken] and the clocks"
    )]
    FreshTokenRefused {
        /// The service's catalogue type.
        service: &'static str,
    },
}

impl IdentityError {
    /// What to do next. Nothing was done at the service that the caller meant, so never indeterminate.
    #[must_use]
    pub const fn advice(&self) -> Advice {
        match self {
            Self::Call(call) => match call.advice() {
                Advice::GiveUp => Advice::GiveUp,
                Advice::Retry | Advice::Indeterminate => Advice::Retry,
            },
            Self::Slow { .. } => Advice::Retry,
            _ => Advice::GiveUp,
        }
    }
}

/// Why a service did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// It was never asked: no token or no address.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// It was asked.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl ServiceError {
    /// What to do next.
    #[must_use]
    pub const fn advice(&self) -> Advice {
        match self {
            Self::Identity(error) => error.advice(),
            Self::Call(error) => error.advice(),
        }
    }

    /// The service's HTTP status, when there was one; Keystone's does not count.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Identity(_) => None,
            Self::Call(error) => error.status(),
        }
    }

    /// The service's own words, when it gave any.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Identity(_) => None,
            Self::Call(error) => error.message(),
        }
    }
}
