//! Sections of the configuration.
