//! Who this monitor is, for its reports: host, boot, system UUID, and the clock that is never set back.

use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use uuid::Uuid;

use crate::config::MonitorConfig;

/// Constant for the life of one monitor.
#[derive(Debug, Clone)]
pub struct Identity {
    /// This host.
    pub host: String,
    /// On a controller.
    pub witness: bool,
    /// The kernel's boot id.
    pub boot_id: String,
    /// The host's system UUID; `None` when it cannot be read.
    pub system_uuid: Option<Uuid>,
    /// Drawn at this start.
    pub monitor_start: Uuid,
    /// Hash of the host lists.
    pub generation: String,
}

/// The boot id cannot be read; without it a restarted host could not be told from a healthy one.
#[derive(Debug, thiserror::Error)]
#[error("cannot read a boot id from {file}: {what}; correct [hostmonitor] boot_id_file")]
pub struct BootIdError {
    file: String,
    what: String,
}

impl Identity {
    /// Reads the host's files.
    ///
    /// # Errors
    /// There is no boot id.
    pub fn read(config: &MonitorConfig, monitor_start: Uuid) -> Result<Self, BootIdError> {
        let section = &config.section;
        Ok(Self {
            host: config.host.clone(),
            witness: section.witness,
            boot_id: boot_id(&section.boot_id_file)?,
            system_uuid: system_uuid(&section.system_uuid_file),
            monitor_start,
            generation: config.generation.clone(),
        })
    }
}

/// The kernel's boot id, as its file holds it.
///
/// # Errors
/// The file is missing, empty or overlong.
pub fn boot_id(file: &Path) -> Result<String, BootIdError> {
    let error = |what: String| BootIdError {
        file: file.display().to_string(),
        what,
    };
    let text = std::fs::read_to_string(file).map_err(|source| error(source.to_string()))?;
    let text = text.trim();
    if text.is_empty() || text.len() > 100 {
        Err(error("not one short line".to_owned()))
    } else {
        Ok(text.to_owned())
    }
}

/// The host's system UUID. `None`, with a warning, when the file cannot be read or holds none: the host's power device
/// cannot be bound to it by identity then.
#[must_use]
pub fn system_uuid(file: &Path) -> Option<Uuid> {
    let warn = |what: &str| {
        tracing::warn!(
            "no system uuid: {}: {what}; power devices cannot be bound to this host by identity \
             (correct [hostmonitor] system_uuid_file, or run as root)",
            file.display()
        );
    };
    match std::fs::read_to_string(file) {
        Err(error) => warn(&error.to_string()),
        Ok(text) => match Uuid::parse_str(text.trim()) {
            Ok(uuid) if !uuid.is_nil() && !uuid.is_max() => return Some(uuid),
            Ok(_) => warn("a placeholder"),
            Err(_) => warn("not a uuid"),
        },
    }
    None
}

/// Time since the machine's start, suspended time included, in milliseconds.
#[must_use]
pub fn clock_ms() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let whole = Duration::from_secs(u64::try_from(now.tv_sec).unwrap_or(0));
    let rest = Duration::from_nanos(u64::try_from(now.tv_nsec).unwrap_or(0));
    u64::try_from((whole + rest).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_files_are_read() {
        assert!(Uuid::parse_str(&boot_id(Path::new("/proc/sys/kernel/random/boot_id")).unwrap()).is_ok());
        let first = clock_ms();
        assert!(first > 0 && clock_ms() >= first);
    }

    #[test]
    fn placeholders_are_no_system_uuid() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("uuid");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            system_uuid(&file)
        };
        for text in [
            "",
            "Not Settable",
            "00000000-0000-0000-0000-000000000000",
            "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!(read("4C4C4544-0051-3510-8058-B4C04F573732\n").is_some());
        assert_eq!(system_uuid(Path::new("/nonexistent")), None);
        let error = boot_id(Path::new("/nonexistent")).unwrap_err().to_string();
        assert!(
            error.contains("/nonexistent") && error.contains("boot_id_file"),
            "{error}"
        );
    }
}
