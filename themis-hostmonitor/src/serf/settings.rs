//! The generated configuration of one agent, as serf's behaviour was measured to need it. It is written with mode 0600
//! because it holds the keys; no key ever stands in an argument list.

use std::fs::{File, OpenOptions, Permissions};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::config::NetworkConfig;

/// Where the files of one agent are.
#[derive(Debug, Clone)]
pub struct AgentFiles {
    /// The generated configuration.
    pub config: PathBuf,
    /// The running agent's process id.
    pub pid: PathBuf,
    /// Serf's own memory of peers that were alive.
    pub snapshot: PathBuf,
}

impl AgentFiles {
    /// The files of the agent of `network`.
    #[must_use]
    pub fn of(runtime_dir: &Path, network: &str) -> Self {
        let file = |ending: &str| runtime_dir.join(format!("serf-{network}.{ending}"));
        Self {
            config: file("json"),
            pid: file("pid"),
            snapshot: file("snapshot"),
        }
    }
}

/// The agent's configuration. `rpc_key` keeps other users of this host from making the agent leave.
#[must_use]
pub fn agent_settings(network: &NetworkConfig, host: &str, rpc_key: &SecretString, snapshot: &Path) -> Value {
    let port = network.port;
    let others: Vec<String> = network
        .others(host)
        .map(|peer| SocketAddr::new(peer.address, port).to_string())
        .collect();
    let mut settings = json!({
        "node_name": host,
        "bind": SocketAddr::new(network.address, port).to_string(),
        "rpc_addr": network.rpc.to_string(),
        "rpc_auth": rpc_key.expose_secret(),
        "profile": "lan",
        "log_level": "info",
        "tags": { "net": network.name.0, "host": host },
        "retry_join": others,
        "retry_interval": "2s",
        // A failed peer is tried again after this time; the default of 30 s delays the healing of a partition.
        "reconnect_interval": "2s",
        // After this time serf forgets a failed peer and never tries it again: a longer partition would stay for ever.
        "reconnect_timeout": "8760h",
        "tombstone_timeout": "8760h",
        "snapshot_path": snapshot,
        // No signal makes the agent leave: peers must see a stopped agent as failed. It leaves only when it is told to,
        // because the host is being shut down in order.
        "leave_on_terminate": false,
        "skip_leave_on_interrupt": true,
    });
    if let (Some(key), Some(fields)) = (&network.encrypt_key, settings.as_object_mut()) {
        fields.insert("encrypt_key".to_owned(), key.expose_secret().into());
    }
    settings
}

/// Writes `bytes` to `path` so that only the owner can read them and no reader ever sees half of them.
///
/// # Errors
/// The directory is not writable or full.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(bytes)?;
    std::fs::rename(&fresh, path)
}

/// The runtime directory could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeDirError {
    /// It cannot be made or written to.
    #[error("cannot use {directory}: {source}; set [hostmonitor] runtime_dir to a directory that this user may write")]
    Unusable {
        /// The directory.
        directory: String,
        /// Why.
        source: std::io::Error,
    },
    /// Another monitor works there; two would end each other's agents.
    #[error("another themis-hostmonitor uses {0}; stop it, or give this one a [hostmonitor] runtime_dir of its own")]
    InUse(String),
}

/// Makes the directory (mode 0700) and takes its lock, which is held as long as the file is.
///
/// # Errors
/// See [`RuntimeDirError`].
pub fn claim_runtime_dir(directory: &Path) -> Result<File, RuntimeDirError> {
    let shown = directory.display().to_string();
    let unusable = |source| RuntimeDirError::Unusable {
        directory: shown.clone(),
        source,
    };
    if !directory.is_dir() {
        std::fs::create_dir_all(directory).map_err(unusable)?;
        std::fs::set_permissions(directory, Permissions::from_mode(0o700)).map_err(unusable)?;
    }
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(directory.join("hostmonitor.lock"))
        .map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(RuntimeDirError::InUse(shown)),
        Err(std::fs::TryLockError::Error(source)) => Err(unusable(source)),
    }
}

#[cfg(test)]
mod tests {
    use themis_config::Source;

    use super::*;
    use crate::config::MonitorConfig;

    fn network(text: &str) -> NetworkConfig {
        let source = Source::from_text("t.conf", text).unwrap();
        MonitorConfig::read(&source, "compute-1").unwrap().networks.remove(0)
    }

    #[test]
    fn the_agent_is_configured_as_measured() {
        let network = network(
            "[network:storage]\nencrypt_key = MDEyMzQ1Njc4OWFiY2RlZg==\n\
             peers = compute-1=10.0.2.1, compute-2=10.0.2.2, witness:ctl=fd00::9\n",
        );
        let settings = agent_settings(
            &network,
            "compute-1",
            &"sesame".into(),
            Path::new("/run/x/serf-storage.snapshot"),
        );
        assert_eq!(
            settings,
            json!({
                "node_name": "compute-1", "bind": "10.0.2.1:7946", "rpc_addr": "127.0.0.1:7373", "rpc_auth": "sesame",
                "profile": "lan", "log_level": "info", "tags": {"net": "storage", "host": "compute-1"},
                "retry_join": ["10.0.2.2:7946", "[fd00::9]:7946"], "retry_interval": "2s", "reconnect_interval": "2s",
                "reconnect_timeout": "8760h", "tombstone_timeout": "8760h", "snapshot_path": "/run/x/serf-storage.snapshot",
                "leave_on_terminate": false, "skip_leave_on_interrupt": true, "encrypt_key": "MDEyMzQ1Njc4OWFiY2RlZg==",
            })
        );
    }

    #[test]
    fn files_with_keys_are_for_their_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("serf-storage.json");
        std::fs::write(&path, "old").unwrap();
        write_private(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn one_monitor_per_runtime_dir() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("themis");
        let lock = claim_runtime_dir(&directory).unwrap();
        assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        assert!(
            claim_runtime_dir(&directory)
                .unwrap_err()
                .to_string()
                .contains("runtime_dir of its own")
        );
        drop(lock);
        claim_runtime_dir(&directory).unwrap();
        let error = claim_runtime_dir(Path::new("/proc/none")).unwrap_err().to_string();
        assert!(
            error.contains("/proc/none") && error.contains("[hostmonitor] runtime_dir"),
            "{error}"
        );
    }
}
