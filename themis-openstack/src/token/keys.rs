//! Keystone's public keys: every `*.pem` of a directory that the operator keeps equal to Keystone's own
//! (`[jwt_tokens] jws_public_key_repository`).
//!
//! Rotation needs no restart. The directory is looked at again when a token comes that no key has signed, and every few
//! seconds while JWS tokens come, so that a key that was taken away stops counting; files are read only when the
//! directory has changed. A directory that cannot be used any more leaves the last good keys in force and says so.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jsonwebtoken::DecodingKey;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::jws::{self, JwsFault};

/// Every one costs a verification for each forged token.
const KEYS_LIMIT: usize = 32;
/// A P-256 key in PEM is some 180 bytes.
const FILE_LIMIT_BYTES: u64 = 8 << 10;
/// An uncompressed point of P-256.
const P256_POINT_BYTES: usize = 65;
/// While nothing is wrong.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// When no key has signed a token: forged ones must not make us look all the time.
const LOOK_SOON: Duration = Duration::from_secs(1);

/// Why a directory of keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// It or a file in it cannot be read.
    #[error("[keystone_authtoken] jws_keys_dir: cannot read {path}")]
    Read {
        /// The directory or file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It has more keys than anybody rotates through.
    #[error(
        "[keystone_authtoken] jws_keys_dir: {directory} holds more than {KEYS_LIMIT} *.pem files; remove those that keystone no longer signs with"
    )]
    TooMany {
        /// The directory.
        directory: String,
    },
    /// It has none.
    #[error(
        "[keystone_authtoken] jws_keys_dir: no P-256 public key in the *.pem files of {directory}; copy keystone's public keys there"
    )]
    None {
        /// The directory.
        directory: String,
    },
}

/// A file system that hangs must not hold everybody up.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// The keys of a directory. Clones share them.
#[derive(Debug, Clone)]
pub struct JwsKeys {
    directory: Arc<Path>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    ring: Arc<Ring>,
    looked: Instant,
}

/// What was in the directory at one time.
struct Ring {
    files: Vec<File>,
    keys: Vec<DecodingKey>,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// What tells one content of a file from the next without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    path: PathBuf,
    inode: u64,
    bytes: u64,
    modified: Option<SystemTime>,
}

impl JwsKeys {
    /// Reads the keys of a directory.
    ///
    /// # Errors
    /// It cannot be read, or holds no key.
    pub fn load(directory: &Path) -> Result<Self, KeysError> {
        let ring = Ring::read(directory, list(directory)?)?;
        tracing::info!(
            "{} keys of keystone's read from {}",
            ring.keys.len(),
            directory.display()
        );
        Ok(Self {
            directory: directory.into(),
            state: Arc::new(Mutex::new(State {
                ring: Arc::new(ring),
                looked: Instant::now(),
            })),
        })
    }

    /// Looks at the directory now, as on SIGHUP.
    pub async fn reload(&self) {
        self.ring(Duration::ZERO).await;
    }

    /// Looks at a token; see [`super::jws`].
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn check(&self, token: &str, expired_too: bool) -> Result<(), JwsFault> {
        let ring = self.ring(LOOK_EVERY).await;
        match jws::check(token, &ring.keys, expired_too) {
            Err(JwsFault::Signature) => {
                let anew = self.ring(LOOK_SOON).await;
                if Arc::ptr_eq(&ring, &anew) {
                    return Err(JwsFault::Signature);
                }
                jws::check(token, &anew.keys, expired_too)
            }
            word => word,
        }
    }

    /// The keys as they were at most `age` ago.
    async fn ring(&self, age: Duration) -> Arc<Ring> {
        let mut state = self.state.lock().await;
        if state.looked.elapsed() < age {
            return Arc::clone(&state.ring);
        }
        state.looked = Instant::now();
        let (directory, known) = (Arc::clone(&self.directory), Arc::clone(&state.ring));
        let look = tokio::task::spawn_blocking(move || Ring::follow(&directory, &known));
        match timeout(LOOK_TIMEOUT, look).await {
            Ok(Ok(Ok(None))) => {}
            Ok(Ok(Ok(Some(ring)))) => {
                tracing::info!("{} keys of keystone's read anew", ring.keys.len());
                state.ring = Arc::new(ring);
            }
            Ok(Ok(Err(error))) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "keystone's keys are not read anew, the last good ones stay"
            ),
            Ok(Err(ended)) => tracing::error!("keystone's keys are not read anew: {ended}"),
            Err(_) => tracing::error!("keystone's keys are not read anew: no answer within {LOOK_TIMEOUT:?}"),
        }
        Arc::clone(&state.ring)
    }
}

impl Ring {
    /// A new ring when the directory is no longer as it was.
    fn follow(directory: &Path, known: &Self) -> Result<Option<Self>, KeysError> {
        let files = list(directory)?;
        if files == known.files {
            return Ok(None);
        }
        Self::read(directory, files).map(Some)
    }

    fn read(directory: &Path, files: Vec<File>) -> Result<Self, KeysError> {
        let mut keys = Vec::new();
        for file in &files {
            match key(file)? {
                Ok(key) => keys.push(key),
                Err(what) => tracing::warn!("{} is skipped: {what}", file.path.display()),
            }
        }
        if keys.is_empty() {
            let directory = directory.display().to_string();
            return Err(KeysError::None { directory });
        }
        Ok(Self { files, keys })
    }
}

/// The `*.pem` files, the newest first: most tokens are signed with the newest key.
fn list(directory: &Path) -> Result<Vec<File>, KeysError> {
    let unreadable = |path: &Path, source| KeysError::Read {
        path: path.display().to_string(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|error| unreadable(directory, error))? {
        let path = entry.map_err(|error| unreadable(directory, error))?.path();
        if path.extension().is_none_or(|ending| ending != "pem") {
            continue;
        }
        if files.len() == KEYS_LIMIT {
            let directory = directory.display().to_string();
            return Err(KeysError::TooMany { directory });
        }
        let about = path.metadata().map_err(|error| unreadable(&path, error))?;
        files.push(File {
            path,
            inode: about.ino(),
            bytes: about.len(),
            modified: about.modified().ok(),
        });
    }
    files.sort_by(|a, b| (b.modified, &b.path).cmp(&(a.modified, &a.path)));
    Ok(files)
}

/// The key of a file, or why it is not one.
fn key(file: &File) -> Result<Result<DecodingKey, &'static str>, KeysError> {
    if file.bytes > FILE_LIMIT_BYTES {
        return Ok(Err("it is too large for a public key"));
    }
    let text = std::fs::read(&file.path).map_err(|source| KeysError::Read {
        path: file.path.display().to_string(),
        source,
    })?;
    let key = DecodingKey::from_ec_pem(&text);
    let is_p256 = |key: &DecodingKey| {
        key.try_get_as_bytes()
            .is_ok_and(|point| point.len() == P256_POINT_BYTES)
    };
    Ok(key.ok().filter(is_p256).ok_or("it is no P-256 public key in PEM"))
}
