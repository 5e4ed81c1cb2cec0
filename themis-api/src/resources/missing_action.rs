//! Actions that Masakari's router knows and its controllers do not have: 405 with the action's name. That the action is
//! missing is said before the body is looked at, as upstream does.

use crate::call::Call;
use crate::fault::Fault;

macro_rules! missing {
    ($($action:ident by $method:literal),+ $(,)?) => {$(
        #[doc = concat!("405 for `", stringify!($action), "`.")]
        pub async fn $action(_call: Call) -> Fault {
            Fault::ActionMissing { method: $method, action: stringify!($action) }
        }
    )+};
}

missing!(
    index by "GET",
    new by "GET",
    edit by "GET",
    create by "POST",
    action by "POST",
    update by "PUT",
    delete by "DELETE",
);
