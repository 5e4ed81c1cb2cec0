//! What a test says when a part that it needs is not there. Crates take this file in by its path, for their tests alone.
//!
//! On a developer's machine such a test is left out, with a word. `.ci/unit` sets `THEMIS_TEST_ALL`, and there it fails:
//! a part that is missing must not look like one that works. What wants a whole lab does not come here.

#![allow(unreachable_pub, reason = "one of those that take it in hands it on")]
#![allow(clippy::print_stderr, reason = "part of tests: a word for who runs them")]

/// Says what is missing, and how to get it.
///
/// # Panics
/// When nothing may be missing.
#[track_caller]
pub fn left_out(what: &str) {
    assert!(
        std::env::var_os("THEMIS_TEST_ALL").is_none(),
        "{what} (and THEMIS_TEST_ALL wants every test)"
    );
    eprintln!("left out: {what}");
}
