//! The host monitor as a program: options, configuration, bus, and the monitor itself.

fn main() {}
