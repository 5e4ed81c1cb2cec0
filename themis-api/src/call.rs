//! One authenticated call: who asks, at which microversion, with what right. Every handler but health and version list
//! takes a [`Call`]; having one means that the token was valid and, for routes without a body, that a project id in the
//! path was the token's (with a body, [`crate::body`] checks it, because a malformed body is said first).

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use themis_messaging::Context;
use themis_openstack::token::Caller;

use crate::app_state::AppState;
use crate::fault::Fault;
use crate::microversion::Microversion;
use crate::mount::UrlProject;
use crate::request_id::RequestIds;

/// See the module.
#[derive(Debug, Clone)]
pub struct Call {
    /// The bearer of the token.
    pub caller: Arc<Caller>,
    /// What the request asked for; the oldest outside `/v1`.
    pub version: Microversion,
    ids: Option<RequestIds>,
    app: AppState,
}

impl Call {
    /// What messages on the bus carry of this request: its ids, so that the engine's log can be read beside ours.
    #[must_use]
    pub fn context(&self) -> Context {
        self.ids.as_ref().map_or_else(Context::fresh, RequestIds::context)
    }

    /// Demands the right that `rule` stands for.
    ///
    /// # Errors
    /// The caller does not have it.
    pub fn demand(&self, rule: &'static str) -> Result<(), Fault> {
        if self.may(rule) {
            Ok(())
        } else {
            Err(Fault::Forbidden { rule })
        }
    }

    /// Whether the caller has the right that `rule` stands for.
    #[must_use]
    pub fn may(&self, rule: &str) -> bool {
        self.app.rules.allow(rule, &self.caller)
    }
}

impl FromRequestParts<AppState> for Call {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Fault> {
        if !matches!(parts.method, Method::POST | Method::PUT) {
            check_project(parts)?;
        }
        // Without a caller the route was mounted outside the check of tokens: nobody may do anything there.
        let caller = parts.extensions.get::<Arc<Caller>>().cloned();
        let caller = caller.ok_or_else(|| Fault::unauthorized(&app.settings))?;
        let version = parts
            .extensions
            .get::<Microversion>()
            .copied()
            .unwrap_or(Microversion::MIN);
        Ok(Self {
            caller,
            version,
            ids: parts.extensions.get::<RequestIds>().cloned(),
            app: Arc::clone(app),
        })
    }
}

/// Compares a project id in the path with the token's.
///
/// # Errors
/// They differ; a token without a project differs from every id.
pub fn check_project(parts: &Parts) -> Result<(), Fault> {
    let Some(UrlProject(url)) = parts.extensions.get::<UrlProject>() else {
        return Ok(());
    };
    let caller = parts.extensions.get::<Arc<Caller>>();
    let token = caller
        .and_then(|caller| caller.project.as_ref())
        .map(|project| project.id.as_str());
    if token == Some(url.as_str()) {
        return Ok(());
    }
    Err(Fault::ProjectMismatch {
        url: url.clone(),
        token: token.unwrap_or("None").to_owned(),
    })
}
