//! What Keystone says of a token: who, for what, with which roles, until when.

use std::sync::Arc;

use serde::Deserialize;
use time::OffsetDateTime;

use super::access_rules::AccessRule;

/// The bearer of a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user: User,
    /// The project that the token is for; `None` for a token of another scope.
    pub project: Option<Project>,
    /// The domain that the token is for, by id.
    pub domain_id: Option<String>,
    /// `all` for a system-scoped token.
    pub system_scope: Option<String>,
    /// Names of the user's roles in that scope.
    pub roles: Vec<String>,
    /// Whether the project is Keystone's administrative one; true where Keystone does not tell.
    pub is_admin_project: bool,
    /// When the token ends.
    pub expires: OffsetDateTime,
    /// The only requests that the token may be used for; `None` when it is bound to none.
    pub access_rules: Option<Vec<AccessRule>>,
    /// The service that sent the request on the user's behalf, by its own token.
    pub service: Option<Arc<Self>>,
}

/// A user with its domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Id of the domain.
    pub domain_id: String,
    /// Name of the domain.
    pub domain_name: String,
}

/// A project with its domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Id of the domain.
    pub domain_id: String,
    /// Name of the domain.
    pub domain_name: String,
}

/// The body of `GET /v3/auth/tokens`.
#[derive(Debug, Deserialize)]
pub(super) struct TokenBody {
    token: Token,
}

#[derive(Debug, Deserialize)]
struct Token {
    user: Owned,
    project: Option<Owned>,
    domain: Option<Reference>,
    system: Option<System>,
    #[serde(default)]
    roles: Vec<Reference>,
    is_admin_project: Option<bool>,
    application_credential: Option<ApplicationCredential>,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

#[derive(Debug, Deserialize)]
struct Owned {
    id: String,
    name: String,
    domain: Reference,
}

#[derive(Debug, Deserialize)]
struct Reference {
    id: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct ApplicationCredential {
    access_rules: Option<Vec<AccessRule>>,
}

#[derive(Debug, Deserialize)]
struct System {
    all: bool,
}

impl From<TokenBody> for Caller {
    fn from(TokenBody { token }: TokenBody) -> Self {
        let Owned { id, name, domain } = token.user;
        Self {
            user: User {
                id,
                name,
                domain_id: domain.id,
                domain_name: domain.name,
            },
            project: token.project.map(|Owned { id, name, domain }| Project {
                id,
                name,
                domain_id: domain.id,
                domain_name: domain.name,
            }),
            domain_id: token.domain.map(|domain| domain.id),
            system_scope: token.system.filter(|system| system.all).map(|_| "all".to_owned()),
            roles: token.roles.into_iter().map(|role| role.name).collect(),
            is_admin_project: token.is_admin_project.unwrap_or(true),
            expires: token.expires_at,
            access_rules: token
                .application_credential
                .and_then(|credential| credential.access_rules),
            service: None,
        }
    }
}
