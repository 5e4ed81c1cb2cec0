//! The check of tokens: before routing, so that nobody learns without a token which paths exist. A refused token is
//! 401, a Keystone that cannot be asked is 503. What the caller may do is asked later, by [`crate::call::Call::demand`].

use std::sync::Arc;

use axum::extract::{OriginalUri, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use themis_openstack::token::{Caller, Presented, TokenError};

use crate::app_state::AppState;
use crate::config::Settings;
use crate::fault::Fault;
use crate::mount::as_read;
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
    let uri = request.extensions().get::<OriginalUri>().map(|uri| &uri.0);
    let path = as_read(uri.unwrap_or(request.uri()).path());
    let presented = Presented {
        user: token(request.headers(), "x-auth-token"),
        service: token(request.headers(), "x-service-token"),
        method: request.method().as_str(),
        path: &path,
    };
    match caller(&app, presented).await {
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

async fn caller(app: &AppState, presented: Presented<'_>) -> Result<Arc<Caller>, Fault> {
    app.tokens.authenticate(presented).await.map_err(|error| match error {
        TokenError::Invalid => Fault::unauthorized(&app.settings),
        TokenError::Unavailable(source) => Fault::KeystoneAway(source),
    })
}

/// What cannot be a token is handed on as one that is refused; an absent header is none.
fn token<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
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
