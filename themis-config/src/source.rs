//! Where values come from: INI files (a later file wins), then the environment.
//!
//! An override is `THEMIS_<SECTION>__<KEY>` in upper case, with `-` and `:` of a section's name written `_`
//! (`THEMIS_DATABASE__CONNECTION`, `THEMIS_NETWORK_STORAGE__BIND`); oslo.config's own `OS_<SECTION>__<KEY>` counts too,
//! after it. How a file is read is told in `ini`, what `$option` in a value means in `substitute`, which names are known
//! in [`crate::known`]. An option that is written several times has its last value, a list of ours all of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::{ConfigError, Section, Value, ini, oslo, substitute};

/// Where further files are looked for when no directory is named.
const DIRECTORY: &str = "/etc/themis/themis.conf.d";

/// All values of a configuration, with where each came from.
#[derive(Clone, Default)]
pub struct Source {
    pub(crate) layers: Vec<Layer>,
    environment: BTreeMap<String, String>,
}

/// One file.
#[derive(Clone)]
pub(crate) struct Layer {
    pub(crate) name: String,
    pub(crate) sections: ini::Sections,
}

/// Values may be secrets.
impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("files", &self.files())
            .finish_non_exhaustive()
    }
}

/// What is written for an option, and where.
struct Written {
    text: String,
    origin: String,
}

impl Source {
    /// Reads files in order; a later one wins. `environment` is the process's, or a test's.
    ///
    /// # Errors
    /// A file that cannot be read or is not INI.
    pub fn load(
        files: &[impl AsRef<Path>],
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut layers = Vec::new();
        for file in files {
            let name = file.as_ref().display().to_string();
            let text = std::fs::read_to_string(file.as_ref()).map_err(|source| ConfigError::Read {
                file: name.clone(),
                source,
            })?;
            let sections = ini::parse(&name, &text)?;
            layers.push(Layer { name, sections });
        }
        let ours = |key: &String| key.starts_with("THEMIS_") || (key.starts_with("OS_") && key.contains("__"));
        Ok(Self {
            layers,
            environment: environment.into_iter().filter(|(key, _)| ours(key)).collect(),
        })
    }

    /// The same with the files of directories after them, as a command line names both. Without a directory
    /// `/etc/themis/themis.conf.d` counts, if there is one.
    ///
    /// # Errors
    /// A file or directory that cannot be read, or a file that is not INI.
    pub fn load_with_directories(
        files: &[PathBuf],
        directories: &[PathBuf],
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut files = files.to_vec();
        for directory in directories {
            files.extend(Self::files_of(directory)?);
        }
        let usual = Path::new(DIRECTORY);
        if directories.is_empty() && usual.is_dir() {
            files.extend(Self::files_of(usual)?);
        }
        Self::load(&files, environment)
    }

    /// The `*.conf` files of a directory in the order of their names, as `--config-dir` means them.
    ///
    /// # Errors
    /// It cannot be read.
    fn files_of(directory: &Path) -> Result<Vec<PathBuf>, ConfigError> {
        let unreadable = |source| ConfigError::ReadDirectory {
            directory: directory.display().to_string(),
            source,
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let hidden = path
                .file_name()
                .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
            if !hidden && path.extension().is_some_and(|ending| ending == "conf") {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    /// A configuration from text, for tests and tools.
    ///
    /// # Errors
    /// Text that is not INI.
    pub fn from_text(name: &str, text: &str) -> Result<Self, ConfigError> {
        let layer = Layer {
            name: name.to_owned(),
            sections: ini::parse(name, text)?,
        };
        Ok(Self {
            layers: vec![layer],
            environment: BTreeMap::new(),
        })
    }

    pub(crate) fn files(&self) -> String {
        let names: Vec<&str> = self.layers.iter().map(|layer| layer.name.as_str()).collect();
        names.join(", ")
    }

    /// The section of the type's own name.
    ///
    /// # Errors
    /// A value of the wrong kind, or a missing one.
    pub fn section<S: Section>(&self) -> Result<S, ConfigError> {
        S::read(self, S::NAME)
    }

    /// Every section of a family such as `network:NAME`, by NAME, in alphabetical order.
    ///
    /// # Errors
    /// A value of the wrong kind, or a missing one.
    pub fn family<S: Section>(&self) -> Result<Vec<(String, S)>, ConfigError> {
        let names = self.layers.iter().flat_map(|layer| layer.sections.keys());
        let names: std::collections::BTreeSet<&String> = names.filter(|name| name.starts_with(S::NAME)).collect();
        let read = |name: &String| S::read(self, name).map(|section| (name[S::NAME.len()..].to_owned(), section));
        names.into_iter().map(read).collect()
    }

    /// One option: the environment's word, then the files', then the default.
    ///
    /// # Errors
    /// A value of the wrong kind, or a missing one.
    pub fn value<T: Value>(&self, section: &str, key: &str, default: Option<&str>) -> Result<T, ConfigError> {
        self.value_or_former(section, key, &[], default)
    }

    /// The same; when it is not written in a file, what is written there under a former name (`name`, or `section.name`).
    ///
    /// # Errors
    /// A value of the wrong kind, or a missing one.
    pub fn value_or_former<T: Value>(
        &self,
        section: &str,
        key: &str,
        former: &[&str],
        default: Option<&str>,
    ) -> Result<T, ConfigError> {
        let bad = |origin: &str, what| ConfigError::BadValue {
            file: origin.to_owned(),
            section: section.to_owned(),
            key: key.to_owned(),
            what,
        };
        let former = former
            .iter()
            .map(|name| name.split_once('.').unwrap_or((section, name)));
        let names: Vec<(&str, &str)> = std::iter::once((section, key)).chain(former).collect();
        if let Some(Written { text, origin }) = self.written(&names, T::MANY) {
            let look = |section: &str, key: &str| self.written(&[(section, key)], false).map(|found| found.text);
            return substitute::fill(&text, section, &look)
                .and_then(|text| T::read(&text))
                .map_err(|what| bad(&origin, what));
        }
        match default {
            Some(text) => T::read(text).map_err(|what| bad("built-in default", what)),
            None => T::absent().ok_or_else(|| ConfigError::Missing {
                file: self.files(),
                section: section.to_owned(),
                key: key.to_owned(),
            }),
        }
    }

    /// By any of an option's names, the earlier ones first.
    fn written(&self, names: &[(&str, &str)], many: bool) -> Option<Written> {
        let variables = names.iter().flat_map(|(section, key)| variables(section, key));
        for variable in variables {
            if let Some(text) = self.environment.get(&variable) {
                let (text, origin) = (text.clone(), variable);
                return Some(Written { text, origin });
            }
        }
        let of_layer = |layer: &Layer| {
            let find = |(section, key): &(&str, &str)| layer.sections.get(*section)?.get(*key).cloned();
            names.iter().find_map(find).map(|values| (values, layer.name.clone()))
        };
        let mut found = self.layers.iter().rev().filter_map(of_layer);
        let (mut values, origin) = found.next()?;
        let text = match names.first() {
            // Oslo's own lists are written once, with commas; a few are written line by line, in all files together.
            Some((section, key)) if many && oslo::accumulates(section, key) => {
                for (earlier, _) in found {
                    values.splice(0..0, earlier);
                }
                values.join(",")
            }
            Some((section, _)) if many && oslo::options(section).is_none() => values.join(","),
            _ => values.pop()?,
        };
        Some(Written { text, origin })
    }
}

/// The variables that override an option; the first one counts.
fn variables(section: &str, key: &str) -> [String; 2] {
    ["THEMIS", "OS"].map(|prefix| {
        let section = section.replace([':', '-'], "_");
        format!("{prefix}_{section}__{key}").to_ascii_uppercase()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::section! {
        struct Engine("engine", strict) {
            /// Seconds.
            lease_ttl: std::time::Duration = "10",
            /// Text.
            name: Option<String>,
        }
    }
    crate::section! {
        struct Network("network:", strict) {
            /// Address.
            bind: String,
        }
    }

    #[test]
    fn values_keep_what_other_parsers_eat() {
        let text = "[Engine]\nname = a\\b#c;d\n[network:storage]\nbind = '10.0.0.1'\n";
        let source = Source::from_text("t.conf", text).unwrap();
        assert_eq!(source.section::<Engine>().unwrap().name.as_deref(), Some("a\\b#c;d"));
        let networks = source.family::<Network>().unwrap();
        assert_eq!(
            (networks[0].0.as_str(), networks[0].1.bind.as_str()),
            ("storage", "10.0.0.1")
        );
    }

    #[test]
    fn the_environment_wins_and_is_named_in_errors() {
        let directory = std::env::temp_dir().join(format!("themis-config-{}", std::process::id()));
        std::fs::write(&directory, "[engine]\nlease_ttl = 3\n").unwrap();
        let load = |set: &[(&str, &str)]| {
            let set = set
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Source::load(&[&directory], set).unwrap()
        };
        let ttl = |set: &[(&str, &str)]| load(set).section::<Engine>().unwrap().lease_ttl.as_secs();
        let (ours, oslos) = (("THEMIS_ENGINE__LEASE_TTL", "7"), ("OS_ENGINE__LEASE_TTL", "8"));
        assert_eq!(
            (ttl(&[]), ttl(&[ours]), ttl(&[oslos]), ttl(&[ours, oslos])),
            (3, 7, 8, 7)
        );
        let error = load(&[("THEMIS_ENGINE__LEASE_TTL", "soon")])
            .section::<Engine>()
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("THEMIS_ENGINE__LEASE_TTL: [engine] lease_ttl: 'soon' is not"),
            "{error}"
        );
        std::fs::remove_file(directory).unwrap();
    }

    #[test]
    fn a_later_file_wins_key_by_key() {
        let file = |number: u32, text: &str| {
            let path = std::env::temp_dir().join(format!("themis-layer-{}-{number}", std::process::id()));
            std::fs::write(&path, text).unwrap();
            path
        };
        let first = file(1, "[engine]\nlease_ttl = 3\nname = a\n[network:storage.1]\nbind = x\n");
        let second = file(2, "[Engine]\nlease-ttl = soon\n");
        let source = Source::load(&[&first, &second], []).unwrap();
        assert_eq!(source.value::<String>("engine", "name", None).unwrap(), "a");
        let error = source.section::<Engine>().unwrap_err().to_string();
        assert!(
            error.starts_with(&second.display().to_string()),
            "the file that says it is named: {error}"
        );
        assert_eq!(source.family::<Network>().unwrap()[0].0, "storage.1");
        std::fs::remove_file(first).unwrap();
        std::fs::remove_file(second).unwrap();
    }

    #[test]
    fn a_missing_value_and_a_missing_file_name_the_file() {
        let source = Source::from_text("t.conf", "[network:x]\n").unwrap();
        let error = source.family::<Network>().unwrap_err().to_string();
        assert!(error.contains("t.conf: [network:x] bind is not set"), "{error}");
        let error = Source::load(&["/nonexistent/themis.conf"], []).unwrap_err().to_string();
        assert!(
            error.contains("/nonexistent/themis.conf") && error.contains("--config-file"),
            "{error}"
        );
    }

    #[test]
    fn a_directory_s_files_come_in_the_order_of_their_names() {
        let directory = std::env::temp_dir().join(format!("themis-config-dir-{}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        for name in ["b.conf", "a.conf", "c.conf~", ".d.conf"] {
            std::fs::write(directory.join(name), "").unwrap();
        }
        let files = Source::files_of(&directory).unwrap();
        assert_eq!(files, [directory.join("a.conf"), directory.join("b.conf")]);
        std::fs::remove_dir_all(&directory).unwrap();
        let error = Source::files_of(&directory).unwrap_err().to_string();
        assert!(error.contains("--config-dir"), "{error}");
    }

    #[test]
    fn debug_shows_no_value() {
        let source = Source::from_text("t.conf", "[database]\nconnection = hunter2\n").unwrap();
        assert_eq!(format!("{source:?}"), "Source { files: \"t.conf\", .. }");
    }
}
