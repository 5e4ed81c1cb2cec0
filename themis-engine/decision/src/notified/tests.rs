//! Notified recoveries as stories: a world, a notification, what Nova shows turn by turn, what is sent and stored.

mod holds;
mod instances;
mod places;
mod processes;
mod replay;
mod story;

use story::Story;
