//! Who asks, beside each log line of a request: the API puts it into the request's span, every line inside shows it.

use std::fmt;

use serde_json::{Value, json};
use tracing::{Span, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::registry::LookupSpan;

/// A request's ids and what is known of its caller, under oslo.context's names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestContext {
    /// The id under which the caller began, when it named one.
    pub global_request_id: Option<String>,
    /// Ours.
    pub request_id: String,
    /// The rest is known once the token was validated.
    pub user_id: Option<String>,
    /// Of a token with project scope.
    pub project_id: Option<String>,
    /// Of a token with domain scope.
    pub domain_id: Option<String>,
    /// `all` for a token with system scope.
    pub system_scope: Option<String>,
    /// Where the user belongs.
    pub user_domain_id: Option<String>,
    /// Where the project belongs.
    pub project_domain_id: Option<String>,
}

impl RequestContext {
    /// Oslo's `user_identity`: six words, a dash for each that is not known.
    fn identity(&self) -> String {
        [
            &self.user_id,
            &self.project_id,
            &self.domain_id,
            &self.system_scope,
            &self.user_domain_id,
            &self.project_domain_id,
        ]
        .map(|word| word.as_deref().unwrap_or("-"))
        .join(" ")
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "global_request_id": self.global_request_id,
            "request_id": self.request_id,
            "user_id": self.user_id,
            "project_id": self.project_id,
            "domain_id": self.domain_id,
            "system_scope": self.system_scope,
            "user_domain_id": self.user_domain_id,
            "project_domain_id": self.project_domain_id,
            "user_identity": self.identity(),
        })
    }
}

/// As oslo.log's default line shows it between brackets.
impl fmt::Display for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let global = self.global_request_id.as_deref().unwrap_or("None");
        write!(f, "{global} {} {}", self.request_id, self.identity())
    }
}

/// Puts a request's identity into its span, or replaces it when more is known of the caller.
pub fn attach(span: &Span, context: RequestContext) {
    span.with_subscriber(|(id, dispatch)| {
        if let Some(data) = dispatch
            .downcast_ref::<Registry>()
            .and_then(|registry| registry.span(id))
        {
            data.extensions_mut().replace(context);
        }
    });
}

/// What the spans around an event say; the innermost counts.
pub(super) fn of<S, N>(context: &FmtContext<'_, S, N>) -> Option<RequestContext>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> tracing_subscriber::fmt::FormatFields<'a> + 'static,
{
    let scope = context.event_scope()?;
    scope
        .into_iter()
        .find_map(|span| span.extensions().get::<RequestContext>().cloned())
}
