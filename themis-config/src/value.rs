//! The kinds of values that options have, read from text as oslo.config reads them.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

/// A value that can be read from an option's text and shown in the sample.
pub trait Value: Sized {
    /// For the sample: `(integer value)`.
    const KIND: &'static str;
    /// Whether an option that is written several times has all the values; of any other kind the last counts.
    const MANY: bool = false;
    /// Reads the text of an option.
    ///
    /// # Errors
    /// What is wanted instead, for the message.
    fn read(text: &str) -> Result<Self, String>;
    /// As it would be written in the file; secrets show as `<secret>`.
    fn show(&self) -> String;
    /// The value of an absent option without default: only optional kinds have one.
    fn absent() -> Option<Self> {
        None
    }
}

impl Value for String {
    const KIND: &'static str = "string";
    fn read(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
    fn show(&self) -> String {
        self.clone()
    }
}

impl Value for PathBuf {
    const KIND: &'static str = "path";
    fn read(text: &str) -> Result<Self, String> {
        Ok(Self::from(text))
    }
    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl Value for bool {
    const KIND: &'static str = "boolean";
    fn read(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" => Ok(true),
            "false" | "0" | "off" | "no" => Ok(false),
            other => Err(format!("'{other}' is not a boolean; write true or false")),
        }
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

macro_rules! numbers {
    ($($kind:literal $name:ty),+) => {$(
        impl Value for $name {
            const KIND: &'static str = $kind;
            fn read(text: &str) -> Result<Self, String> {
                text.trim().parse().map_err(|_| format!("'{text}' is no {} that fits", $kind))
            }
            fn show(&self) -> String {
                self.to_string()
            }
        }
    )+};
}
numbers!("integer" u16, "integer" u32, "integer" u64, "integer" usize, "integer" i64, "number" f64);

/// Seconds, with an optional fraction.
impl Value for Duration {
    const KIND: &'static str = "seconds";
    fn read(text: &str) -> Result<Self, String> {
        let seconds: f64 = text
            .trim()
            .parse()
            .map_err(|_| format!("'{text}' is not a number of seconds"))?;
        Self::try_from_secs_f64(seconds).map_err(|_| format!("'{text}' is not a possible number of seconds"))
    }
    fn show(&self) -> String {
        self.as_secs_f64().to_string()
    }
}

impl Value for SecretString {
    const KIND: &'static str = "string, secret";
    fn read(text: &str) -> Result<Self, String> {
        Ok(text.to_owned().into())
    }
    fn show(&self) -> String {
        if self.expose_secret().is_empty() {
            String::new()
        } else {
            "<secret>".to_owned()
        }
    }
}

/// Comma-separated.
impl<T: Value> Value for Vec<T> {
    const KIND: &'static str = "list";
    const MANY: bool = true;
    fn read(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(str::trim)
            .filter(|s| !s.is_empty())
            .map(T::read)
            .collect()
    }
    fn show(&self) -> String {
        self.iter().map(Value::show).collect::<Vec<_>>().join(", ")
    }
}

impl<T: Value> Value for Option<T> {
    const KIND: &'static str = T::KIND;
    const MANY: bool = T::MANY;
    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Ok(None)
        } else {
            T::read(text).map(Some)
        }
    }
    fn show(&self) -> String {
        self.as_ref().map(Value::show).unwrap_or_default()
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_operators_write() {
        assert!(bool::read("Yes").unwrap());
        assert_eq!(Duration::read("1.5").unwrap(), Duration::from_millis(1500));
        assert!(Duration::read("-1").is_err());
        assert_eq!(Vec::<String>::read("a, b,,c").unwrap(), ["a", "b", "c"]);
        assert_eq!(Option::<u16>::read("").unwrap(), None);
        assert!(u16::read("70000").unwrap_err().contains("70000"));
        assert_eq!(SecretString::read("x").unwrap().show(), "<secret>");
    }
}
