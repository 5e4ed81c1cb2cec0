//! Exit codes of `themis` and `themis-manage`, the same for every command: 0 done, 1 refused or failed, 2 usage,
//! 3 not authorised, 4 not found, 5 unavailable.

use std::process::ExitCode;

/// What an exit code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done as asked.
    Done = 0,
    /// Understood and refused, or tried and failed.
    Failed = 1,
    /// The command line or the client's own configuration is wrong.
    Usage = 2,
    /// Keystone or the access rules say no.
    NotAuthorised = 3,
    /// What is named does not exist.
    NotFound = 4,
    /// Nobody answered, or not now: the same command may succeed later.
    Unavailable = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error with all its causes in one line.
#[must_use]
pub fn one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Neither what is told already, nor the same with who said it before it.
        if !text.contains(&more) && !more.ends_with(&text) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{told}")]
    struct Told {
        told: &'static str,
        source: Option<Box<Told>>,
    }

    fn line(told: &'static str, cause: &'static str) -> String {
        let source = Some(Box::new(Told {
            told: cause,
            source: None,
        }));
        one_line(&Told { told, source })
    }

    #[test]
    fn nothing_is_told_twice() {
        assert_eq!(line("no database", "refused"), "no database: refused");
        assert_eq!(line("no database: refused", "refused"), "no database: refused");
        assert_eq!(
            line("you may not", "the API answered HTTP 403: you may not"),
            "you may not"
        );
    }
}
