//! `/v1`: Masakari's API.

mod extensions;
mod hosts;
mod notifications;
mod segments;
mod versions;
mod vmoves;

use super::case::Case;

pub(super) fn cases() -> Vec<Case> {
    [
        versions::cases(),
        segments::cases(),
        hosts::cases(),
        notifications::cases(),
        vmoves::cases(),
        extensions::cases(),
    ]
    .concat()
}
