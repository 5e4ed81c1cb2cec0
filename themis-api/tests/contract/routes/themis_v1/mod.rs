//! `/themis/v1`: what Masakari has no word for.

mod engine;
mod hosts;
mod incidents;
mod mode;
mod networks;
mod openapi;
mod power_devices;
mod requests;

use super::case::Case;

pub(super) fn cases() -> Vec<Case> {
    [
        openapi::cases(),
        engine::cases(),
        hosts::cases(),
        power_devices::cases(),
        requests::cases(),
        mode::cases(),
        incidents::cases(),
        networks::cases(),
    ]
    .concat()
}
