//! The first look at a JWS token, before anybody is asked: signed by one of Keystone's keys, and of this time.
//!
//! Keystone signs with ES256 and names no key in the header, so each of its public keys is tried, as Keystone itself
//! does. The algorithm is fixed before a token is read: one that says `none`, or `HS256` with a public key for its secret,
//! is refused. A good signature says who the bearer is, never what he may do: roles and revocation are Keystone's word,
//! which [`super::validator`] asks for next. The keys themselves are read by [`super::keys`].

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use time::OffsetDateTime;

/// How far Keystone's clock may be from ours. A token within it is left to Keystone to judge.
const LEEWAY_S: u64 = 30;

/// Why a token is refused without asking Keystone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwsFault {
    /// It is not a token as Keystone makes them: another algorithm, no user, no times.
    #[error("it is not a token of keystone's form")]
    Form,
    /// No key of the directory has signed it.
    #[error("no key of [keystone_authtoken] jws_keys_dir has signed it")]
    Signature,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// It was issued in the future.
    #[error("it was issued in the future; do the clocks of keystone and this host agree?")]
    NotYet,
}

/// What we read of a token; scope and methods are Keystone's matter.
#[derive(Deserialize)]
struct Claims {
    iat: u64,
}

/// Whether a token is of this kind. Fernet's alphabet has no dot.
pub(super) fn is_jws(token: &str) -> bool {
    token.contains('.')
}

/// Looks at signature and times. With `expired_too` a token whose time is over is left to Keystone to judge.
pub(super) fn check<'a>(
    token: &str,
    keys: impl IntoIterator<Item = &'a DecodingKey>,
    expired_too: bool,
) -> Result<(), JwsFault> {
    let mut rules = Validation::new(Algorithm::ES256);
    rules.set_required_spec_claims(&["exp", "sub"]);
    rules.leeway = LEEWAY_S;
    rules.validate_aud = false;
    rules.validate_exp = !expired_too;
    for key in keys {
        let fault = match decode::<Claims>(token, key, &rules) {
            Ok(read) => return issued_by_now(read.claims.iat),
            Err(error) => error,
        };
        match fault.kind() {
            ErrorKind::InvalidSignature => {}
            ErrorKind::ExpiredSignature => return Err(JwsFault::Expired),
            _ => return Err(JwsFault::Form),
        }
    }
    Err(JwsFault::Signature)
}

/// The library does not look at the time of issue.
fn issued_by_now(iat: u64) -> Result<(), JwsFault> {
    let now = u64::try_from(OffsetDateTime::now_utc().unix_timestamp()).unwrap_or_default();
    if iat > now + LEEWAY_S {
        Err(JwsFault::NotYet)
    } else {
        Ok(())
    }
}
