//! The decision core: evidence -> verdict -> matrix -> brakes -> host machine -> effects wanted.
//!
//! Pure. It reads no clock, draws no number, opens no socket, writes no log: the engine hands in the time and the ids,
//! performs the effects and stores the changes. Reading order: [`world`] (what decisions may look at), [`jury`] (who says
//! what), [`verdict`] (what is believed), [`matrix`] (what it means), [`brakes`] (what holds back), [`judge`] (one turn over
//! all hosts), [`host`] (the ten states), [`recovery`] (what is done for a proven-off host, and its replay from the log),
//! [`notified`] (recoveries of one instance or process that a notification asks for).

pub mod binding;
pub mod brakes;
pub mod eligibility;
pub mod evidence;
pub mod host;
pub mod judge;
pub mod jury;
pub mod matrix;
pub mod notified;
pub mod observers;
pub mod outage;
pub mod policy;
pub mod power;
pub mod preflight;
pub mod recovery;
pub mod requests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod verdict;
pub mod view;
pub mod world;

pub use judge::{Change, Judgement, Want, WantedEffect, judge};
pub use policy::Policy;
pub use world::World;
