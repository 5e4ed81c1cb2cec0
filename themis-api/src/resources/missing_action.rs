//! Actions that Masakari's router knows and its controllers do not have: 405 with the action's name. That the action is
//! missing is said before anything else of the request is looked at, as upstream does.

use axum::extract::Request;
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::fault::Fault;

macro_rules! missing {
    ($($action:ident by $method:literal),+ $(,)?) => {$(
        #[doc = concat!("405 for `", stringify!($action), "`.")]
        pub async fn $action() -> Fault {
            Fault::ActionMissing { method: $method, action: stringify!($action) }
        }
    )+};
}

missing!(
    index by "GET",
    edit by "GET",
    create by "POST",
    action by "POST",
    update by "PUT",
    delete by "DELETE",
);

/// The word `new` in place of an id means the action of that name, which no controller has. For routes only: a path that
/// has none is not found whatever its last word.
pub async fn refuse_new(request: Request, next: Next) -> Response {
    if request.method() == Method::GET && request.uri().path().ends_with("/new") {
        let fault = Fault::ActionMissing {
            method: "GET",
            action: "new",
        };
        return fault.into_response();
    }
    next.run(request).await
}
