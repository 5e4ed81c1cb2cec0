//! The section `[fencing]`: how long a power-off may take and where the key that seals device passwords lies.
//! The fence rule's own times (`deadline`, `off_hold`) are declared here and obeyed by the engine.

use std::path::PathBuf;
use std::time::Duration;

use themis_config::{KnownSection, section};

use crate::device::Timing;

/// Longer than the ten seconds between two readings of an incident, shorter than a BMC's own limit of a minute.
const SESSION_IDLE: Duration = Duration::from_secs(25);

section! {
    /// How hosts are powered off.
    pub struct FencingSection("fencing", strict) {
        /// File with the key that seals device passwords in the database; made by `themis-manage keys create FILE`.
        pub key_file: Option<PathBuf>,
        /// Seconds that one fencing may take before it counts as failed and is tried again later.
        pub deadline: Duration = "60",
        /// Seconds between two readings of a device, and between two attempts to reach it.
        pub poll_interval: Duration = "1",
        /// Seconds to wait for the answer to one request; slow devices need two.
        pub try_time: Duration = "2",
        /// Seconds through which a host that was off before the command must read off.
        pub off_hold: Duration = "12",
    }
}

impl FencingSection {
    /// What a device needs of these times.
    #[must_use]
    pub const fn timing(&self) -> Timing {
        Timing {
            try_time: self.try_time,
            poll_interval: self.poll_interval,
            session_idle: SESSION_IDLE,
        }
    }
}

/// The sections that this crate reads.
#[must_use]
pub fn sections() -> Vec<KnownSection> {
    vec![KnownSection::of::<FencingSection>()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use themis_config::Source;

    #[test]
    fn defaults_are_the_documented_ones() {
        let section: FencingSection = Source::from_text("t.conf", "[fencing]\n").unwrap().section().unwrap();
        let seconds = [
            section.deadline,
            section.poll_interval,
            section.try_time,
            section.off_hold,
        ];
        assert_eq!(seconds.map(|d| d.as_secs()), [60, 1, 2, 12]);
        assert!(section.key_file.is_none());
    }

    #[test]
    fn a_misspelt_key_is_refused_with_the_nearest() {
        let error = Source::from_text("t.conf", "[fencing]\nkeyfile = /x\n")
            .unwrap()
            .check(&sections())
            .unwrap_err();
        assert!(error.to_string().contains("did you mean 'key_file'"), "{error}");
    }
}
