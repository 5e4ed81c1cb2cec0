//! Device passwords at rest: AES-256-GCM with the key of `[fencing] key_file`, bound to the device's address, so that a
//! sealed text that is copied to another device's row does not open there.
//!
//! Sealed text is `v1:` and the base64 of nonce (12 bytes), ciphertext and tag (16 bytes). Nonces are random: one key
//! may seal some 2^32 passwords. Nothing here writes files; `themis-manage keys create` writes [`SealKey::new_text`].

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::TryRngCore;
use rand::rngs::OsRng;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::DeviceAddress;

const VERSION: &str = "v1:";
const NONCE_LENGTH: usize = 12;
const KEY_LENGTH: usize = 32;

/// The key that seals device passwords.
pub struct SealKey(Zeroizing<[u8; KEY_LENGTH]>);

/// Why a key cannot be used, or a secret not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// `[fencing] key_file` is not set.
    #[error("[fencing] key_file is not set; make a key with 'themis-manage keys create FILE' and name it there")]
    NoKeyFile,
    /// The key file is not there.
    #[error("there is no key file {}; copy it from another controller, or make the first one with 'themis-manage keys create {0}'", .file.display())]
    NoFile {
        /// The file.
        file: PathBuf,
    },
    /// The key file cannot be read.
    #[error("cannot read key file {}: {source}; let the daemons' group read it: chown root:themis, chmod 640", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The key file holds something else.
    #[error("key file {} does not hold the base64 of 32 bytes; make one with 'themis-manage keys create FILE'", .file.display())]
    NotAKey {
        /// The file.
        file: PathBuf,
    },
    /// The operating system gave no random numbers.
    #[error("no random numbers from the operating system")]
    Random(#[source] rand::rand_core::OsError),
    /// The cipher refused the plain text.
    #[error("the password of {0} cannot be sealed")]
    NotSealed(DeviceAddress),
    /// The stored text is not of the form that this version writes.
    #[error("the sealed password of {0} is malformed; set it again with 'themis power-device set'")]
    Malformed(DeviceAddress),
    /// Sealed with another key, for another address, or altered.
    #[error(
        "the sealed password of {0} does not open with this key and address; restore the key file or set the password again"
    )]
    NotOpened(DeviceAddress),
}

impl SealKey {
    /// A new key's text, for a key file: the base64 of 32 random bytes and a line end.
    ///
    /// # Errors
    /// The operating system gave no random numbers.
    pub fn new_text() -> Result<Zeroizing<String>, SealError> {
        let key = Zeroizing::new(random::<KEY_LENGTH>()?);
        let mut text = Zeroizing::new(STANDARD.encode(*key));
        text.push('\n');
        Ok(text)
    }

    /// The key of the configuration's `key_file`.
    ///
    /// # Errors
    /// No file is configured, it cannot be read, or it holds no key; each names the fix.
    pub fn load(key_file: Option<&Path>) -> Result<Self, SealError> {
        let file = key_file.ok_or(SealError::NoKeyFile)?;
        let text = std::fs::read_to_string(file)
            .map(Zeroizing::new)
            .map_err(|source| match source.kind() {
                std::io::ErrorKind::NotFound => SealError::NoFile { file: file.to_owned() },
                _ => SealError::Read {
                    file: file.to_owned(),
                    source,
                },
            })?;
        if readable_by_all(file) {
            tracing::warn!(file = %file.display(), "the key that seals device passwords is readable by every user; chmod o= it");
        }
        Self::from_text(&text).ok_or_else(|| SealError::NotAKey { file: file.to_owned() })
    }

    /// The key that a key file's text holds; white space around it is ignored.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).ok()?);
        let key: [u8; KEY_LENGTH] = bytes.as_slice().try_into().ok()?;
        Some(Self(Zeroizing::new(key)))
    }

    /// Seals a device's password for storage.
    ///
    /// # Errors
    /// No random numbers, or the cipher refused.
    pub fn seal(&self, address: &DeviceAddress, secret: &SecretString) -> Result<String, SealError> {
        let nonce = random::<NONCE_LENGTH>()?;
        let associated = associated_data(address);
        let payload = Payload {
            msg: secret.expose_secret().as_bytes(),
            aad: &associated,
        };
        let sealed = self
            .cipher()
            .encrypt(Nonce::from_slice(&nonce), payload)
            .map_err(|_| SealError::NotSealed(address.clone()))?;
        Ok(format!(
            "{VERSION}{}",
            STANDARD.encode([nonce.as_slice(), &sealed].concat())
        ))
    }

    /// Opens what [`Self::seal`] made for the same address.
    ///
    /// # Errors
    /// Malformed text; another key, another address or an altered text (these cannot be told apart).
    pub fn open(&self, address: &DeviceAddress, sealed: &str) -> Result<SecretString, SealError> {
        let malformed = || SealError::Malformed(address.clone());
        let encoded = sealed.strip_prefix(VERSION).ok_or_else(malformed)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| malformed())?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_LENGTH>().ok_or_else(malformed)?;
        let associated = associated_data(address);
        let plain = self
            .cipher()
            .decrypt(
                Nonce::from_slice(nonce),
                Payload {
                    msg: text,
                    aad: &associated,
                },
            )
            .map(Zeroizing::new)
            .map_err(|_| SealError::NotOpened(address.clone()))?;
        let plain = std::str::from_utf8(&plain).map_err(|_| malformed())?;
        Ok(SecretString::from(plain))
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(self.0.as_slice()))
    }
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey([redacted])")
    }
}

/// The address tuple in a form in which no two tuples look alike: no part of an address contains a zero byte.
fn associated_data(address: &DeviceAddress) -> Vec<u8> {
    let port = address.port().to_string();
    [
        "themis power device",
        address.driver().name(),
        address.host(),
        &port,
        address.system(),
    ]
    .join("\0")
    .into_bytes()
}

fn readable_by_all(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

fn random<const N: usize>() -> Result<[u8; N], SealError> {
    let mut bytes = [0; N];
    OsRng.try_fill_bytes(&mut bytes).map_err(SealError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SealKey {
        SealKey::from_text(&SealKey::new_text().unwrap()).unwrap()
    }

    fn address(host: &str) -> DeviceAddress {
        DeviceAddress::new("ipmi", host, None, "").unwrap()
    }

    #[test]
    fn a_missing_key_file_is_to_be_made_and_an_unreadable_one_to_be_opened() {
        let directory = tempfile::tempdir().unwrap();
        let text = |file: &Path| SealKey::load(Some(file)).err().unwrap().to_string();
        let missing = text(&directory.path().join("none.key"));
        assert!(missing.contains("themis-manage keys create"), "{missing}");
        let unreadable = text(directory.path());
        assert!(
            unreadable.contains("chmod 640") && !unreadable.contains("keys create"),
            "{unreadable}"
        );
    }

    #[test]
    fn a_sealed_password_opens_for_its_own_device_only() {
        let (key, own, other) = (key(), address("10.0.0.7"), address("10.0.0.8"));
        let sealed = key.seal(&own, &"hunter2".into()).unwrap();
        assert_eq!(key.open(&own, &sealed).unwrap().expose_secret(), "hunter2");
        assert!(matches!(key.open(&other, &sealed), Err(SealError::NotOpened(_))));
        let port = DeviceAddress::new("ipmi", "10.0.0.7", Some(624), "").unwrap();
        assert!(matches!(key.open(&port, &sealed), Err(SealError::NotOpened(_))));
        assert!(matches!(
            super::tests::key().open(&own, &sealed),
            Err(SealError::NotOpened(_))
        ));
    }

    #[test]
    fn every_altered_byte_is_noticed() {
        let (key, own) = (key(), address("10.0.0.7"));
        let sealed = key.seal(&own, &"hunter2".into()).unwrap();
        let bytes = STANDARD.decode(&sealed[3..]).unwrap();
        for index in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[index] ^= 1;
            let text = format!("v1:{}", STANDARD.encode(altered));
            assert!(
                matches!(key.open(&own, &text), Err(SealError::NotOpened(_))),
                "byte {index}"
            );
        }
    }

    #[test]
    fn the_same_password_is_sealed_differently_each_time() {
        let (key, own) = (key(), address("10.0.0.7"));
        assert_ne!(
            key.seal(&own, &"x".into()).unwrap(),
            key.seal(&own, &"x".into()).unwrap()
        );
    }

    #[test]
    fn malformed_text_is_told_from_a_wrong_key() {
        let (key, own) = (key(), address("10.0.0.7"));
        for text in [
            "",
            "hunter2",
            "v1:",
            "v1:AAAA",
            "v1:not base64",
            "v2:AAAAAAAAAAAAAAAAAAAA",
        ] {
            let error = key.open(&own, text).unwrap_err();
            assert!(matches!(error, SealError::Malformed(_)), "{text}: {error}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn key_files_are_read_and_errors_name_the_fix() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        let error = SealKey::load(Some(&file)).unwrap_err().to_string();
        assert!(
            error.contains("themis-manage keys create") && error.contains("/key"),
            "{error}"
        );
        std::fs::write(&file, "hunter2").unwrap();
        let error = SealKey::load(Some(&file)).unwrap_err().to_string();
        assert!(error.contains("32 bytes") && !error.contains("hunter2"), "{error}");
        std::fs::write(&file, SealKey::new_text().unwrap().as_str()).unwrap();
        assert_eq!(
            format!("{:?}", SealKey::load(Some(&file)).unwrap()),
            "SealKey([redacted])"
        );
        assert!(
            SealKey::load(None)
                .unwrap_err()
                .to_string()
                .contains("themis-manage keys create")
        );
    }
}
