//! Which request of somebody's led to our requests to other services.
//!
//! OpenStack's services hand an id on in `X-Openstack-Request-Id`, so that one search finds a user's action in all logs.
//! Whoever serves a request wraps its work in [`on_behalf_of`]; each request to Keystone, Nova or Placement within it then
//! bears the id. Work of a task that was spawned in between does not.

use reqwest::header::HeaderValue;

/// The header in which ids are handed on.
pub(crate) const HEADER: &str = "x-openstack-request-id";

tokio::task_local! {
    static REQUEST_ID: Option<HeaderValue>;
}

/// Does `work` on behalf of the request `id`: the caller's global one if there is one, else our own.
pub async fn on_behalf_of<F: Future>(id: &str, work: F) -> F::Output {
    REQUEST_ID.scope(HeaderValue::from_str(id).ok(), work).await
}

pub(crate) fn request_id() -> Option<HeaderValue> {
    REQUEST_ID.try_with(Clone::clone).ok().flatten()
}
