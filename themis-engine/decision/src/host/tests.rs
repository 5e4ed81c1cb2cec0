//! The host machine, by its stories: faults, holds, fences, returns.

mod brakes;
mod fences;
mod returns;
mod stories;
mod takeover;
