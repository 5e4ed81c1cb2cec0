//! The tokens of one request together: the user's, that of a service which acts for him, and whether an application
//! credential allows this very request.

use std::sync::Arc;

use super::caller::Caller;
use super::validator::{TokenError, TokenValidator};

/// What a request presents, and what it asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Presented<'a> {
    /// `X-Auth-Token`.
    pub user: Option<&'a str>,
    /// `X-Service-Token`.
    pub service: Option<&'a str>,
    /// The HTTP method.
    pub method: &'a str,
    /// The path as the client sent it.
    pub path: &'a str,
}

/// Whom we take for a service, and as which service we answer.
#[derive(Debug, Clone)]
pub struct ServiceTokens {
    /// Roles of which the bearer of a service token must have one.
    pub roles: Vec<String>,
    /// Whether a service token without such a role is refused; if not, it is accepted without the right to bring an
    /// expired user's token.
    pub roles_required: bool,
    /// Our type in the catalogue, which access rules name.
    pub service_type: String,
}

impl Default for ServiceTokens {
    fn default() -> Self {
        Self {
            roles: vec!["service".to_owned()],
            roles_required: true,
            service_type: "instance-ha".to_owned(),
        }
    }
}

impl TokenValidator {
    /// Who sends this request. A service that acts for a user and has the role for it may bring a user's token that has
    /// expired, within the window that Keystone allows: what the user began goes on.
    ///
    /// # Errors
    /// A token is missing or not valid for this request, or Keystone could not be asked.
    pub async fn authenticate(&self, presented: Presented<'_>) -> Result<Arc<Caller>, TokenError> {
        let (service, expired_too) = match presented.service {
            Some(token) => {
                let service = self.word(token, false).await?;
                let has_role = self.is_service(&service);
                if !has_role && self.services().roles_required {
                    return Err(TokenError::Invalid);
                }
                (Some(service), has_role)
            }
            None => (None, false),
        };
        let token = presented.user.ok_or(TokenError::Invalid)?;
        let user = self.word(token, expired_too).await?;
        if !self.may_be_used(&user, presented) {
            return Err(TokenError::Invalid);
        }
        Ok(match service {
            None => user,
            Some(service) => Arc::new(Caller {
                service: Some(service),
                ..(*user).clone()
            }),
        })
    }

    /// Role names are compared as they are, as keystonemiddleware does.
    fn is_service(&self, caller: &Caller) -> bool {
        caller.roles.iter().any(|role| self.services().roles.contains(role))
    }

    fn may_be_used(&self, caller: &Caller, presented: Presented<'_>) -> bool {
        let service_type = &self.services().service_type;
        caller.access_rules.as_ref().is_none_or(|rules| {
            rules
                .iter()
                .any(|rule| rule.allows(service_type, presented.method, presented.path))
        })
    }
}
