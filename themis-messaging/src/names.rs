//! The names by which servers are reached: topic, server, version. They become parts of queue names and routing keys.

use std::fmt;
use std::str::FromStr;

/// A name or version that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, too long, or with characters that no queue of oslo has.
    #[error("'{0}' is no name of a topic or server; use 1 to 120 letters, digits, '.', '_', '-' or ':'")]
    Name(String),
    /// Not `major.minor`.
    #[error("'{0}' is no version; write it as major.minor, for example 1.0")]
    Version(String),
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks a name.
            ///
            /// # Errors
            /// An empty or overlong name, or characters outside letters, digits, `.`, `_`, `-`, `:`.
            pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
                let name = name.into();
                let fits = (1..=120).contains(&name.len())
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-:".contains(c));
                if fits { Ok(Self(name)) } else { Err(NameError::Name(name)) }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(name: &str) -> Result<Self, NameError> {
                Self::new(name)
            }
        }
    )+};
}

names! {
    /// What servers listen on: `themis_engine`.
    Topic,
    /// One server among those of a topic, usually its host's name.
    ServerName,
}

/// Version of an interface. A server serves a request of the same major and the same or a smaller minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Grows when old callers can no longer be served.
    pub major: u32,
    /// Grows with every addition.
    pub minor: u32,
}

impl Version {
    /// The first version, and what a request without one means.
    pub const ONE: Self = Self { major: 1, minor: 0 };

    /// Whether a server of this version can serve a request for `requested`.
    #[must_use]
    pub fn serves(self, requested: Self) -> bool {
        self.major == requested.major && self.minor >= requested.minor
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Reads `major.minor`; a third number is read and dropped, as it never decides about compatibility of ours.
impl FromStr for Version {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError::Version(text.chars().take(40).collect());
        let mut numbers = text.split('.').map(|part| part.parse::<u32>().map_err(|_| wrong()));
        let (Some(major), Some(minor)) = (numbers.next(), numbers.next()) else {
            return Err(wrong());
        };
        if numbers.next().transpose()?.is_some() && numbers.next().is_some() {
            return Err(wrong());
        }
        Ok(Self {
            major: major?,
            minor: minor?,
        })
    }
}

/// Whom a message is for: any server of a topic, or one of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// The servers' topic.
    pub topic: Topic,
    /// One of them; `None`: whichever takes it first (for a fanout, all of them).
    pub server: Option<ServerName>,
    /// The interface that the sender speaks.
    pub version: Version,
    /// Namespace of the method; `None` for the plain one, which Themis uses throughout.
    pub namespace: Option<String>,
}

impl Target {
    /// Any server of a topic.
    #[must_use]
    pub fn topic(topic: Topic, version: Version) -> Self {
        Self {
            topic,
            server: None,
            version,
            namespace: None,
        }
    }

    /// The same target narrowed to one server.
    #[must_use]
    pub fn at(mut self, server: ServerName) -> Self {
        self.server = Some(server);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_serves_its_own_major_up_to_its_minor() {
        let server: Version = "1.5".parse().unwrap();
        let serves = |text: &str| server.serves(text.parse().unwrap());
        assert!(serves("1.0") && serves("1.5") && serves("1.4.9"));
        assert!(!serves("1.6") && !serves("2.0") && !serves("0.9"));
    }

    #[test]
    fn names_that_would_make_strange_queues_are_refused() {
        for wrong in ["", "a b", "a/b", "a#", "é", &"x".repeat(121)] {
            assert!(Topic::new(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Topic::new("themis_engine").unwrap().as_str(), "themis_engine");
        for wrong in ["1", "", "1.x", "1.0.0.0", "-1.0", "1.0."] {
            assert!(wrong.parse::<Version>().is_err(), "{wrong}");
        }
    }
}
