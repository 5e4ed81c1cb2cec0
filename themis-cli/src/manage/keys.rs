//! `keys create`.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use themis_fencing::SealKey;

use super::Failure;

/// Writes a new key, readable by its owner only. An existing file is never touched.
pub(super) fn create(file: &Path) -> Result<String, Failure> {
    let text = SealKey::new_text()?;
    let trouble = |source| Failure::KeyFile {
        file: file.to_owned(),
        source,
    };
    let opened = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file);
    let mut opened = opened.map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => Failure::KeyExists { file: file.to_owned() },
        _ => trouble(source),
    })?;
    let written = opened.write_all(text.as_bytes()).and_then(|()| opened.sync_all());
    if let Err(source) = written {
        // Half a key must not be taken for one, nor stand in the way of the next attempt.
        drop(std::fs::remove_file(file));
        return Err(trouble(source));
    }
    Ok(format!(
        "{}: new key; copy it to every controller and name it in [fencing] key_file\n",
        file.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_readable_by_its_owner_only_and_never_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("fencing.key");
        create(&file).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(SealKey::from_text(&text).is_some());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

        let error = create(&file).unwrap_err();
        assert!(matches!(&error, Failure::KeyExists { .. }), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);

        let error = create(&directory.path().join("missing/fencing.key"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("missing/fencing.key"), "{error}");
        let other = directory.path().join("other.key");
        create(&other).unwrap();
        assert_ne!(std::fs::read_to_string(&other).unwrap(), text);
    }
}
