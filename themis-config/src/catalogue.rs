//! The names of all sections of `themis.conf`. One file serves all programs: each program reads the sections it uses and
//! must know the others by name, so that a misspelt section is found by whichever program starts first.

/// Sections of our own and those shared with other OpenStack services; a trailing colon marks a family.
pub const SECTIONS: &[&str] = &[
    "default",
    "api",
    "engine",
    "detection",
    "brakes",
    "fencing",
    "recovery",
    "host_failure",
    "instance_failure",
    "process_failure",
    "hostmonitor",
    "network:",
    "nova",
    "placement",
    "keystone_authtoken",
    "database",
    "oslo_messaging_rabbit",
    "oslo_messaging_notifications",
    "oslo_middleware",
    "oslo_policy",
    "oslo_concurrency",
    "cors",
    "healthcheck",
];

/// Whether a section of this name exists.
#[must_use]
pub fn knows(section: &str) -> bool {
    SECTIONS.iter().any(|name| {
        if name.ends_with(':') {
            section.starts_with(name)
        } else {
            section == *name
        }
    })
}
