//! Who is calling: the validation of the tokens that come with requests to our API, as keystonemiddleware does it.
//!
//! A JWS token is first looked at here, when Keystone's public keys are at hand ([`JwsKeys`]); a forged one costs Keystone
//! nothing. Then Keystone is asked with the service's own token, and its word is kept for `token_cache_time`, never beyond
//! the token's end. Keys are keyed sums: no token is kept. A revoked token works until its entry ends; a cached one works
//! on while Keystone is away. What a caller may do is [`crate::policy`]'s matter.
//!
//! Read next: `request` (user and service token of one request), `validator` (the cache and the question to Keystone),
//! `jws` and `keys` (the local look), `access_rules` (application credentials that are bound to some requests).

mod access_rules;
mod caller;
mod jws;
mod keys;
mod request;
mod validator;

pub use access_rules::AccessRule;
pub use caller::{Caller, Project, User};
pub use jws::JwsFault;
pub use keys::{JwsKeys, KeysError};
pub use request::{Presented, ServiceTokens};
pub use validator::{TokenError, TokenValidator};
