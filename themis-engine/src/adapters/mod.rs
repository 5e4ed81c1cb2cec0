//! The ports over the real parts.
