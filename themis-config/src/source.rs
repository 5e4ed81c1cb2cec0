//! Where values come from: INI files (a later file wins), then the environment.
//!
//! An override is `THEMIS_<SECTION>__<KEY>` in upper case, with `-` and `:` of a section's name written `_`
//! (`THEMIS_DATABASE__CONNECTION`, `THEMIS_NETWORK_STORAGE__BIND`). `$option` substitution of oslo.config is not
//! supported. Values keep backslashes, `#` and `;`; one pair of outer quotes is stripped; a repeated key is a list.

use std::collections::BTreeMap;
use std::path::Path;

use config::builder::DefaultState;
use config::{Config, ConfigBuilder, ValueKind};
use ini::{Ini, ParseOption};

use crate::{ConfigError, Section, Value, catalogue, nearest, oslo};

/// All values of a configuration, with where each came from.
#[derive(Debug, Clone, Default)]
pub struct Source {
    files: String,
    sections: BTreeMap<String, BTreeMap<String, Entry>>,
    environment: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
struct Entry {
    text: String,
    origin: String,
}

/// One file as a layer. Not config's own INI format: that one takes backslashes for escapes and glues an indented line to
/// the next key.
#[derive(Debug, Clone)]
struct IniLayer {
    name: String,
    sections: BTreeMap<String, BTreeMap<String, String>>,
}

impl IniLayer {
    fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        let option = ParseOption {
            enabled_quote: false,
            enabled_escape: false,
            enabled_indented_mutiline_value: true,
            ..ParseOption::default()
        };
        let parsed = Ini::load_from_str_opt(text, option).map_err(|error| ConfigError::Syntax {
            file: name.to_owned(),
            line: error.line,
            what: error.msg.to_string(),
        })?;
        let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (section, properties) in &parsed {
            let section = section.unwrap_or("DEFAULT").trim().to_ascii_lowercase();
            let entries = sections.entry(section).or_default();
            for (key, value) in properties.iter() {
                let text = unquote(value.trim());
                entries
                    .entry(key.trim().replace('-', "_").to_ascii_lowercase())
                    .and_modify(|known| *known = format!("{known},{text}"))
                    .or_insert_with(|| text.to_owned());
            }
        }
        Ok(Self {
            name: name.to_owned(),
            sections,
        })
    }
}

impl config::Source for IniLayer {
    fn clone_into_box(&self) -> Box<dyn config::Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<config::Map<String, config::Value>, config::ConfigError> {
        let value = |text: &String| config::Value::new(Some(&self.name), ValueKind::String(text.clone()));
        let table = |entries: &BTreeMap<String, String>| {
            let entries = entries.iter().map(|(key, text)| (key.clone(), value(text))).collect();
            config::Value::new(Some(&self.name), ValueKind::Table(entries))
        };
        Ok(self
            .sections
            .iter()
            .map(|(name, entries)| (name.clone(), table(entries)))
            .collect())
    }
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
            layers.push(IniLayer::parse(&name, &text)?);
        }
        let environment = environment.into_iter().filter(|(key, _)| key.starts_with("THEMIS_"));
        Ok(Self {
            environment: environment.collect(),
            ..Self::merge(layers)?
        })
    }

    /// A configuration from text, for tests and tools.
    ///
    /// # Errors
    /// Text that is not INI.
    pub fn from_text(name: &str, text: &str) -> Result<Self, ConfigError> {
        Self::merge(vec![IniLayer::parse(name, text)?])
    }

    /// Lays the files over one another: a later one wins, key by key.
    fn merge(layers: Vec<IniLayer>) -> Result<Self, ConfigError> {
        let files = layers
            .iter()
            .map(|layer| layer.name.clone())
            .collect::<Vec<_>>()
            .join(", ");
        let unreadable = |what: config::ConfigError| ConfigError::Syntax {
            file: files.clone(),
            line: 0,
            what: what.to_string(),
        };
        let builder = layers
            .into_iter()
            .fold(Config::builder(), ConfigBuilder::<DefaultState>::add_source);
        let merged = builder
            .build()
            .and_then(|config| config.cache.into_table())
            .map_err(unreadable)?;
        let mut sections = BTreeMap::new();
        for (name, section) in merged {
            let mut entries = BTreeMap::new();
            for (key, value) in section.into_table().map_err(unreadable)? {
                let origin = value.origin().unwrap_or_default().to_owned();
                let text = value.into_string().map_err(unreadable)?;
                entries.insert(key, Entry { text, origin });
            }
            sections.insert(name, entries);
        }
        Ok(Self {
            files,
            sections,
            environment: BTreeMap::new(),
        })
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
        self.sections
            .keys()
            .filter_map(|name| name.strip_prefix(S::NAME).map(|member| (member.to_owned(), name)))
            .map(|(member, name)| S::read(self, name).map(|section| (member, section)))
            .collect()
    }

    /// One option: the environment's word, then the file's, then the default.
    ///
    /// # Errors
    /// A value of the wrong kind, or a missing one.
    pub fn value<T: Value>(&self, section: &str, key: &str, default: Option<&str>) -> Result<T, ConfigError> {
        let bad = |origin: &str, what| ConfigError::BadValue {
            file: origin.to_owned(),
            section: section.to_owned(),
            key: key.to_owned(),
            what,
        };
        let variable = variable(section, key);
        if let Some(text) = self.environment.get(&variable) {
            return T::read(text).map_err(|what| bad(&variable, what));
        }
        if let Some(entry) = self.sections.get(section).and_then(|entries| entries.get(key)) {
            return T::read(&entry.text).map_err(|what| bad(&entry.origin, what));
        }
        match default {
            Some(text) => T::read(text).map_err(|what| bad("built-in default", what)),
            None => T::absent().ok_or_else(|| ConfigError::Missing {
                file: self.files.clone(),
                section: section.to_owned(),
                key: key.to_owned(),
            }),
        }
    }

    /// Refuses unknown sections, and unknown keys in those sections of our own that the calling program reads (`known`;
    /// a section may be read by several structs), naming the nearest known one.
    ///
    /// # Errors
    /// The first unknown name.
    pub fn check(&self, known: &[KnownSection]) -> Result<(), ConfigError> {
        for (section, entries) in &self.sections {
            if !catalogue::knows(section) && !self.holds_credentials(section) {
                return Err(ConfigError::UnknownSection {
                    file: entries
                        .values()
                        .next()
                        .map_or_else(|| self.files.clone(), |e| e.origin.clone()),
                    section: section.clone(),
                    hint: nearest::hint(section, catalogue::SECTIONS.iter().copied(), |n| format!("[{n}]")),
                });
            }
            let specs: Vec<&KnownSection> = known.iter().filter(|k| k.covers(section)).collect();
            if specs.is_empty() || specs.iter().any(|spec| !spec.strict) {
                continue;
            }
            for (key, entry) in entries {
                if !specs.iter().any(|spec| spec.keys.contains(&key.as_str())) {
                    return Err(ConfigError::UnknownKey {
                        file: entry.origin.clone(),
                        section: section.clone(),
                        key: key.clone(),
                        hint: nearest::hint(key, specs.iter().flat_map(|s| s.keys.iter().copied()), |n| {
                            format!("'{n}'")
                        }),
                    });
                }
            }
        }
        Ok(())
    }

    /// Whether an `auth_section` of keystoneauth's names it: such a section may have any name.
    fn holds_credentials(&self, section: &str) -> bool {
        let named = |entries: &BTreeMap<String, Entry>| {
            let entry = entries.get("auth_section");
            entry.is_some_and(|entry| entry.text.trim().eq_ignore_ascii_case(section))
        };
        self.sections.values().any(named)
    }

    /// What stands in a section shared with OpenStack's libraries and is known neither to them nor to the calling program
    /// (`known`): one sentence each, with the nearest name. No error, for such a section is often a copy of another
    /// service's; but a misspelt option must not go unseen. An old name that oslo would honour is pointed out as well.
    #[must_use]
    pub fn warnings(&self, known: &[KnownSection]) -> Vec<String> {
        let mut warnings = Vec::new();
        for (section, entries) in &self.sections {
            let specs: Vec<&KnownSection> = known.iter().filter(|k| k.covers(section)).collect();
            // A section of our own is checked strictly by the program that owns it.
            let Some(mut names) = oslo::options(section) else {
                continue;
            };
            names.extend(specs.iter().flat_map(|spec| spec.keys.iter().copied()));
            for (key, entry) in entries {
                if names.contains(&key.as_str()) {
                    continue;
                }
                let what = match oslo::renamed(section, key) {
                    Some(present) => format!("is the old name of '{present}' and has no effect; write '{present}'"),
                    None => {
                        let hint = nearest::hint(key, names.iter().copied(), |n| format!("'{n}'"));
                        format!("is unknown and has no effect{hint}")
                    }
                };
                let shown = if section == "default" { "DEFAULT" } else { section };
                warnings.push(format!("{}: '{key}' in [{shown}] {what}", entry.origin));
            }
        }
        warnings
    }
}

/// A section that some program of Themis knows.
#[derive(Debug, Clone)]
pub struct KnownSection {
    name: &'static str,
    strict: bool,
    keys: Vec<&'static str>,
}

impl KnownSection {
    /// What the type says of itself.
    #[must_use]
    pub fn of<S: Section>() -> Self {
        Self {
            name: S::NAME,
            strict: S::STRICT,
            keys: S::keys().iter().map(|k| k.name).collect(),
        }
    }

    fn covers(&self, section: &str) -> bool {
        if self.name.ends_with(':') {
            section.starts_with(self.name)
        } else {
            section == self.name
        }
    }
}

fn variable(section: &str, key: &str) -> String {
    format!("THEMIS_{}__{key}", section.replace([':', '-'], "_")).to_ascii_uppercase()
}

fn unquote(text: &str) -> &str {
    for quote in ['"', '\''] {
        if text.len() >= 2 && text.starts_with(quote) && text.ends_with(quote) {
            return &text[1..text.len() - 1];
        }
    }
    text
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

    fn known() -> [KnownSection; 2] {
        [KnownSection::of::<Engine>(), KnownSection::of::<Network>()]
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
        source.check(&known()).unwrap();
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest() {
        let error = |text| {
            Source::from_text("t.conf", text)
                .unwrap()
                .check(&known())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            error("[engine]\nlease_tll=1\n"),
            "t.conf: unknown key 'lease_tll' in [engine]; did you mean 'lease_ttl'?"
        );
        assert_eq!(
            error("[enigne]\nname=1\n"),
            "t.conf: unknown section [enigne]; did you mean [engine]?"
        );
    }

    #[test]
    fn in_shared_sections_oslos_names_pass_and_others_are_pointed_out() {
        let text = "[oslo_messaging_rabbit]\nrpc_conn_pool_size = 9\nrabbit_qourum_queue = true\nrabbit_use_ssl = 1\n\
                    [DEFAULT]\nlog_dir = /var/log\nour_own = 1\ncolour = red\n[engine]\nname = a\n[cors]\nmax_agee = 1\n";
        crate::section! {
            struct Common("default", shared) {
                /// Text.
                our_own: String = "",
            }
        }
        let source = Source::from_text("t.conf", text).unwrap();
        let known = [KnownSection::of::<Engine>(), KnownSection::of::<Common>()];
        source.check(&known).unwrap();
        assert_eq!(source.section::<Common>().unwrap().our_own, "1");
        assert_eq!(
            source.warnings(&known),
            [
                "t.conf: 'max_agee' in [cors] is unknown and has no effect; did you mean 'max_age'?",
                "t.conf: 'colour' in [DEFAULT] is unknown and has no effect",
                "t.conf: 'rabbit_qourum_queue' in [oslo_messaging_rabbit] is unknown and has no effect; \
                 did you mean 'rabbit_quorum_queue'?",
                "t.conf: 'rabbit_use_ssl' in [oslo_messaging_rabbit] is the old name of 'ssl' and has no effect; \
                 write 'ssl'",
            ]
        );
    }

    #[test]
    fn the_environment_wins_and_is_named_in_errors() {
        let directory = std::env::temp_dir().join(format!("themis-config-{}", std::process::id()));
        std::fs::write(&directory, "[engine]\nlease_ttl = 3\n").unwrap();
        let load = |value: &str| {
            Source::load(
                &[&directory],
                [("THEMIS_ENGINE__LEASE_TTL".to_owned(), value.to_owned())],
            )
            .unwrap()
        };
        assert_eq!(load("7").section::<Engine>().unwrap().lease_ttl.as_secs(), 7);
        let error = load("soon").section::<Engine>().unwrap_err().to_string();
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
}
