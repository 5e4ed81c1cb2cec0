//! What holds for the crate as a whole: random histories, and the tables that are printed into `docs/`.

mod printed;
mod properties;
mod reasons;
mod states;
