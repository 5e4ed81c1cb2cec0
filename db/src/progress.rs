//! What a long job tells while it works, for people who wait.

/// Called after each batch with a table, how many of its rows are done, and how many there are where that is known.
pub type Progress<'a> = &'a mut (dyn FnMut(&'static str, u64, Option<u64>) + Send);

/// For those who do not want to know.
pub fn untold(_: &'static str, _: u64, _: Option<u64>) {}
