//! The name and password of a device's user. The password never leaves this type except towards the wire and the seal.

use secrecy::{ExposeSecret, SecretString};

/// The longest user name that IPMI 2.0 can carry, in bytes.
pub const NAME_LIMIT: usize = 16;
/// The longest password that IPMI 2.0 can carry, in bytes.
pub const PASSWORD_LIMIT: usize = 20;

/// A user of a power device.
#[derive(Debug, Clone)]
pub struct Credentials {
    username: String,
    password: SecretString,
}

/// Credentials that no device could accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// The anonymous user is not accepted for fencing.
    #[error("the device's user name is empty; give a user with operator privilege")]
    EmptyName,
    /// More than IPMI carries.
    #[error("the device's user name has {0} bytes; IPMI allows {NAME_LIMIT}")]
    LongName(usize),
    /// A name that cannot be typed on a BMC.
    #[error("the device's user name contains a control character; remove it")]
    ControlInName,
    /// A device without password protects nothing.
    #[error("the device's password is empty; set one on the device")]
    EmptyPassword,
    /// More than IPMI carries.
    #[error(
        "the device's password is longer than the {PASSWORD_LIMIT} bytes that IPMI allows; set a shorter one on the device"
    )]
    LongPassword,
    /// A zero byte ends the password on the device.
    #[error("the device's password contains a zero byte; set another one on the device")]
    ZeroInPassword,
}

impl Credentials {
    /// Credentials within IPMI's limits: 16 bytes of name, 20 bytes of password.
    ///
    /// # Errors
    /// What is wrong with them; never the password itself.
    pub fn new(username: impl Into<String>, password: SecretString) -> Result<Self, CredentialsError> {
        let username = username.into();
        let secret = password.expose_secret();
        if username.is_empty() {
            return Err(CredentialsError::EmptyName);
        }
        if username.len() > NAME_LIMIT {
            return Err(CredentialsError::LongName(username.len()));
        }
        if username.chars().any(char::is_control) {
            return Err(CredentialsError::ControlInName);
        }
        if secret.is_empty() {
            return Err(CredentialsError::EmptyPassword);
        }
        if secret.len() > PASSWORD_LIMIT {
            return Err(CredentialsError::LongPassword);
        }
        if secret.contains('\0') {
            return Err(CredentialsError::ZeroInPassword);
        }
        Ok(Self { username, password })
    }

    /// The user's name.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The user's password.
    #[must_use]
    pub const fn password(&self) -> &SecretString {
        &self.password
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("admin", "secret", None)]
    #[case("", "secret", Some(CredentialsError::EmptyName))]
    #[case("seventeen-letters", "secret", Some(CredentialsError::LongName(17)))]
    #[case("ad\nmin", "secret", Some(CredentialsError::ControlInName))]
    #[case("admin", "", Some(CredentialsError::EmptyPassword))]
    #[case("admin", "twenty-one-characters", Some(CredentialsError::LongPassword))]
    #[case("admin", "a\0b", Some(CredentialsError::ZeroInPassword))]
    fn limits_of_ipmi_are_kept(#[case] name: &str, #[case] password: &str, #[case] error: Option<CredentialsError>) {
        assert_eq!(Credentials::new(name, password.into()).err(), error);
    }

    #[test]
    fn the_password_is_not_in_the_debug_text() {
        let text = format!("{:?}", Credentials::new("admin", "hunter2".into()).unwrap());
        assert!(text.contains("admin") && !text.contains("hunter2"), "{text}");
    }
}
