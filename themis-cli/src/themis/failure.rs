//! Why a command of `themis` did not do what it was asked, sorted by exit code.

use themis_config::nearest;
use themis_openstack::clouds::CloudsError;
use themis_openstack::{Advice, IdentityError, ServiceError};

use crate::exit::Exit;
use crate::output::ColumnUnknown;

/// A failure. The text is what the operator reads, after `themis: `.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No cloud is configured, or wrongly.
    #[error(transparent)]
    Clouds(#[from] CloudsError),
    /// A column that does not exist.
    #[error(transparent)]
    Column(#[from] ColumnUnknown),
    /// The words fit, their meaning does not.
    #[error("{0}")]
    Usage(String),
    /// Keystone or Themis did not do it.
    #[error("{}", service_text(.0))]
    Service(#[from] ServiceError),
    /// Themis's answer is not of the shape that this program knows.
    #[error("themis-api's answer to '{call}' is not understood: {source}; is it of the same version as this program?")]
    Shape {
        /// What was asked.
        call: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A name or id that does not exist.
    #[error("there is no {what} '{name}'{hint}")]
    NotFound {
        /// The noun.
        what: &'static str,
        /// As given.
        name: String,
        /// "; did you mean 'x'?" or nothing.
        hint: String,
    },
    /// The engine looked at the request and said no.
    #[error("refused: {0}")]
    Refused(String),
    /// What was looked at is not as it must be.
    #[error("not ready: {0}")]
    NotReady(String),
    /// The operator did not confirm.
    #[error("not confirmed, nothing was done")]
    NotConfirmed,
    /// The request is stored; no engine has settled it yet.
    #[error(
        "request {request} is stored, and no engine has settled it within {waited_s} s; it will be when one leads again \
         (is themis-engine running?)"
    )]
    Pending {
        /// Its id.
        request: String,
        /// How long was waited.
        waited_s: u64,
    },
    /// A file of this machine.
    #[error("{what}: {source}")]
    Io {
        /// Which, and what was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// What was done only in part.
    #[error("{done}; then: {source}")]
    Half {
        /// What holds now, and what to do.
        done: String,
        /// What failed.
        #[source]
        source: Box<Failure>,
    },
}

impl Failure {
    /// Nothing is called so; the nearest of `known` is named.
    pub fn not_found<'a>(what: &'static str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self::NotFound {
            what,
            name: name.to_owned(),
            hint: nearest::hint(name, known, |near| format!("'{near}'")),
        }
    }

    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Clouds(_) | Self::Column(_) | Self::Usage(_) => Exit::Usage,
            Self::Service(error) => of_service(error),
            Self::NotFound { .. } => Exit::NotFound,
            Self::Pending { .. } => Exit::Unavailable,
            Self::Half { source, .. } => source.exit(),
            Self::Shape { .. } | Self::Refused(_) | Self::NotReady(_) | Self::NotConfirmed | Self::Io { .. } => {
                Exit::Failed
            }
        }
    }
}

fn of_service(error: &ServiceError) -> Exit {
    match (error, error.status()) {
        (ServiceError::Identity(IdentityError::Credentials { .. } | IdentityError::FreshTokenRefused { .. }), _)
        | (_, Some(401 | 403)) => Exit::NotAuthorised,
        (_, Some(404 | 410)) => Exit::NotFound,
        (_, Some(429 | 500..)) => Exit::Unavailable,
        (_, Some(_)) => Exit::Failed,
        (_, None) => match error.advice() {
            Advice::Retry | Advice::Indeterminate => Exit::Unavailable,
            Advice::GiveUp => Exit::Failed,
        },
    }
}

/// Themis's own words when it gave any: they name the fix. Else what happened on the way.
fn service_text(error: &ServiceError) -> String {
    let text = match (error, error.message()) {
        (ServiceError::Call(_), Some(words)) => words.to_owned(),
        _ => crate::exit::one_line(error),
    };
    match error.advice() {
        Advice::Indeterminate => format!("{text}; it may have been done: look before you repeat it"),
        Advice::Retry | Advice::GiveUp => text,
    }
}
