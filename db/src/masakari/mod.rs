//! Masakari's own database: its shape ([`shape`]), taking it over as ours ([`takeover`]), and copying its rows into a
//! database of ours ([`import`]). Facts were read from databases that Masakari 14.0.2 and 22.0.0 made.
//! Nothing here touches Themis's own tables. What Masakari had begun is never gone on with: see [`abandoned`].

pub mod import;
pub mod shape;
pub mod takeover;

use crate::NotificationStatus;

/// Whether Masakari still had something to do for a notification in this status.
#[must_use]
pub const fn is_unfinished(status: NotificationStatus) -> bool {
    matches!(
        status,
        NotificationStatus::New | NotificationStatus::Running | NotificationStatus::Error
    )
}

/// The message of a notification that Masakari had not finished. It becomes `failed`: the report may be days old and its
/// host be back, so nobody may be fenced for it; and a status that nothing ever ends would keep its segment in use. A
/// host that is down now is seen by the host monitors, or reported again by Masakari's.
#[must_use]
pub fn abandoned(status: NotificationStatus) -> String {
    format!("It was '{status}' in Masakari when Themis took over; Themis did nothing for it.")
}
