//! The check of tokens: before routing, so that nobody learns without a token which paths exist. A refused token is
//! 401, a Keystone that cannot be asked is 503. What the caller may do is asked later, by [`crate::call::Call::demand`].

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use themis_openstack::token::{Caller, TokenError};

use crate::app_state::AppState;
use crate::config::Settings;
use crate::fault::Fault;
use crate::request_id::RequestIds;
use crate::unrouted::is_under;

/// Whether a path lies where a token is demanded.
#[must_use]
pub fn is_guarded(path: &str) -> bool {
    is_under(path, "/v1") || is_under(path, "/themis")
}

/// Lets requests with a valid token through, with their [`Caller`] beside them.
pub async fn authenticate(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    if !is_guarded(request.uri().path()) {
        return next.run(request).await;
    }
    match caller(&app, request.headers()).await {
        Ok(caller) => {
            if let Some(ids) = request.extensions().get::<RequestIds>() {
                ids.name_caller(&caller);
            }
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(fault) => fault.into_response(),
    }
}

async fn caller(app: &AppState, headers: &HeaderMap) -> Result<Arc<Caller>, Fault> {
    let refused = || Fault::unauthorized(&app.settings);
    let token = headers
        .get("x-auth-token")
        .and_then(|value| value.to_str().ok())
        .ok_or_else(refused)?;
    match app.tokens.validate(token).await {
        Ok(caller) => Ok(caller),
        Err(TokenError::Invalid) => Err(refused()),
        Err(TokenError::Unavailable(source)) => Err(Fault::KeystoneAway(source)),
    }
}

impl Fault {
    /// A 401 that says where tokens come from.
    #[must_use]
    pub fn unauthorized(settings: &Settings) -> Self {
        Self::Unauthorized {
            www_authenticate_uri: settings.www_authenticate_uri.clone(),
        }
    }
}
