//! Who is calling: the validation of tokens that come with requests to our API.
//!
//! Keystone is asked with the service's own token and its word is kept for `token_cache_time`, never beyond the token's
//! end. Keys are SHA-256 sums: a token is not kept. A revoked token works until its entry ends; a cached one works on
//! while Keystone is away. The local check of a JWS token's signature belongs before the cache, in
//! `validator`.

mod caller;
mod validator;

pub use caller::{Caller, Project, User};
pub use validator::{TokenError, TokenValidator};
