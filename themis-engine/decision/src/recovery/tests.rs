//! Moving instances: what is posted when, what a lost answer means, and that a replay stands where the leader stood.

mod doubt;
mod elsewhere;
mod moves;
mod replay;
mod rules;
