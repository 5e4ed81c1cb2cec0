//! The three programs for people: `themis` (an operator, over HTTP), `themis-manage` (the administrator, on the
//! controller, over the database and files) and `themis-status` (before an upgrade).
//!
//! `themis` never touches the database; the other two never talk to the API. None of them decides anything: they ask,
//! show and wait. Each command is one module with one function that returns what to print.
//! Read next: [`themis::command`] (the words of the command line), [`exit`] (what exit codes mean), [`output`].

pub mod exit;
pub mod manage;
pub mod output;
pub mod status;
pub mod themis;
