//! What every route has in common, shown of each one: who may and who may not, what is missing, what is invalid, each
//! microversion. A route's file says what cannot be derived from the route itself: a good body, the answer, bad bodies.
//!
//! The routes come from the router's own table and the rules from the policy's, so neither can be forgotten: `coverage`
//! fails when one of them has no case here, and every case is run, whole, by each test of `checks`.

mod case;
mod checks;
mod coverage;
mod themis_v1;
mod v1;
mod world;

use case::Case;

/// Every case, in the order of the URL tree.
fn cases() -> Vec<Case> {
    [v1::cases(), themis_v1::cases()].concat()
}
