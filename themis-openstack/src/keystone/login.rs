//! One login: the body of `POST /v3/auth/tokens`, and what its answer holds.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::catalogue::{Catalogue, CatalogueEntry};
use super::{AppCredential, Credentials, Domain, Person, Scope};
use crate::error::CallError;
use crate::http::{Answer, Call};

/// A token is renewed this long before its end, so that none ends on its way and a short outage of Keystone goes unfelt.
const RENEW_BEFORE_END: Duration = Duration::from_secs(300);

/// A token of ours with its catalogue.
pub struct Login {
    /// The token; for requests only.
    pub token: SecretString,
    /// Tells one login from the next.
    pub(crate) serial: u64,
    pub(crate) renew_at: Instant,
    pub(crate) ends_at: Instant,
    /// The addresses of all services.
    pub catalogue: Catalogue,
    /// The project that the token is for.
    pub project_id: Option<String>,
    /// Our own user.
    pub user_id: String,
    /// Names of our roles there.
    pub roles: Vec<String>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("serial", &self.serial)
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}

impl Login {
    /// Reads a successful answer. The end is reckoned from Keystone's own two times and our steady clock, so that wall
    /// clocks that differ do no harm.
    pub(crate) fn read(answer: &Answer, call: Call, serial: u64, sent: Instant) -> Result<Self, CallError> {
        let token = answer
            .header("x-subject-token")
            .ok_or_else(|| call.unreadable("no X-Subject-Token header"))
            .map(SecretString::from)?;
        let body: Body = answer.json()?;
        let life = Duration::try_from(body.token.expires_at - body.token.issued_at).unwrap_or_default();
        // A token of a very short life is used for half of it.
        let use_for = life.saturating_sub(RENEW_BEFORE_END).max(life / 2);
        Ok(Self {
            token,
            serial,
            renew_at: sent + use_for,
            ends_at: sent + life,
            catalogue: Catalogue::new(body.token.catalog),
            project_id: body.token.project.map(|project| project.id),
            user_id: body.token.user.id,
            roles: body.token.roles.into_iter().map(|role| role.name).collect(),
        })
    }
}

#[derive(Deserialize)]
struct Body {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    #[serde(with = "time::serde::rfc3339")]
    issued_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    #[serde(default)]
    catalog: Vec<CatalogueEntry>,
    project: Option<Id>,
    user: Id,
    #[serde(default)]
    roles: Vec<Role>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

#[derive(Deserialize)]
struct Role {
    name: String,
}

/// The request's body. It holds the secret in the open: it goes into the request and nowhere else.
pub(crate) fn request_body(credentials: &Credentials) -> Value {
    let (identity, scope) = match credentials {
        Credentials::Password { user, password, scope } => {
            let mut user = person(user);
            user["password"] = json!(password.expose_secret());
            (
                json!({"methods": ["password"], "password": {"user": user}}),
                Some(scope),
            )
        }
        Credentials::ApplicationCredential { credential, secret } => {
            let mut credential = match credential {
                AppCredential::Id(id) => json!({"id": id}),
                AppCredential::Named { name, owner } => json!({"name": name, "user": person(owner)}),
            };
            credential["secret"] = json!(secret.expose_secret());
            let identity = json!({"methods": ["application_credential"], "application_credential": credential});
            (identity, None)
        }
        Credentials::Token { token, scope } => (
            json!({"methods": ["token"], "token": {"id": token.expose_secret()}}),
            Some(scope),
        ),
    };
    match scope.and_then(scope_body) {
        Some(scope) => json!({"auth": {"identity": identity, "scope": scope}}),
        None => json!({"auth": {"identity": identity}}),
    }
}

fn scope_body(scope: &Scope) -> Option<Value> {
    match scope {
        Scope::Project { name, domain: of } => Some(json!({"project": {"name": name, "domain": domain(of)}})),
        Scope::ProjectId(id) => Some(json!({"project": {"id": id}})),
        Scope::Domain(of) => Some(json!({"domain": domain(of)})),
        Scope::Trust(id) => Some(json!({"OS-TRUST:trust": {"id": id}})),
        Scope::System => Some(json!({"system": {"all": true}})),
        Scope::Unscoped => None,
    }
}

fn person(person: &Person) -> Value {
    match person {
        Person::Id(id) => json!({"id": id}),
        Person::Named { name, domain: of } => json!({"name": name, "domain": domain(of)}),
    }
}

fn domain(domain: &Domain) -> Value {
    match domain {
        Domain::Id(id) => json!({"id": id}),
        Domain::Name(name) => json!({"name": name}),
    }
}
