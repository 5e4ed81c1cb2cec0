//! Keystone: who we are ([`Cloud`]), our token and the catalogue ([`Session`]).
//!
//! A session logs in when first used, again before its token ends, and once more when a service answers 401; many
//! callers share one login. It always uses the original credentials: a token made from a token would keep the old
//! token's end. Validating other people's tokens is [`crate::token`]; reading `clouds.yaml` is [`crate::clouds`].

mod catalogue;
mod cloud;
mod discovery;
mod login;
mod session;

pub use catalogue::{Catalogue, ServiceType};
pub use cloud::{
    AppCredential, ClientCertificate, Cloud, Credentials, Domain, Interface, Person, Scope, UnknownInterface,
};
pub use login::Login;
pub use session::Session;
